"""All clients behave alike."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import WSMsgType, web

from extrema_nb.errors import ConfigError, VenueDisconnected
from extrema_nb.net.transport import ENV, TRANSPORTS, choose_transport, installed, make_transport
from tests.extrema_nb.net.servers import proxy, serve

OPTIONS = {"max_frame": 1000, "ping_s": None, "close_timeout_s": 0.5}
both = pytest.mark.parametrize("name", installed())
by_proxy = pytest.mark.parametrize("name", [name for name in installed() if name != "native"])


def talk(name, server, work):
    """Run `work(transport, url)` against a WebSocket `server(ws)`."""

    async def handler(request):
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await server(ws)
        return ws

    async def main():
        async with serve({"/ws": handler}) as host:
            transport = make_transport(name)
            try:
                return await work(transport, f"ws://{host}/ws")
            finally:
                await transport.close()
                await transport.close()

    return asyncio.run(main())


@both
def test_frames_come_as_bytes_in_order_and_text_goes_out(name):
    async def server(ws):
        asked = await ws.receive_str()
        for i in range(600):
            await ws.send_str(f"{asked} {i}")
        await ws.send_bytes(b"raw")
        await ws.close(code=1001, message=b"bye")

    async def work(transport, url):
        got = []
        await transport.open(url, **OPTIONS)
        await transport.send("hallo ü")
        reason = await transport.pump(got.append)
        return got, reason

    got, reason = talk(name, server, work)
    assert got == [f"hallo ü {i}".encode() for i in range(600)] + [b"raw"]
    assert "1001" in reason


@both
def test_a_ping_of_the_server_is_answered(name):
    async def server(ws):
        await ws.ping(b"are you there")
        message = await ws.receive()
        assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.TEXT)

    async def pinged(request):
        ws = web.WebSocketResponse(autoping=False)
        await ws.prepare(request)
        await ws.ping(b"42")
        message = await ws.receive()
        await ws.send_str(f"{message.type.name} {bytes(message.data).decode()}")
        await ws.close()
        return ws

    async def main():
        async with serve({"/ws": pinged}) as host:
            transport, got = make_transport(name), []
            await transport.open(f"ws://{host}/ws", **OPTIONS)
            await transport.pump(got.append)
            await transport.close()
            return got

    assert asyncio.run(main()) == [b"PONG 42"]
    talk(name, server, lambda transport, url: transport.open(url, **OPTIONS))


@both
def test_a_frame_above_the_limit_ends_the_connection(name):
    async def server(ws):
        await ws.send_str("x" * 5000)
        await ws.receive()

    async def work(transport, url):
        got = []
        await transport.open(url, **OPTIONS)
        return await transport.pump(got.append), got

    reason, got = talk(name, server, work)
    assert got == []
    assert "exceeds" in reason or "1009" in reason


@both
def test_a_refused_handshake_is_a_disconnect(name):
    async def main():
        async def refuse(_):
            return web.Response(status=403)

        async with serve({"/ws": refuse}) as host:
            for path in ("/ws", "/nowhere"):
                transport = make_transport(name)
                with pytest.raises(VenueDisconnected):
                    await transport.open(f"ws://{host}{path}", **OPTIONS)
                await transport.close()
        transport = make_transport(name)
        with pytest.raises(VenueDisconnected):
            await transport.open(f"ws://{host}/ws", **OPTIONS)
        await transport.close()

    asyncio.run(main())


@both
def test_sending_needs_a_connection(name):
    async def main():
        transport = make_transport(name)
        assert await transport.pump(print) == "not open"
        with pytest.raises(VenueDisconnected, match="not connected"):
            await transport.send("x")

    asyncio.run(main())


@both
def test_a_handler_that_fails_ends_the_connection_with_its_error(name):
    async def server(ws):
        for _ in range(3):
            await ws.send_str("x")
        await ws.receive()

    taken = []

    def take(frame):
        taken.append(frame)
        raise KeyError("a mistake of ours")

    async def work(transport, url):
        await transport.open(url, **OPTIONS)
        await transport.pump(take)

    with pytest.raises(KeyError, match="a mistake of ours"):
        talk(name, server, work)
    assert len(taken) == 1


@by_proxy
def test_the_way_may_lead_through_a_proxy(name):
    async def server(ws):
        await ws.send_str("through")
        await ws.close()

    async def work(transport, url):
        seen, got = [], []
        async with proxy(seen) as via:
            await transport.open(url, proxy=via, **OPTIONS)
            await transport.pump(got.append)
            await transport.close()
        return seen, got, url

    seen, got, url = talk(name, server, work)
    assert got == [b"through"]
    assert len(seen) == 1
    assert url.removeprefix("ws://").removesuffix("/ws") in seen[0]


@by_proxy
def test_a_proxy_that_is_not_there_is_a_disconnect(name):
    async def main():
        transport = make_transport(name)
        with pytest.raises(VenueDisconnected):
            await transport.open("ws://127.0.0.1:9/ws", proxy="http://127.0.0.1:1", **OPTIONS)
        await transport.close()

    asyncio.run(main())


def test_the_quickest_installed_client_is_taken_unless_the_environment_names_one(monkeypatch):
    monkeypatch.delenv(ENV, raising=False)
    assert choose_transport() == installed()[0]
    monkeypatch.setenv(ENV, "websockets")
    assert choose_transport() == "websockets"
    assert choose_transport("aiohttp") == "aiohttp"
    monkeypatch.setenv(ENV, "carrier pigeon")
    with pytest.raises(ConfigError, match=f"'carrier pigeon' of {ENV}"):
        choose_transport()


def test_a_client_whose_library_is_missing_is_refused_with_what_to_do(monkeypatch):
    monkeypatch.setitem(TRANSPORTS, "no_such_library", ("no.module", "None"))
    with pytest.raises(ConfigError, match="pip install no_such_library"):
        choose_transport("no_such_library")
    assert "no_such_library" not in installed()


def test_an_unknown_transport_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match="did you mean 'aiohttp'"):
        make_transport("aiohtp")


@both
def test_headers_go_with_the_request_to_connect(name):
    seen = {}

    async def handler(request):
        seen.update(request.headers)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.close()
        return ws

    async def main():
        async with serve({"/ws": handler}) as host:
            transport = make_transport(name)
            try:
                await transport.open(f"ws://{host}/ws", headers=(("X-Sizes", "1"),), **OPTIONS)
            finally:
                await transport.close()

    asyncio.run(main())
    assert seen["X-Sizes"] == "1"
