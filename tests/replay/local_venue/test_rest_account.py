"""Answers about the account; after a random day everything still adds up."""

from __future__ import annotations

import random

from replay.local_venue.simulate import SimulatedMarket
from tests.replay.local_venue.client import against


def test_balances_and_positions_add_up_after_many_orders():
    async def test(client):
        rng = random.Random(4)
        socket = await client.user_stream()
        for number in range(60):
            bid, ask = await client.best()
            side = rng.choice(["BUY", "SELL"])
            near = bid if side == "BUY" else ask
            kind = rng.choice(["MARKET", "LIMIT"])
            price = {"price": near} if kind == "LIMIT" else {}
            await client.order(side=side, type=kind, quantity=f"0.0{rng.randint(1, 9)}",
                               newClientOrderId=f"n{number}", **price)  # fmt: skip
        await client.ok("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
        trades = await client.ok("GET", "/fapi/v1/userTrades", symbol="BTCUSDT", limit=1000)
        (balance,) = await client.ok("GET", "/fapi/v2/balance")
        (position,) = await client.ok("GET", "/fapi/v2/positionRisk", symbol="BTCUSDT")
        lots = sum((1 if t["buyer"] else -1) * round(float(t["qty"]) * 1000) for t in trades)
        assert round(float(position["positionAmt"]) * 1000) == lots
        money = sum(float(t["realizedPnl"]) - float(t["commission"]) for t in trades)
        assert abs(float(balance["balance"]) - 100_000 - money) < 1e-6
        assert len(trades) >= 30
        for trade in trades:
            value = float(trade["qty"]) * float(trade["price"])
            rate = 0.0002 if trade["maker"] else 0.0005
            assert abs(float(trade["commission"]) - value * rate) < 1e-6
        account = await client.ok("GET", "/fapi/v3/account")
        assert account["totalWalletBalance"] == balance["balance"]
        await socket.close()

    against(test, SimulatedMarket(seed=5, symbols=["BTCUSDT"], rate=500), start_now=True)


def test_flat_positions_are_left_out_by_the_newer_endpoint_only():
    async def test(client):
        assert await client.ok("GET", "/fapi/v3/positionRisk") == []
        (flat,) = await client.ok("GET", "/fapi/v2/positionRisk")
        assert (flat["positionAmt"], flat["leverage"]) == ("0.000", "20")
        bid, _ = await client.best()
        await client.order(price=bid - 10)
        (waiting,) = await client.ok("GET", "/fapi/v3/positionRisk")
        assert waiting["positionAmt"] == "0.000"

    against(test)


def test_an_open_order_binds_margin():
    async def test(client):
        bid, _ = await client.best()
        await client.order(price=bid - 10, quantity="1")
        (balance,) = await client.ok("GET", "/fapi/v3/balance")
        bound = 100_000 - float(balance["availableBalance"])
        assert abs(bound - float(bid - 10) / 20) < 1e-6

    against(test)


def test_leverage_has_its_range():
    async def test(client):
        path = "/fapi/v1/leverage"
        found = await client.ok("POST", path, symbol="BTCUSDT", leverage=10)
        assert found["leverage"] == 10
        assert await client.code("POST", path, symbol="BTCUSDT", leverage=126) == -4028
        assert await client.code("POST", path, symbol="BTCUSDT", leverage="x") == -1102

    against(test)


def test_hedge_mode_and_isolated_margin_are_refused_in_words():
    async def test(client):
        path = "/fapi/v1/positionSide/dual"
        assert await client.ok("GET", path) == {"dualSidePosition": False}
        assert await client.code("POST", path, dualSidePosition="false") == -4059
        _, found = await client.signed("POST", path, dualSidePosition="true")
        assert found["code"] == -4084
        assert "hedge mode is not offered" in found["msg"]
        margin = {"symbol": "BTCUSDT", "marginType": "CROSSED"}
        assert await client.code("POST", "/fapi/v1/marginType", **margin) == -4046
        margin["marginType"] = "ISOLATED"
        assert await client.code("POST", "/fapi/v1/marginType", **margin) == -4084

    against(test)


def test_fees_are_told():
    async def test(client):
        found = await client.ok("GET", "/fapi/v1/commissionRate", symbol="BTCUSDT")
        assert found["takerCommissionRate"] == "0.0005"

    against(test)


def test_a_listen_key_is_closed():
    async def test(client):
        _, first = await client.raw("POST", "/fapi/v1/listenKey")
        assert (await client.raw("PUT", "/fapi/v1/listenKey"))[0] == 200
        assert (await client.raw("DELETE", "/fapi/v1/listenKey"))[1] == {}
        assert (await client.raw("PUT", "/fapi/v1/listenKey"))[1]["code"] == -1125
        _, second = await client.raw("POST", "/fapi/v1/listenKey")
        assert first != second

    against(test)
