"""The server as a client sees it: sockets, REST, faults on command."""

from __future__ import annotations

import asyncio
import json
import math

import aiohttp
import pytest

from extrema_nb.errors import ConfigError
from replay.local_venue.public.faults import Order
from replay.local_venue.public.server import PublicVenue
from tests.patience import PATIENCE_S
from tests.replay.local_venue.public.captures import trade, write


def against(path, work, **settings):
    """Run `work(venue, session)` against a venue on `path`."""

    async def main():
        settings.setdefault("speed", math.inf)
        settings.setdefault("settle_s", 0.05)
        async with (
            PublicVenue("binance-spot", [path], **settings) as venue,
            aiohttp.ClientSession() as session,
            asyncio.timeout(PATIENCE_S),
        ):
            result = await work(venue, session)
            assert venue.failure() is None
            return result

    return asyncio.run(main())


def test_a_client_subscribes_hears_and_leaves(tmp_path):
    async def work(venue, session):
        async with session.ws_connect(venue.ws_url + "/stream") as socket:
            ask = {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 7}
            await socket.send_json(ask)
            assert await socket.receive_json() == {"result": None, "id": 7}
            got = [(await socket.receive_json())["data"]["t"] for _ in range(3)]
            await venue.finished.wait()
            async with session.get(venue.rest_url + "/_state") as answer:
                state = await answer.json()
        return got, state

    got, state = against(write(tmp_path / "day"), work)
    assert got == [1, 2, 3]
    assert state["finished"]
    assert (state["open"], state["streams"], state["sent"]) == (1, 1, 3)


def test_streams_may_stand_in_the_url(tmp_path):
    async def work(venue, session):
        url = venue.ws_url + "/stream?streams=btcusdt@trade/ethusdt@trade"
        async with session.ws_connect(url) as socket:
            return (await socket.receive_json())["stream"], venue.hub.streams()

    stream, streams = against(write(tmp_path / "day"), work)
    assert stream == "btcusdt@trade"
    assert streams == ["btcusdt@trade", "ethusdt@trade"]


def test_rest_answers_and_refuses(tmp_path):
    async def get(venue, session, path):
        async with session.get(venue.rest_url + path) as answer:
            return answer.status, json.loads(await answer.read() or b"null")

    async def work(venue, session):
        assert (await get(venue, session, "/api/v3/time"))[1]["serverTime"] > 0
        assert (await get(venue, session, "/api/v3/depth?symbol=BTCUSDT"))[1]["lastUpdateId"] == 3
        assert (await get(venue, session, "/api/v3/depth?symbol=NONE"))[0] == 400
        assert (await get(venue, session, "/api/v3/nothing"))[0] == 404
        venue.order(Order(fail=1, delay_s=0.01))
        assert (await get(venue, session, "/api/v3/time"))[0] == 500
        assert (await get(venue, session, "/api/v3/time"))[0] == 200

    against(write(tmp_path / "day"), work)


@pytest.mark.parametrize(("order", "kind"), [({"close": True}, 1001), ({"cut": True}, 1006)])
def test_connections_are_ended_and_refused_on_command(tmp_path, order, kind):
    async def work(venue, session):
        async with session.ws_connect(venue.ws_url + "/stream") as socket:
            async with session.post(venue.rest_url + "/_faults", json=order) as answer:
                assert answer.status == 200
            assert (await socket.receive()).type in {
                aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR,
            }  # fmt: skip
            code = socket.close_code
        venue.order(Order(refuse=1))
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(venue.ws_url + "/stream")
        async with session.ws_connect(venue.ws_url + "/stream"):
            pass
        async with session.post(venue.rest_url + "/_faults", json={"dorp": 1}) as answer:
            assert answer.status == 400
        return code

    assert against(write(tmp_path / "day"), work) == kind


def test_a_slow_tape_keeps_the_spacing_of_the_capture(tmp_path):
    path = write(tmp_path / "day", [trade(n) for n in range(200)])

    async def work(venue, session):
        async with session.ws_connect(venue.ws_url + "/stream?streams=btcusdt@trade") as socket:
            await socket.receive()
            assert venue.player.played < 150  # a millisecond between two messages
            await venue.finished.wait()
        return venue.player.played

    assert against(path, work, speed=1.0) == 200


def test_it_listens_on_loopback_alone_and_says_when_a_port_is_taken(tmp_path):
    path = write(tmp_path / "day")
    with pytest.raises(ConfigError, match="loopback only"):
        PublicVenue("binance-spot", [path], host="192.0.2.1")

    async def work(venue, _session):
        other = PublicVenue("binance-spot", [path], port=venue.port)
        with pytest.raises(ConfigError, match="choose another --port"):
            await other.start()

    against(path, work)
