"""A connection: subscriptions, routes, and what ends it."""

from __future__ import annotations

import aiohttp

from replay.local_venue.limits import RateLimits
from replay.local_venue.simulate import SimulatedMarket
from tests.patience import PATIENCE_S
from tests.replay.local_venue.client import against, receive


def busy():
    return SimulatedMarket(seed=5, symbols=["BTCUSDT", "ETHUSDT"], rate=1_000)


def test_streams_come_and_go_by_control_frames():
    async def test(client):
        socket = await client.listen("/public/stream")
        await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 1})
        assert await receive(socket) == [{"result": None, "id": 1}]
        (frame,) = await receive(socket)
        assert frame["stream"] == "btcusdt@bookTicker"
        assert frame["data"]["s"] == "BTCUSDT"
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 2})
        while "result" not in frame:
            (frame,) = await receive(socket)
        assert frame == {"result": ["btcusdt@bookTicker"], "id": 2}
        await socket.send_json({"method": "UNSUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 3})
        while frame.get("id") != 3:
            (frame,) = await receive(socket)
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 4})
        assert await receive(socket) == [{"result": [], "id": 4}]
        await socket.send_str("{")
        assert (await receive(socket))[0]["code"] == 3
        await socket.close()

    against(test, busy())


def test_a_stream_on_the_wrong_route_is_silent():
    async def test(client):
        socket = await client.listen("/market/ws")
        names = ["btcusdt@bookTicker", "btcusdt@depth@100ms", "btcusdt@aggTrade"]
        await socket.send_json({"method": "SUBSCRIBE", "params": names, "id": 1})
        await receive(socket)
        assert {f["e"] for f in await receive(socket, 20)} == {"aggTrade"}
        await socket.close()

    against(test, busy())


def test_the_old_paths_deliver_everything():
    async def test(client):
        names = "btcusdt@bookTicker/ethusdt@aggTrade/btcusdt@trade/ethusdt@depth5@100ms"
        for path in (f"/stream?streams={names}", f"/ws/{names}"):
            socket = await client.listen(path)
            seen = set()
            while len(seen) < 4:
                (frame,) = await receive(socket)
                frame = frame.get("data", frame)
                seen.add((frame["s"], frame["e"]))
            await socket.close()

    against(test, busy())


def test_more_than_ten_frames_a_second_end_the_connection():
    async def test(client):
        socket = await client.listen("/ws")
        for number in range(12):
            await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
        while not socket.closed:
            await socket.receive(timeout=PATIENCE_S)
        assert socket.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION

    against(test)


def test_too_many_streams_are_refused():
    async def test(client):
        socket = await client.listen("/ws")
        names = [f"btcusdt@depth{n}" for n in range(6)]
        await socket.send_json({"method": "SUBSCRIBE", "params": names, "id": 9})
        (frame,) = await receive(socket)
        assert (frame["code"], frame["id"]) == (2, 9)
        await socket.close()

    against(test, limits=RateLimits(streams=5))
