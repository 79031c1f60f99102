"""Orders during a capture: the simulated exchange fills them from the captured messages."""

from __future__ import annotations

import asyncio
import math

import pytest

from replay.local_venue import capture_feed
from replay.local_venue.capture_feed import CapturedMarket
from tests.replay.local_venue.captures import DAY, depth, ticker, trade, write
from tests.replay.local_venue.client import against, receive

ORDER = "/fapi/v1/order"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(capture_feed, "SETTLE_S", 0.05)
    monkeypatch.setattr(capture_feed, "SNAPSHOT_WAIT_S", 0.2)


def market_of(tmp_path, messages=DAY, speed=math.inf, step_us=1_000):
    return CapturedMarket([write(tmp_path / "day", messages, step_us=step_us)], speed=speed)


def test_a_market_order_takes_the_best_price(tmp_path):
    async def test(client):
        user = await client.user_stream()
        _, found = await client.order(type="MARKET", newOrderRespType="RESULT")
        assert (found["status"], float(found["avgPrice"])) == ("FILLED", 60_000)
        frames = await receive(user, 3)
        assert [f["o"]["x"] for f in frames if "o" in f] == ["NEW", "TRADE"]
        assert frames[1]["o"]["m"] is False
        await user.close()

    against(test, market_of(tmp_path))


def test_a_resting_order_is_amended_cancelled_and_refused(tmp_path):
    async def test(client):
        _, placed = await client.order(price="59999.8", newClientOrderId="a")
        assert placed["status"] == "NEW"
        which = {"symbol": "BTCUSDT", "origClientOrderId": "a"}
        found = await client.ok("PUT", ORDER, side="BUY", quantity="0.02", price="59999.7", **which)
        assert (found["price"], found["origQty"]) == ("59999.70", "0.020")
        assert (await client.ok("DELETE", ORDER, **which))["status"] == "CANCELED"
        assert await client.code("DELETE", ORDER, **which) == -2011
        status, found = await client.order(price="60000", timeInForce="GTX")
        assert (status, found["code"]) == (400, -5022)
        _, found = await client.order(price="59999", timeInForce="IOC", newOrderRespType="RESULT")
        assert found["status"] == "EXPIRED"

    against(test, market_of(tmp_path))


def test_a_resting_order_is_filled_by_captured_trades(tmp_path):
    more = [m for n in range(40) for m in (
        trade(100 + n, 59_999.8, 3, sell=True),
        depth(100 + n, bids=[(59_999.9, 0), (59_999.8, 2)], prev=99 + n if n else 5),
        ticker(100 + n, 59_999.8, 2, 60_000, 0.6),
    )]  # fmt: skip

    async def test(client):
        user = await client.user_stream()
        _, placed = await client.order(price="59999.8", timeInForce="GTX")
        assert placed["status"] == "NEW"
        socket = await client.listen("/stream?streams=btcusdt@trade/btcusdt@depth@0ms")
        while True:
            (frame,) = await receive(user)
            if frame.get("o", {}).get("x") == "TRADE":
                break
        told = frame["o"]
        assert (told["m"], told["L"], told["X"]) == (True, "59999.80", "FILLED")
        (balance,) = await client.ok("GET", "/fapi/v3/balance")
        assert float(balance["balance"]) == pytest.approx(100_000 - 0.01 * 59_999.8 * 0.0002)
        await socket.close()
        await user.close()

    against(test, market_of(tmp_path, DAY + more, speed=1))


@pytest.mark.compiled
@pytest.mark.slow
def test_orders_on_a_real_capture_add_up(shared_data):
    path = shared_data / "binance_usdm" / "capture" / "ethusdt_20240718.gz"

    async def test(client):
        socket = await client.listen("/stream?streams=ethusdt@trade/ethusdt@depth@0ms")
        user = await client.user_stream()
        for number in range(20):
            await asyncio.sleep(0.02)
            bid, ask = await client.best("ETHUSDT")
            side = "BUY" if number % 2 else "SELL"
            price = bid if side == "BUY" else ask
            await client.order(symbol="ETHUSDT", side=side, price=price, quantity="0.05")
        trades = await client.ok("GET", "/fapi/v1/userTrades", symbol="ETHUSDT")
        (position,) = await client.ok("GET", "/fapi/v2/positionRisk", symbol="ETHUSDT")
        lots = sum((1 if t["buyer"] else -1) * round(float(t["qty"]) * 1000) for t in trades)
        assert round(float(position["positionAmt"]) * 1000) == lots
        await socket.close()
        await user.close()

    against(test, CapturedMarket([path], speed=50))
