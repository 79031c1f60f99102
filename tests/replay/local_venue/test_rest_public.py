"""Public answers."""

from __future__ import annotations

import time

from replay.local_venue.simulate import SimulatedMarket
from tests.replay.local_venue.client import against


def busy():
    return SimulatedMarket(seed=5, symbols=["BTCUSDT", "ETHUSDT"], rate=2_000)


def test_time_is_the_wall_s():
    async def test(client):
        assert await client.get("/fapi/v1/ping") == {}
        told = (await client.get("/fapi/v1/time"))["serverTime"]
        assert abs(told - time.time() * 1000) < 5_000

    against(test)


def test_the_book_has_as_many_levels_as_asked_for_and_is_sorted():
    async def test(client):
        found = await client.get("/fapi/v1/depth", symbol="BTCUSDT", limit=50)
        bids = [float(p) for p, _ in found["bids"]]
        asks = [float(p) for p, _ in found["asks"]]
        assert len(bids) == len(asks) == 50
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        assert bids[0] < asks[0]
        status, refused = await client.raw("GET", "/fapi/v1/depth", "symbol=BTCUSDT&limit=7")
        assert (status, refused["code"]) == (400, -4021)
        status, refused = await client.raw("GET", "/fapi/v1/depth", "symbol=XUSDT")
        assert (status, refused["code"]) == (400, -1121)
        assert (await client.raw("GET", "/fapi/v1/depth"))[1]["code"] == -1102

    against(test)


def test_trades_candles_and_prices_agree():
    async def test(client):
        trades = await client.get("/fapi/v1/trades", symbol="BTCUSDT", limit=1000)
        aggregates = await client.get("/fapi/v1/aggTrades", symbol="BTCUSDT", limit=1000)
        candles = await client.get("/fapi/v1/klines", symbol="BTCUSDT", interval="1h")
        assert 0 < len(aggregates) <= len(trades)
        assert [t["id"] for t in trades] == sorted(t["id"] for t in trades)
        assert sum(c[8] for c in candles) >= len(trades)
        highest = max(float(t["price"]) for t in trades)
        assert max(float(c[2]) for c in candles) >= highest
        status, refused = await client.raw("GET", "/fapi/v1/klines", "symbol=BTCUSDT&interval=1s")
        assert (status, refused["code"]) == (400, -1120)

    against(test, busy(), start_now=True)


def test_one_symbol_is_an_object_and_all_are_a_list():
    async def test(client):
        for path in ("/fapi/v1/ticker/price", "/fapi/v2/ticker/price",
                     "/fapi/v1/ticker/bookTicker", "/fapi/v1/premiumIndex"):  # fmt: skip
            every = await client.get(path)
            one = await client.get(path, symbol="ETHUSDT")
            assert [e["symbol"] for e in every] == ["BTCUSDT", "ETHUSDT"]
            assert one["symbol"] == "ETHUSDT"
        mark = await client.get("/fapi/v1/premiumIndex", symbol="ETHUSDT")
        bid, ask = await client.best("ETHUSDT")
        assert float(bid) <= float(mark["markPrice"]) <= float(ask)

    against(test, SimulatedMarket(seed=5, rate=1e-6))
