"""The uncompiled lane: small book windows, since moving a large one takes a second; few examples."""

from __future__ import annotations

import pytest

from extrema_nb import jit
from extrema_nb.books.l2 import make_books

WINDOW = 128  # ticks


def examples(n: int) -> int:
    """Return how many examples to try of what takes milliseconds compiled."""
    return n if jit.ENABLED else max(n // 8, 5)


def _small(specs, memory, *, window=None, **kwargs):
    return make_books(specs, memory, window=window or WINDOW, **kwargs)


@pytest.fixture(autouse=True)
def small_books(monkeypatch):
    """Let books be small where nothing is compiled; what they say does not depend on it."""
    if not jit.ENABLED:
        monkeypatch.setattr("extrema_nb.strategy.state.make_books", _small)
        monkeypatch.setattr("replay.exchange.model.make_books", _small)
        monkeypatch.setattr("replay.tape.build.make_books", _small)
        monkeypatch.setattr("replay.statistics.market_mids.make_books", _small)
