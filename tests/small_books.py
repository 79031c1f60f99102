"""The uncompiled lane: small book windows, since moving a large one takes a second; few examples."""

from __future__ import annotations

import contextlib

import pytest

from extrema_nb import jit
from extrema_nb.books.l2 import make_books

WINDOW = 128  # ticks
MAKERS = (
    "extrema_nb.strategy.state", "replay.exchange.model", "replay.quality",
    "replay.statistics.market_mids", "replay.tape.build",
)  # fmt: skip


def examples(n: int) -> int:
    """Return how many examples to try of what takes milliseconds compiled."""
    return n if jit.ENABLED else max(n // 8, 5)


def _small(specs, memory, *, window=None, **kwargs):
    return make_books(specs, memory, window=window or WINDOW, **kwargs)


@contextlib.contextmanager
def small_books():
    """Let books be small where nothing is compiled; what they say does not depend on it."""
    with pytest.MonkeyPatch.context() as patch:
        if not jit.ENABLED:
            for module in MAKERS:
                patch.setattr(f"{module}.make_books", _small)
        yield
