"""The local venue: an HTTP and WebSocket server on loopback that speaks Binance USD-M.

::

    async with VenueServer(SimulatedMarket(seed=7)) as venue:
        ...  # venue.rest_url, venue.ws_url
"""

from __future__ import annotations

import asyncio
import logging
import re
from decimal import Decimal
from types import TracebackType
from typing import Self

from aiohttp import web

from extrema_nb.clock import Clock, SystemClock
from extrema_nb.errors import ConfigError
from replay.local_venue.account import Account
from replay.local_venue.auth import Credentials
from replay.local_venue.connection import Connection
from replay.local_venue.desk import OrderDesk
from replay.local_venue.faults import Faults, Planned
from replay.local_venue.funding import run_funding
from replay.local_venue.hub import Hub
from replay.local_venue.limits import RateLimits, Usage
from replay.local_venue.port import Market
from replay.local_venue.rest import Desk, Rest
from replay.local_venue.rest_account import ACCOUNT
from replay.local_venue.rest_orders import ORDERS
from replay.local_venue.rest_public import PUBLIC
from replay.local_venue.users import ListenKeys

__all__ = ["VenueServer"]

ROUTE = re.compile(r"/(?:(public|market|private)/)?(ws|stream)(?:/(.*))?")
PING_EVERY_S = 180.0
STOP_WAIT_S = 2.0
logger = logging.getLogger(__name__)


