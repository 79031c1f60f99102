"""Routes of USD-M: what is asked for on the wrong one never comes."""

from __future__ import annotations

from extrema_nb.venues.binance_usdm import VENUE
from extrema_nb.venues.binance_usdm.market import route_of


def test_books_are_public_and_everything_else_is_market():
    for name in ("a@bookTicker", "a@depth", "a@depth@0ms", "a@depth20@100ms"):
        assert route_of(name) == "/public"
    for name in ("a@trade", "a@aggTrade", "a@kline_1m", "a@markPrice@1s", "a@forceOrder"):
        assert route_of(name) == "/market"


def test_the_venue_is_public_and_private():
    assert VENUE.id == "binance-usdm"
    assert VENUE.snapshot_request("BTCUSDT").path == "/fapi/v1/depth"
    assert VENUE.key_new().path == "/fapi/v1/listenKey"
