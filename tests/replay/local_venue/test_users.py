"""The user data stream."""

from __future__ import annotations

import pytest

from replay.local_venue.errors import ApiError
from replay.local_venue.users import VALID_MS, ListenKeys
from tests.replay.local_venue.client import against, receive


class Ear:
    def __init__(self):
        self.heard = []

    def push_user(self, _key, event, _raw):
        self.heard.append(event)


def test_a_key_lives_an_hour_and_is_renewed():
    keys = ListenKeys()
    first = keys.create(0)
    assert keys.create(1) == first
    assert keys.valid(first, VALID_MS)
    keys.extend(VALID_MS)
    assert keys.valid(first, 2 * VALID_MS - 1)
    assert not keys.valid(first, 2 * VALID_MS)
    with pytest.raises(ApiError) as caught:
        keys.extend(3 * VALID_MS)
    assert caught.value.code == -1125
    assert keys.create(3 * VALID_MS) != first


def test_those_who_hear_are_told_that_the_key_is_over():
    keys, ear = ListenKeys(), Ear()
    keys.add(ear)
    keys.add(ear)
    keys.create(0)
    keys.check(VALID_MS - 1)
    keys.check(VALID_MS)
    assert ear.heard == ["listenKeyExpired"]
    assert not keys.key


def test_an_order_is_told_from_new_to_filled():
    async def test(client):
        socket = await client.user_stream()
        bid, ask = await client.best()
        await client.order(price=bid - 10, newClientOrderId="rests")
        (new,) = await receive(socket)
        order = new["o"]
        assert new["e"] == "ORDER_TRADE_UPDATE"
        assert (order["x"], order["X"], order["c"], order["z"]) == ("NEW", "NEW", "rests", "0.000")
        await client.order(price=ask, side="BUY", quantity="0.002", newClientOrderId="takes")
        frames = [frame async for frame in until_filled(socket)]
        trades = [
            f["o"] for f in frames if f["e"] == "ORDER_TRADE_UPDATE" and f["o"]["x"] == "TRADE"
        ]
        assert trades[-1]["X"] == "FILLED"
        assert sum(float(t["l"]) for t in trades) == pytest.approx(0.002)
        assert all(t["m"] is False and float(t["n"]) > 0 and t["N"] == "USDT" for t in trades)
        account = frames[-1]["a"]
        assert account["m"] == "ORDER"
        assert account["P"][0]["pa"] == "0.002"
        fees = sum(float(t["n"]) for t in trades)
        assert float(account["B"][0]["wb"]) == pytest.approx(100_000 - fees)
        await client.signed("DELETE", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="rests")
        (gone,) = await receive(socket)
        assert (gone["o"]["x"], gone["o"]["X"]) == ("CANCELED", "CANCELED")
        await socket.close()

    async def until_filled(socket):
        while True:
            (frame,) = await receive(socket)
            yield frame
            if frame["e"] == "ACCOUNT_UPDATE" and frame["a"]["P"][0]["pa"] == "0.002":
                return

    against(test)


def test_only_the_events_asked_for_are_told():
    async def test(client):
        _, found = await client.raw("POST", "/fapi/v1/listenKey")
        key = found["listenKey"]
        only = await client.listen(f"/private/ws?listenKey={key}&events=ACCOUNT_UPDATE")
        every = await client.listen(f"/private/stream?listenKey={key}")
        await client.order(type="MARKET", quantity="0.002")
        assert (await receive(only))[0]["e"] == "ACCOUNT_UPDATE"
        (frame,) = await receive(every)
        assert (frame["stream"], frame["data"]["e"]) == (key, "ORDER_TRADE_UPDATE")
        client.venue.expire_listen_keys()
        assert (await receive(only))[-1]["e"] in {"ACCOUNT_UPDATE", "listenKeyExpired"}
        status, refused = await client.raw("PUT", "/fapi/v1/listenKey")
        assert (status, refused["code"]) == (400, -1125)
        for socket in (only, every):
            await socket.close()

    against(test)


def test_a_wrong_key_hears_nothing():
    async def test(client):
        status, found = await client.raw("GET", "/private/ws", "listenKey=nope")
        assert (status, found["code"]) == (400, -1125)

    against(test)