class VenueServer:
    """A venue in this process.

    Parameters
    ----------
    market : captured or simulated
    host, port : where to listen; port 0 takes a free one
    credentials : the one key pair; of the environment, else the test pair
    balance : start balance, USDT
    maker_fee, taker_fee : fractions of value
    limits : rate limits
    clock : wall time
    start_now : run the market at once and not with the first subscription
    """

    def __init__(
        self,
        market: Market,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        credentials: Credentials | None = None,
        balance: Decimal = Decimal(100_000),
        maker_fee: Decimal = Decimal("0.0002"),
        taker_fee: Decimal = Decimal("0.0005"),
        limits: RateLimits | None = None,
        clock: Clock | None = None,
        start_now: bool = False,
    ) -> None:
        self.market = market
        self.host = host
        self.port = port
        self.faults = Faults()
        self.hub = Hub(self.faults)
        self.users = ListenKeys()
        self.account = Account(
            market.specs, balance=balance, maker_fee=maker_fee, taker_fee=taker_fee
        )
        self.finished = asyncio.Event()  # the market has published all it has
        self._clock = clock or SystemClock()
        self._limits = limits or RateLimits()
        self._start_now = start_now
        self._connections: set[Connection] = set()
        self._sockets: set[web.WebSocketResponse] = set()
        self._task: asyncio.Task[None] | None = None
        self._paying: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None
        self.orders = OrderDesk(market, self.account, self.users, self.now_ms)
        desk = Desk(
            market, self.account, self.orders, self.users, Usage(self._limits), self._limits,
            self.now_ms,
        )  # fmt: skip
        self._rest = Rest(
            desk,
            [*PUBLIC, *ORDERS, *ACCOUNT],
            credentials or Credentials.from_environment(),
            self.faults,
        )

    def now_ms(self) -> int:
        """Return wall time in ms."""
        return self._clock.now() // 1000

    @property
    def rest_url(self) -> str:
        """Base URL of REST."""
        return f"http://{self.host}:{self.port}"

    @property
    def ws_url(self) -> str:
        """Base URL of WebSocket streams."""
        return f"ws://{self.host}:{self.port}"

    async def start(self) -> None:
        """Listen; raise ConfigError if the port is taken."""
        app = web.Application(client_max_size=1 << 20)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_WAIT_S)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port)
        try:
            await site.start()
        except (OSError, OverflowError) as error:  # the latter for a port above 65535
            await self._runner.cleanup()
            why = getattr(error, "strerror", None) or "no such port"
            raise ConfigError(
                f"the local venue cannot listen on {self.host}:{self.port} ({why}); "
                "choose another --port, or 0 for a free one"
            ) from error
        self.port = self._runner.addresses[0][1]
        if self._start_now:
            self._begin()

    def _begin(self) -> None:
        """Run the market, once."""
        if self._task is None:
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(self._run())
            terms = self.market.funding
            if terms.rate:
                self._paying = loop.create_task(
                    run_funding(terms, self.market, self.account, self.users, self.now_ms)
                )

    async def _run(self) -> None:
        try:
            await self.market.run(self.hub)
        finally:
            self.finished.set()

    def failure(self) -> BaseException | None:
        """Return what stopped the market, if something did."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            return None
        return self._task.exception()

    async def close(self) -> None:
        """Stop the market, close all connections; twice is fine."""
        tasks = [task for task in (self._task, self._paying) if task is not None]
        self._task = self._paying = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for socket in list(self._sockets):
            await socket.close(code=1001, message=b"going away")
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

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0]
        route = ROUTE.fullmatch(path)
        if route is None:
            return await self._rest.handle(request)
        return await self._socket(
            request, route[1] or "", route[3] or "", combined=route[2] == "stream"
        )

    async def _socket(
        self, request: web.Request, route: str, tail: str, *, combined: bool
    ) -> web.StreamResponse:
        now = self.now_ms()
        query = request.query
        keys = query.getall("listenKey", [])
        if any(not self.users.valid(key, now) for key in keys):
            return web.json_response(
                {"code": -1125, "msg": "This listenKey does not exist."}, status=400
            )
        socket = web.WebSocketResponse(
            heartbeat=PING_EVERY_S, compress=False, max_msg_size=1 << 20, timeout=STOP_WAIT_S
        )
        await socket.prepare(request)
        connection = Connection(self.hub, self.users, self._limits, route=route, combined=combined)
        connection.on_subscribe = self._subscribed
        connection.attach(request.transport)
        events = "/".join(query.getall("events", []))
        connection.events = frozenset(e for e in events.split("/") if e)
        names = [n for n in [*tail.split("/"), *query.get("streams", "").split("/")] if n]
        self._connections.add(connection)
        self._sockets.add(socket)
        try:
            if keys or names:
                connection.subscribe([*keys, *names], now)
            await connection.serve(socket, self.now_ms)
        finally:
            self._connections.discard(connection)
            self._sockets.discard(socket)
        return socket

    def _subscribed(self) -> None:
        """Start the market with the first market subscription; let it see new streams."""
        self.market.subscribed(self.hub)
        if self.hub.streams():
            self._begin()

    # What a test may do to its clients.

    def drop_connections(self) -> int:
        """Cut all WebSocket connections without a word; return how many."""
        for connection in list(self._connections):
            connection.abort()
        return len(self._connections)

    def skip_depth_messages(self, count: int = 1) -> None:
        """Keep back the next `count` depth messages: a gap."""
        self.faults.skip_depth += count

    def garble_next(self, count: int = 1) -> None:
        """Send the next `count` market messages cut in half."""
        self.faults.garble += count

    def delay_rest(self, seconds: float) -> None:
        """Wait before every REST answer from now on; 0 ends it."""
        self.faults.delay_s = seconds

    def fail_next(
        self, code: int, *, text: str = "", status: int = 0, path: str = "", method: str = "",
        count: int = 1,
    ) -> None:  # fmt: skip
        """Answer the next `count` REST requests (of `path`, `method`) with an error code."""
        self.faults.planned.append(Planned(code, text, status, path, method, count))

    def lose_next_answer(self, count: int = 1) -> None:
        """Carry out the next `count` requests that change something, but cut their answers."""
        self.faults.lose += count

    def expire_listen_keys(self) -> None:
        """Let the listen key end now."""
        self.users.expire(self.now_ms())
