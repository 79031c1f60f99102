"""The connection loop against a real server that drops, stalls and refuses."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiohttp import WSMsgType, web

from extrema_nb.clock import SystemClock
from extrema_nb.errors import ConfigError, VenueDisconnected, VenueError
from extrema_nb.net.ratelimit import Limit, RateLimiter
from extrema_nb.net.transport import installed
from extrema_nb.net.ws import CONNECTS, PLANNED, Heartbeat, WsConnection, WsSettings
from tests.extrema_nb.net.servers import mute, serve, until
from tests.patience import PATIENCE_S

both = pytest.mark.parametrize("transport", installed())


def settings(**fields):
    fields = {"backoff_first_s": 0.01, "backoff_cap_s": 0.05, "messages": 100, **fields}
    return WsSettings(close_timeout_s=0.5, **fields)


def run(
    server, on_frame, *, when=None, frames=(), on_open=None, on_close=None, url=None,
    heartbeat=None, connects=None, clock=None, **fields,
):  # fmt: skip
    """Run a connection against `server(ws, number)` until `when(connection)` or the handler stops.

    `on_frame(frame, stop)` returns whether the frame was data.
    """
    count = 0

    async def handler(request):
        nonlocal count
        count += 1
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await server(ws, count)
        return ws

    async def main():
        stop = asyncio.Event()
        async with serve({"/ws": handler}) as host:
            connection = WsConnection(
                url or f"ws://{host}/ws",
                lambda frame, _ts: on_frame(frame, stop),
                clock=clock or SystemClock(),
                frames=frames,
                heartbeat=heartbeat,
                connects=connects,
                on_open=on_open,
                on_close=on_close,
                settings=settings(**fields),
                name="test",
            )
            task = asyncio.create_task(connection.run(stop))
            if when:
                await until(lambda: when(connection) or task.done())
                stop.set()
            async with asyncio.timeout(PATIENCE_S):
                await task
            return connection

    return asyncio.run(main())


async def forever(ws):
    async for _ in ws:
        pass


async def listen(ws, heard):
    while (message := await ws.receive()).type is WSMsgType.TEXT:
        heard.append(message.data)


@both
def test_it_comes_back_and_subscribes_again(transport):
    asked, got, opened, closed = [], [], [], []

    async def server(ws, number):
        asked.append([await ws.receive_str() for _ in range(2)])
        await ws.send_str(f"data {number}")
        if number == 3:
            await forever(ws)
        await ws.close(code=1012, message=b"restart")

    def on_frame(frame, stop):
        got.append(frame)
        if len(got) == 3:
            stop.set()
        return True

    connection = run(
        server,
        on_frame,
        frames=("one", "two"),
        on_open=lambda: opened.append(1),
        on_close=closed.append,
        transport=transport,
    )
    assert got == [b"data 1", b"data 2", b"data 3"]
    assert asked == [["one", "two"]] * 3
    assert connection.connects == len(opened) == len(closed) == 3
    assert closed[-1] == "stopped"
    assert "1012" in closed[0]
    assert not connection.connected


def test_acknowledgements_alone_do_not_keep_a_connection_alive():
    async def server(ws, _number):
        while not ws.closed:
            await ws.send_str("ack")
            await asyncio.sleep(0.01)

    connection = run(
        server, lambda _f, _s: False, when=lambda c: c.failures >= 2, first_message_s=0.1
    )
    assert "no data within 0.1 s" in connection.last_reason


def test_silence_after_good_data_ends_a_connection():
    async def server(ws, _number):
        await ws.send_str("data")
        await forever(ws)

    connection = run(server, lambda _f, _s: True, when=lambda c: c.failures >= 1, idle_s=0.1)
    assert "no data for" in connection.last_reason


def test_silence_is_allowed_where_it_is_normal():
    async def server(ws, _number):
        await ws.send_str("data")
        await asyncio.sleep(0.3)
        await ws.send_str("late")
        await forever(ws)

    def on_frame(frame, stop):
        if frame == b"late":
            stop.set()
        return True

    connection = run(server, on_frame, first_message_s=None, idle_s=None)
    assert connection.failures == 0


def test_it_leaves_before_the_venue_does_and_loses_no_time():
    async def server(ws, _number):
        await ws.send_str("data")
        await forever(ws)

    connection = run(server, lambda _f, _s: True, when=lambda c: c.connects >= 3, lifetime_s=0.1,
                     backoff_first_s=60.0, backoff_cap_s=60.0)  # fmt: skip
    assert connection.failures == 0
    assert connection.last_reason == PLANNED


def test_the_delay_grows_until_good_data_comes(caplog):
    async def server(ws, _number):
        await ws.close()

    with caplog.at_level(logging.WARNING):
        run(server, lambda _f, _s: True, when=lambda c: c.failures >= 4, backoff_cap_s=1.0)
    delays = [record.args[-1] for record in caplog.records if "next try" in record.message]
    assert delays[3] > 2 * delays[0]


def test_the_delay_starts_small_again_after_good_data(caplog):
    async def server(ws, _number):
        await ws.send_str("data")
        await ws.close()

    with caplog.at_level(logging.WARNING):
        run(server, lambda _f, _s: True, when=lambda c: c.failures >= 6, backoff_cap_s=60.0)
    delays = [record.args[-1] for record in caplog.records if "next try" in record.message]
    assert max(delays) <= 0.01


def test_nobody_there_is_tried_again_for_ever_and_stops_at_once():
    connection = run(None, lambda _f, _s: True, when=lambda c: c.failures >= 5,
                     url="ws://127.0.0.1:1/ws")  # fmt: skip
    assert connection.connects == 0
    assert connection.last_reason


def test_a_server_that_never_answers_is_given_up():
    async def main():
        stop = asyncio.Event()
        async with mute() as host:
            connection = WsConnection(
                f"ws://{host}/ws",
                lambda _f, _t: True,
                clock=SystemClock(),
                settings=settings(connect_timeout_s=0.05),
            )
            task = asyncio.create_task(connection.run(stop))
            await until(lambda: connection.failures)
            stop.set()
            await task
        return connection

    assert "could not connect within 0.05 s" in asyncio.run(main()).last_reason


def test_stop_ends_an_attempt_and_a_delay_at_once():
    async def main():
        async with mute() as host:
            for url, fields in (
                (f"ws://{host}/", {"connect_timeout_s": 60.0}),
                ("ws://127.0.0.1:1/", {"backoff_first_s": 60.0, "backoff_cap_s": 60.0}),
            ):
                stop = asyncio.Event()
                connection = WsConnection(
                    url, lambda _f, _t: True, clock=SystemClock(), settings=settings(**fields)
                )
                task = asyncio.create_task(connection.run(stop))
                await asyncio.sleep(0.05)
                stop.set()
                async with asyncio.timeout(PATIENCE_S):
                    await task

    asyncio.run(main())


def test_an_error_of_the_handler_ends_the_loop_and_closes_the_connection():
    closed = []

    async def server(ws, _number):
        await ws.send_str("data")
        await forever(ws)

    def on_frame(_frame, _stop):
        raise KeyError("a mistake of ours")

    with pytest.raises(KeyError, match="a mistake of ours"):
        run(server, on_frame, on_close=closed.append)
    assert len(closed) == 1


def test_a_fresh_url_is_made_for_each_attempt_and_never_logged(caplog):
    made = []

    async def server(ws, _number):
        await ws.send_str("data")
        await ws.close()

    async def main():
        stop = asyncio.Event()

        async def handler(request):
            ws = web.WebSocketResponse()
            await ws.prepare(request)
            await server(ws, 0)
            return ws

        async with serve({"/ws": handler}) as host:

            async def url():
                made.append(1)
                if len(made) == 1:
                    raise VenueError("no key yet, listenKey=verysecret")
                return f"ws://{host}/ws?listenKey=verysecret{len(made)}"

            connection = WsConnection(url, lambda _f, _t: True, clock=SystemClock(),
                                      settings=settings())  # fmt: skip
            task = asyncio.create_task(connection.run(stop))
            await until(lambda: connection.connects >= 3)
            stop.set()
            await task
        return connection

    with caplog.at_level(logging.DEBUG, logger="extrema_nb"):
        connection = asyncio.run(main())
    assert connection.failures >= 1
    assert len(made) >= 4
    assert "verysecret" not in caplog.text


def test_send_and_reconnect_work_on_an_open_connection():
    heard = []

    async def server(ws, number):
        await ws.send_str("data")
        heard.append((number, await ws.receive_str() if number == 1 else ""))
        await forever(ws)

    async def main():
        stop, fine = asyncio.Event(), []

        async def handler(request):
            ws = web.WebSocketResponse()
            await ws.prepare(request)
            await server(ws, len(heard) + 1)
            return ws

        async with serve({"/ws": handler}) as host:
            connection = WsConnection(f"ws://{host}/ws", lambda f, _t: not fine.append(f),
                                      clock=SystemClock(), settings=settings())  # fmt: skip
            with pytest.raises(VenueDisconnected, match="not connected"):
                await connection.send("too early")
            task = asyncio.create_task(connection.run(stop))
            await until(lambda: fine)
            await connection.send("hallo")
            await until(lambda: heard)
            connection.reconnect("the key has expired")
            await until(lambda: connection.connects >= 2)
            assert connection.last_reason == "the key has expired"
            stop.set()
            await task

    asyncio.run(main())
    assert heard[0] == (1, "hallo")


def test_an_unknown_transport_is_refused_before_the_start():
    with pytest.raises(ConfigError, match="unknown transport"):
        WsConnection("ws://x", lambda _f, _t: True, clock=SystemClock(),
                     settings=WsSettings(transport="carrier pigeon"))  # fmt: skip


def test_the_heartbeat_of_the_venue_is_sent_while_connected():
    beats = []

    async def server(ws, _number):
        await ws.send_str("data")
        await listen(ws, beats)

    connection = run(
        server,
        lambda _f, _s: True,
        when=lambda _c: len(beats) >= 3,
        heartbeat=Heartbeat("ping", 0.02),
    )
    assert set(beats) == {"ping"}
    assert connection.sent >= 3


def test_subscribe_frames_are_paced_and_leave_room_for_the_heartbeat():
    heard = []

    async def server(ws, _number):
        await ws.send_str("data")
        await listen(ws, heard)

    run(
        server,
        lambda _f, _s: True,
        when=lambda _c: "beat" in heard and "5" in heard,
        frames=[str(i) for i in range(6)],
        heartbeat=Heartbeat("beat", 0.25),
        messages=3,
        messages_s=0.2,
    )
    assert heard[:2] == ["0", "1"]  # two of three, the third place is the heartbeat's
    assert heard.index("beat") < heard.index("5")
    assert [word for word in heard if word != "beat"] == ["0", "1", "2", "3", "4", "5"]


def test_attempts_to_connect_keep_the_limit_of_the_venue():
    limiter = RateLimiter([Limit(CONNECTS, 2, 0.2)])

    async def server(ws, _number):
        await ws.send_str("data")
        await ws.close()

    connection = run(server, lambda _f, _s: True, when=lambda c: c.connects >= 5, connects=limiter)
    assert limiter.waited_s > 0.1
    assert connection.attempts >= connection.connects


class JumpingClock:
    """A wall clock that somebody sets back and forth by an hour at every reading."""

    def __init__(self):
        self.readings = 0

    def now(self):
        self.readings += 1
        return 1_700_000_000_000_000 + (self.readings % 2) * 3_600_000_000


def test_a_step_of_the_clock_ends_no_connection():
    got = []

    async def server(ws, _number):
        for _ in range(20):
            await ws.send_str("data")
            await asyncio.sleep(0.02)
        await forever(ws)

    def on_frame(frame, _stop):
        got.append(frame)
        return True

    connection = run(
        server, on_frame, when=lambda _c: len(got) == 20, clock=JumpingClock(), idle_s=5.0
    )
    assert (connection.connects, connection.failures) == (1, 0)
    assert connection.age_s == 0.0
