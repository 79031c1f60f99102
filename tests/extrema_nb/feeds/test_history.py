"""Instruments and past candles over REST."""

from __future__ import annotations

import asyncio
from functools import partial

import numpy as np
import pytest
from aiohttp import web

from extrema_nb.clock import SystemClock
from extrema_nb.errors import ConfigError
from extrema_nb.events import CANDLE, Flag
from extrema_nb.feeds.history import fetch_candles, fetch_funding, load_instruments
from extrema_nb.instruments import InstrumentTable
from extrema_nb.net.http import HttpClient
from extrema_nb.testing import instrument_table
from extrema_nb.venues.binance_usdm import VENUE
from extrema_nb.venues.binance_usdm.market import BinanceUsdmMarket
from tests.extrema_nb.net.servers import serve

MINUTE = 60_000  # ms
FIRST = 1_600_000_020_000  # ms, a full minute
COUNT = 2500


def candle(opened):
    return [opened, "1", "3", "0.5", "2", "10", opened + MINUTE - 1, "0", 1, "0", "0", "0"]


def test_all_pages_come_in_order_and_once():
    asked = []

    async def klines(request):
        start, limit = int(request.query["startTime"]), int(request.query["limit"])
        asked.append((request.query["symbol"], request.query["interval"], start))
        first = max(0, -(-(start - FIRST) // MINUTE))
        return web.json_response(
            [candle(FIRST + i * MINUTE) for i in range(first, min(COUNT, first + limit))]
        )

    async def main(start_us, end_us):
        async with serve({"/fapi/v1/klines": klines}) as host:
            http = HttpClient(f"http://{host}")
            try:
                return await fetch_candles(
                    VENUE, http, instrument_table(), 1, "1m",
                    start_us=start_us, end_us=end_us, clock=SystemClock(),
                )  # fmt: skip
            finally:
                await http.close()

    rows = asyncio.run(main(FIRST * 1000 + 1, (FIRST + COUNT * MINUTE) * 1000)).view(CANDLE)
    assert len(rows) == COUNT - 1
    assert (np.diff(rows["ts_event"]) == MINUTE * 1000).all()
    assert (np.diff(rows["ts_recv"]) >= 0).all()
    assert set(rows["flags"].tolist()) == {Flag.CLOSED | Flag.LAST}
    assert set(rows["inst"].tolist()) == {1}
    assert asked[0] == ("ETHUSDT", "1m", FIRST + 1)
    assert len(asked) == 3
    few = asyncio.run(main(FIRST * 1000, (FIRST + 5 * MINUTE) * 1000))
    assert len(few) == 5
    assert len(asyncio.run(main(FIRST * 1000, FIRST * 1000))) == 0


def test_an_unknown_interval_is_refused():
    with pytest.raises(ConfigError, match="unknown interval '1x'"):
        asyncio.run(
            fetch_candles(
                VENUE, HttpClient("http://127.0.0.1:1"), instrument_table(), 0, "1x",
                start_us=0, end_us=1, clock=SystemClock(),
            )
        )  # fmt: skip


def test_instruments_are_loaded_and_updated():
    ticks = ["0.10", "0.50"]

    async def info(_request):
        filters = [
            {"filterType": "PRICE_FILTER", "tickSize": ticks.pop(0)},
            {"filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "1000"},
        ]
        row = {"symbol": "BTCUSDT", "status": "TRADING", "contractType": "PERPETUAL",
               "baseAsset": "BTC", "quoteAsset": "USDT", "filters": filters}  # fmt: skip
        return web.json_response({"symbols": [row]})

    async def main():
        table = InstrumentTable()
        async with serve({"/fapi/v1/exchangeInfo": info}) as host:
            http = HttpClient(f"http://{host}")
            for _ in range(2):
                assert await load_instruments(VENUE, http, table) == 1
            await http.close()
        return table

    table = asyncio.run(main())
    assert len(table) == 1
    assert table[0].tick_size == 0.5


class ByWindow(BinanceUsdmMarket):
    """Answers hold what lies in the window that was asked for, as most venues' do."""

    candles_by_window = True
    funding_by_window = True
    page_candles = 100
    page_funding = 10


def ask_all(venue, fetch, routes, **span):
    async def main():
        async with serve(routes) as host:
            http = HttpClient(f"http://{host}")
            try:
                return await fetch(venue, http, instrument_table(), 0, clock=SystemClock(), **span)
            finally:
                await http.close()

    return asyncio.run(main())


def test_windows_without_a_candle_do_not_end_the_history():
    """Nothing is traded in the second window; its borders are given twice, and counted once."""
    opened = [FIRST + i * MINUTE for i in (0, 50, 100, 250, 399)]
    asked = []

    async def klines(request):
        start = int(request.query["startTime"])
        asked.append(start)
        end = start + int(request.query["limit"]) * MINUTE
        return web.json_response([candle(at) for at in opened if start <= at <= end])

    rows = ask_all(
        ByWindow(), partial(fetch_candles, interval="1m"), {"/fapi/v1/klines": klines},
        start_us=FIRST * 1000, end_us=(FIRST + 400 * MINUTE) * 1000,
    )  # fmt: skip
    assert rows["ts_event"].tolist() == [at * 1000 for at in opened]
    assert asked == [FIRST + i * 100 * MINUTE for i in range(4)]


@pytest.mark.parametrize(("venue", "pages"), [(VENUE, 3), (ByWindow(), 20)])
def test_funding_rates_come_in_order_and_once(venue, pages):
    hours = 200
    settled = [FIRST + i * 60 * MINUTE for i in range(0, hours, 8)]
    asked = []

    async def rates(request):
        start, limit = int(request.query["startTime"]), int(request.query["limit"])
        asked.append(start)
        found = [at for at in settled if at >= start]
        if venue.funding_by_window:
            found = [at for at in found if at < start + limit * 60 * MINUTE]
        return web.json_response(
            [{"symbol": "BTCUSDT", "fundingTime": at, "fundingRate": "0.0001"} for at in found[:10]]
        )

    if not venue.funding_by_window:
        venue = type("Small", (BinanceUsdmMarket,), {"page_funding": 10})()
    rows = ask_all(
        venue, fetch_funding, {"/fapi/v1/fundingRate": rates},
        start_us=FIRST * 1000, end_us=(FIRST + hours * 60 * MINUTE) * 1000,
    )  # fmt: skip
    assert rows["ts_event"].tolist() == [at * 1000 for at in settled]
    assert len(asked) == pages
