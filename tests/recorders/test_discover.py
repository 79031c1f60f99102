"""Instruments as a venue describes them, over real sockets."""

from __future__ import annotations

import asyncio

import pytest

from extrema_nb.channels import Endpoints
from extrema_nb.clock import SystemClock
from extrema_nb.errors import ConfigError, VenueError
from extrema_nb.feeds.market import make_http
from extrema_nb.venues import load
from recorders import discover
from recorders.discover import fetch_chosen
from replay.local_venue.server import VenueServer
from replay.local_venue.simulate import SimulatedMarket


def fetched(*words, calls=None, rest=None, timeout_s=0.01):
    async def main():
        async with VenueServer(SimulatedMarket(seed=3)) as server:
            venue = load("binance-usdm")
            http = make_http(venue, Endpoints(rest=rest or server.rest_url, ws=server.ws_url))
            try:
                return await fetch_chosen(venue, http, words, SystemClock(), timeout_s=timeout_s)
            finally:
                await http.close()

    return asyncio.run(main())


def test_the_named_instruments_are_taken_in_their_order():
    found = fetched("ETH_USDT_PERP", "BTCUSDT")
    assert [spec.name for spec in found] == ["ETH_USDT_PERP", "BTC_USDT_PERP"]
    assert found[0].tick_size == 0.01


def test_patterns_are_of_what_the_venue_has():
    assert {spec.symbol for spec in fetched("*_USDT_PERP")} >= {"BTCUSDT", "ETHUSDT"}
    with pytest.raises(ConfigError, match="fits none"):
        fetched("DOGE*")


def test_a_venue_that_tells_no_volumes_says_so(monkeypatch):
    monkeypatch.setattr(type(load("binance-usdm")), "calls", frozenset({"instruments", "book"}))
    with pytest.raises(ConfigError, match="binance-usdm tells no volumes"):
        fetched("top 5 by volume")


def test_the_busiest_are_found_by_their_turnover(monkeypatch):
    venue = load("binance-usdm")
    if "tickers" not in venue.calls:
        pytest.skip("the venue's tickers are not there yet")
    answers = {}
    real = discover.ask

    async def told(_venue, http, request):
        return answers.get(request.path) or await real(_venue, http, request)

    (request,) = venue.tickers_requests()[:1]
    answers[request.path] = (
        b'[{"symbol":"BTCUSDT","lastPrice":"1","volume":"1","quoteVolume":"5","closeTime":1,'
        b'"bidPrice":"1","askPrice":"1","bidQty":"1","askQty":"1"},'
        b'{"symbol":"ETHUSDT","lastPrice":"1","volume":"1","quoteVolume":"9","closeTime":1,'
        b'"bidPrice":"1","askPrice":"1","bidQty":"1","askQty":"1"}]'
    )
    monkeypatch.setattr(discover, "ask", told)
    assert [spec.symbol for spec in fetched("top 1 by volume")] == ["ETHUSDT"]


def test_a_venue_that_cannot_be_reached_is_said():
    with pytest.raises(VenueError, match=r"gave up after 0\.01 s"):
        fetched("BTCUSDT", rest="http://127.0.0.1:9")
