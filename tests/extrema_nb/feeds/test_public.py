"""Public REST by names, over a real socket."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from extrema_nb.channels import Endpoints
from extrema_nb.errors import ConfigError
from extrema_nb.events import CANDLE, FUNDING, LOB_LEVEL, Flag
from extrema_nb.feeds.public import PublicRest
from tests.extrema_nb.net.servers import serve

T0 = 1_600_000_020_000  # ms, a full minute
NOW_US = 1_700_000_000_000_000
FILTERS = [
    {"filterType": "PRICE_FILTER", "tickSize": "0.1"},
    {"filterType": "LOT_SIZE", "stepSize": "1", "minQty": "1", "maxQty": "1000"},
]
INFO = {
    "symbols": [
        {
            "symbol": "BTCUSD_PERP", "contractType": "PERPETUAL", "contractStatus": "TRADING",
            "contractSize": 100, "baseAsset": "BTC", "quoteAsset": "USD", "filters": FILTERS,
        }
    ]
}  # fmt: skip
TICKER = {
    "symbol": "BTCUSD_PERP", "lastPrice": "9651.6", "volume": "494109", "closeTime": T0,
    "baseVolume": "5192.9", "weightedAvgPrice": "9547.3",
}  # fmt: skip
BOOK = {"lastUpdateId": 7, "T": T0, "bids": [["9651.5", "3"]], "asks": [["9651.6", "4"]]}
CANDLE_OF = [T0, "1", "3", "0.5", "2", "10", T0 + 59_999, "0", 1, "0", "0", "0"]
RATE = {"symbol": "BTCUSD_PERP", "fundingTime": T0, "fundingRate": "-0.003", "markPrice": "9650"}
INTEREST = {"symbol": "BTCUSD_PERP", "openInterest": "15004", "time": T0}


class FixedClock:
    def now(self):
        return NOW_US


def answers(**bodies):
    def giving(body):
        async def handler(_request):
            return web.json_response(body)

        return handler

    return {f"/dapi/v1/{name.replace('__', '/')}": giving(body) for name, body in bodies.items()}


def test_every_call_gives_what_the_venue_says():
    routes = answers(
        exchangeInfo=INFO, ticker__24hr=[TICKER], depth=BOOK, klines=[CANDLE_OF],
        fundingRate=[RATE], openInterest=INTEREST, time={"serverTime": NOW_US // 1000 + 1270},
    )  # fmt: skip
    name, span = "BTC_USD_PERP", (T0 * 1000, T0 * 1000 + 60_000_000)

    async def main():
        async with serve(routes) as host:
            there = Endpoints(f"http://{host}", "")
            async with PublicRest("binance-cm", endpoints=there, clock=FixedClock()) as rest:
                table = await rest.instruments()
                assert table[table.by_name(name)].contract_value == 100
                (ticker,) = await rest.tickers()
                book = (await rest.book(name)).view(LOB_LEVEL)
                (candle,) = (await rest.candles(name, "1m", *span)).view(CANDLE)
                (rate,) = (await rest.funding_history(name, *span)).view(FUNDING)
                (interest,) = (await rest.open_interest(name)).view(FUNDING)
                return ticker, book, candle, rate, interest, await rest.clock_offset_us()

    ticker, book, candle, rate, interest, offset = asyncio.run(main())
    assert (ticker.last, ticker.volume) == (9651.6, 494109.0)
    assert book["price"].tolist() == [9651.5, 9651.6]
    assert book["flags"][0] & Flag.START
    assert (candle.close, candle.ts_recv) == (2.0, NOW_US)
    assert (rate.rate, rate.mark_price) == (-0.003, 9650.0)
    assert interest.open_interest == 15004.0
    assert offset == 1_270_000


def test_what_a_venue_does_not_offer_is_refused_before_anything_is_sent():
    async def main():
        nowhere = Endpoints("http://127.0.0.1:1", "")
        async with PublicRest("binance-spot", endpoints=nowhere) as rest:
            with pytest.raises(ConfigError, match="BTC_USDT"):
                await rest.book("BTC_USDT")  # no instrument is known yet
            rest.table.add(rest.venue.parse_instruments(SPOT)[0])
            with pytest.raises(ConfigError, match="not supported by binance-spot"):
                await rest.open_interest("BTC_USDT")
            with pytest.raises(ConfigError, match="not supported by binance-spot"):
                await rest.funding_history("BTC_USDT", 0, 1)

    asyncio.run(main())


SPOT = (
    b'{"symbols":[{"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT",'
    b'"filters":[{"filterType":"PRICE_FILTER","tickSize":"0.1"},'
    b'{"filterType":"LOT_SIZE","stepSize":"0.1"}]}]}'
)
