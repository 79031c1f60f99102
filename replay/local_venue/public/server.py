"""The public side of a venue on loopback: its WebSocket streams and REST, from captures.

::

    async with PublicVenue("okx", [path], speed=math.inf) as venue:
        ...  # venue.rest_url, venue.ws_url, venue.order(Order(drop=2))

``POST /_faults`` takes the same orders from outside, ``GET /_state`` says how far the tape is.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import WSMsgType, web

from extrema_nb.clock import Clock, SystemClock
from extrema_nb.errors import ConfigError
from replay.local_venue.faults import Faults
from replay.local_venue.hub import Hub
from replay.local_venue.public.dialect import Asked, load
from replay.local_venue.public.faults import Order, WireFaults
from replay.local_venue.public.outlet import Outlet
from replay.local_venue.public.player import SETTLE_S, Player
from replay.local_venue.public.tape import Tape

__all__ = ["PublicVenue"]

STOP_WAIT_S = 1.0
JSON = "application/json"


class PublicVenue:
    """A venue in this process.

    Parameters
    ----------
    venue : venue id
    paths : capture files, or folders of them
    speed : of the tape; inf as fast as clients take it
    host, port : where to listen, a loopback address; port 0 takes a free one
    start_now : play at once and not with the first subscription
    """

    def __init__(
        self,
        venue: str,
        paths: Sequence[Path],
        *,
        speed: float = 1.0,
        settle_s: float = SETTLE_S,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        start_now: bool = False,
    ) -> None:
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise ConfigError(f"the local venue listens on loopback only, not on {host}")
        self.dialect = load(venue)
        self.player = Player(self.dialect, Tape(paths), speed=speed, settle_s=settle_s)
        self.faults = WireFaults()
        self.hub = Hub(Faults())
        self.host = host
        self.port = port
        self.finished = asyncio.Event()  # the tape is over
        self.connects = 0
        self.refused = 0
        self._clock = clock or SystemClock()
        self._start_now = start_now
        self._sockets: dict[web.WebSocketResponse, Outlet] = {}
        self._task: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None
        self._closing: set[asyncio.Task[Any]] = set()

    @property
    def rest_url(self) -> str:
        """Base URL of REST."""
        return f"http://{self.host}:{self.port}"

    @property
    def ws_url(self) -> str:
        """Base URL of WebSocket streams."""
        return f"ws://{self.host}:{self.port}"

    @property
    def symbols(self) -> list[str]:
        """The symbols in the capture."""
        return list(self.player.specs)

    def order(self, order: Order) -> None:
        """Let something go wrong."""
        self.faults.order(order)
        for socket, outlet in list(self._sockets.items())[: order.only or None]:
            if order.cut:
                outlet.abort()
            elif order.close:
                task = asyncio.get_running_loop().create_task(
                    socket.close(code=1001, message=b"going away")
                )
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)

    async def halt(self) -> None:
        """Stop the tape where it is; connections stay open."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            await self.hub.drain()

    def failure(self) -> BaseException | None:
        """Return what stopped the tape, if something did."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            return None
        return self._task.exception()

    async def start(self) -> None:
        """Listen; raise ConfigError if the port is taken."""
        app = web.Application(client_max_size=1 << 20)
        app.router.add_post("/_faults", self._faults)
        app.router.add_get("/_state", self._state)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_WAIT_S)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.host, self.port).start()
        except (OSError, OverflowError) as error:
            await self._runner.cleanup()
            raise ConfigError(
                f"the local venue cannot listen on {self.host}:{self.port} ({error}); "
                "choose another --port, or 0 for a free one"
            ) from error
        self.port = self._runner.addresses[0][1]
        if self._start_now:
            self._begin()

    async def close(self) -> None:
        """Stop the tape, close all connections; twice is fine."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        for socket in list(self._sockets):
            await socket.close(code=1001, message=b"going away")
        await asyncio.gather(*self._closing, return_exceptions=True)
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        await self.close()

    def _now_ms(self) -> int:
        return self._clock.now() // 1000

    def _begin(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            await self.player.run(self.hub, self.faults)
        finally:
            self.finished.set()

    async def _faults(self, request: web.Request) -> web.Response:
        try:
            self.order(msgspec.json.decode(await request.read(), type=Order))
        except msgspec.DecodeError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({})

    async def _state(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "played": self.player.played,
                "sent": self.hub.sent,
                "connects": self.connects,
                "open": len(self._sockets),
                "streams": len(self.hub.streams()),
                "harmed": self.faults.harmed,
                "finished": self.finished.is_set(),
            }
        )

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._socket(request)
        if self.faults.delay_s:
            await asyncio.sleep(self.faults.delay_s)
        if self.faults.fail:
            self.faults.fail -= 1
            return web.Response(status=500)
        raw = await request.read()
        try:
            body = msgspec.json.decode(raw, type=dict[str, Any]) if raw else {}
        except msgspec.DecodeError as error:
            return web.json_response({"error": str(error)}, status=400)
        asked = Asked(request.method, request.path, dict(request.query), body)
        reply = self.dialect.ask(asked, self._now_ms())
        answer = reply.body
        if reply.book:
            if reply.book not in self.player.specs:
                answer = b'{"error":"unknown symbol %s"}' % reply.book.encode()
                return web.Response(body=answer, status=400, content_type=JSON)
            answer = self.player.book_answer(reply.book, self._now_ms())
        elif reply.instruments:
            answer = self.player.list_answer(asked)
        return web.Response(body=answer, status=reply.status, content_type=JSON)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if self.faults.refuse:
            self.faults.refuse -= 1
            self.refused += 1
            return web.Response(status=503)
        socket = web.WebSocketResponse(compress=False, max_msg_size=1 << 20, timeout=STOP_WAIT_S)
        await socket.prepare(request)
        self.connects += 1
        outlet = Outlet(request.transport, self._addressing(f"local-{self.connects}"))
        self._sockets[socket] = outlet
        for payload in self.dialect.greeting():
            outlet.say(payload)
        try:
            self._subscribe(outlet, self.dialect.keys_of_url(request.path, dict(request.query)))
            async for message in socket:
                if message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    data = message.data
                    self._control(outlet, data if isinstance(data, str) else data.decode())
        finally:
            for key in list(outlet.streams):
                self.hub.remove(key, outlet)
            del self._sockets[socket]
        return socket

    def _addressing(self, line: str) -> Callable[[bytes, int], bytes] | None:
        if not self.dialect.addressed:
            return None
        return lambda payload, number: self.dialect.address(payload, number, line)

    def _control(self, outlet: Outlet, text: str) -> None:
        found = self.dialect.control(text, outlet.streams, self._now_ms())
        for answer in found.answers:
            outlet.say(answer)
        for key in found.remove:
            outlet.streams.pop(key, None)
            self.hub.remove(key, outlet)
        self._subscribe(outlet, found.add)

    def _subscribe(self, outlet: Outlet, keys: Sequence[str]) -> None:
        """Let a client hear streams; a book that the tape has begun is pushed whole."""
        for key in keys:
            symbol = self.dialect.book_of(key)
            if symbol and key not in outlet.streams:
                book = self.player.book(symbol)
                if book.known:
                    for frame in self.dialect.pushed(key, book, self._now_ms()):
                        outlet.say(frame)
            outlet.streams[key] = None
            self.hub.add(key, outlet)
        if keys:
            self.player.subscribed()
            self._begin()
