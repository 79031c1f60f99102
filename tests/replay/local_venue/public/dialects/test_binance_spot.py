"""Which paths this market has."""

from __future__ import annotations

from replay.local_venue.public.dialects.binance_spot import DIALECT
from tests.replay.local_venue.public.dialects.words import get


def test_it_answers_on_its_own_paths_only():
    assert DIALECT.venue == "binance-spot"
    prefixes = {"spot": "api/v3", "usdm": "fapi/v1", "cm": "dapi/v1"}
    for market, prefix in prefixes.items():
        found = DIALECT.ask(get(f"/{prefix}/depth", symbol="X"), 0)
        assert found.status == (200 if market == "spot" else 404)
