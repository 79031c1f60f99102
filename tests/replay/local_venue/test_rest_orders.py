"""Answers about orders: batches, lists, executions."""

from __future__ import annotations

import json

from tests.replay.local_venue.client import against

BATCH = "/fapi/v1/batchOrders"


def item(price, **more):
    return {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
            "quantity": "0.01", "price": str(price), **more}  # fmt: skip


def test_a_batch_answers_each_item():
    async def test(client):
        bid, _ = await client.best()
        items = [item(bid - n, newClientOrderId=f"b{n}") for n in range(1, 4)]
        items.append(item(bid, quantity="0.0001"))
        found = await client.ok("POST", BATCH, batchOrders=json.dumps(items))
        assert [f.get("clientOrderId") for f in found] == ["b1", "b2", "b3", None]
        assert found[3]["code"] == -1111
        assert client.headers["X-MBX-ORDER-COUNT-10S"] == "4"
        changes = [
            {"symbol": "BTCUSDT", "origClientOrderId": f"b{n}", "side": "BUY",
             "quantity": 0.02, "price": str(bid - n)}
            for n in (1, 9)
        ]  # fmt: skip
        found = await client.ok("PUT", BATCH, batchOrders=json.dumps(changes))
        assert (found[0]["origQty"], found[1]["code"]) == ("0.020", -2013)
        names = json.dumps(["b1", "b2", "nope"])
        found = await client.ok("DELETE", BATCH, symbol="BTCUSDT", origClientOrderIdList=names)
        assert [f.get("status") for f in found] == ["CANCELED", "CANCELED", None]
        assert found[2]["code"] == -2011

    against(test)


def test_a_batch_has_a_most():
    async def test(client):
        bid, _ = await client.best()
        items = json.dumps([item(bid - 5)] * 6)
        assert await client.code("POST", BATCH, batchOrders=items) == -4082
        ids = json.dumps(list(range(11)))
        assert await client.code("DELETE", BATCH, symbol="BTCUSDT", orderIdList=ids) == -4082
        assert await client.code("POST", BATCH, batchOrders="[") == -1102

    against(test)


def test_lists_show_what_is_open_and_what_was():
    async def test(client):
        bid, _ = await client.best()
        ids = []
        for number in range(3):
            _, found = await client.order(price=bid - 10 - number)
            ids.append(found["orderId"])
        await client.ok("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=ids[0])
        listed = await client.ok("GET", "/fapi/v1/openOrders", symbol="BTCUSDT")
        assert [o["orderId"] for o in listed] == ids[1:]
        one = await client.ok("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", orderId=ids[1])
        assert one["status"] == "NEW"
        gone = await client.code("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", orderId=ids[0])
        assert gone == -2013
        listed = await client.ok("GET", "/fapi/v1/allOrders", symbol="BTCUSDT", orderId=ids[1])
        assert [o["orderId"] for o in listed] == ids[1:]
        done = await client.ok("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
        assert done["code"] == 200
        assert await client.ok("GET", "/fapi/v1/openOrders") == []

    against(test)


def test_a_tested_order_is_not_placed():
    async def test(client):
        bid, _ = await client.best()
        words = item(bid - 5)
        assert await client.ok("POST", "/fapi/v1/order/test", **words) == {}
        bad = {**words, "quantity": "0"}
        assert await client.code("POST", "/fapi/v1/order/test", **bad) == -1013
        assert await client.ok("GET", "/fapi/v1/openOrders") == []

    against(test)


def test_executions_add_up_to_the_order():
    async def test(client):
        _, order = await client.order(type="MARKET", quantity="2", newOrderRespType="RESULT")
        trades = await client.ok(
            "GET", "/fapi/v1/userTrades", symbol="BTCUSDT", orderId=order["orderId"]
        )
        assert sum(round(float(t["qty"]) * 1000) for t in trades) == 2_000
        value = sum(float(t["qty"]) * float(t["price"]) for t in trades)
        assert abs(value - float(order["cumQuote"])) < 1e-6
        assert all(t["buyer"] and not t["maker"] for t in trades)

    against(test)
