"""Which paths this market has."""

from __future__ import annotations

from replay.local_venue.public.dialects.binance_usdm import DIALECT
from tests.replay.local_venue.public.dialects.words import get


def test_it_answers_on_its_own_paths_only():
    assert DIALECT.venue == "binance-usdm"
    prefixes = {"spot": "api/v3", "usdm": "fapi/v1", "cm": "dapi/v1"}
    for market, prefix in prefixes.items():
        found = DIALECT.ask(get(f"/{prefix}/depth", symbol="X"), 0)
        assert found.status == (200 if market == "usdm" else 404)


def test_nobody_holds_anything_there():
    found = DIALECT.ask(get("/fapi/v1/openInterest", symbol="BTCUSDT"), 5)
    assert found.body == b'{"symbol":"BTCUSDT","openInterest":"0","time":5}'
    assert DIALECT.ask(get("/fapi/v1/openInterest"), 5).status == 404
