"""Which market this is."""

from __future__ import annotations

from replay.local_venue.public.dialects.gate_futures import DIALECT
from tests.replay.local_venue.public.dialects.words import get


def test_it_answers_on_its_own_paths_only():
    assert DIALECT.venue == "gate-futures"
    assert DIALECT.ask(get("/api/v4/futures/order_book"), 0).status == 200
    assert DIALECT.ask(get("/api/v4/options/order_book"), 0).status == 404
