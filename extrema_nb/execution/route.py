"""The order route to a venue: intents out over REST, reports in over REST and the user stream.

Rules
-----
1. `start` connects the user stream, then reconciles, then returns; `send` never waits for answers.
2. Every SUBMIT leads to at least one ACC_ORDER row; each execution to one FILL row.
3. A lost user stream is connected again and everything is reconciled again; STATUS rows with
   ACCOUNT_DOWN and ACCOUNT_UP say so.
4. Open orders stay as they are when the route closes: call `cancel_everything` first if not.

``docs/execution.md`` tells what happens on each failure.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

import numpy.typing as npt

from extrema_nb.channels import Endpoints
from extrema_nb.clock import Clock, SystemClock
from extrema_nb.contracts import Publish
from extrema_nb.errors import ConfigError, VenueError
from extrema_nb.events import StatusCode
from extrema_nb.execution.credentials import Credentials
from extrema_nb.execution.desk import Desk, RouteSettings
from extrema_nb.execution.dispatch import Dispatcher
from extrema_nb.execution.operations import Operations
from extrema_nb.execution.reconcile import Reconciler
from extrema_nb.execution.resolve import Resolver
from extrema_nb.execution.rest import SignedRest, rule_of
from extrema_nb.execution.userstream import UserStream
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.net.http import HttpClient
from extrema_nb.net.ratelimit import Limit, RateLimiter
from extrema_nb.wire import AccountMessage, Request, TradingVenue, Treatment

__all__ = ["RouteVenue", "VenueRoute", "new_session"]

log = logging.getLogger(__name__)

BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


class RouteVenue(TradingVenue, Protocol):
    """What the route needs of a VENUE object."""

    endpoints: Endpoints

    def parse_instruments(self, raw: bytes) -> list[Instrument]:
        """Return the instruments in the answer to `instruments_request`."""
        ...

    def instruments_request(self) -> Request:
        """Return the request for all instruments."""
        ...


def new_session() -> str:
    """Return a short text that no other session of the account has: ms since the epoch, base 36."""
    number = time.time_ns() // 1_000_000
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = BASE36[digit] + text
    return text


class VenueRoute:
    """Implements `extrema_nb.contracts.OrderRoute` for one account at one venue.

    Parameters
    ----------
    venue : the VENUE object
    table : instruments; orders refer to their ids
    credentials : key and secret
    endpoints : where the venue is, by default its live ones
    clock : stamps rows
    session : text in the client order ids of this session, letters and digits, unique per account
    settings : times
    http : client of the venue's REST host to share (with its rate limits); else an own one
    task_id : names the route in STATUS rows
    """

    def __init__(
        self,
        venue: RouteVenue,
        table: InstrumentTable,
        credentials: Credentials,
        *,
        endpoints: Endpoints | None = None,
        clock: Clock | None = None,
        session: str | None = None,
        settings: RouteSettings | None = None,
        http: HttpClient | None = None,
        task_id: int = -1,
    ) -> None:
        self._venue = venue
        self._endpoints = endpoints or venue.endpoints
        self._settings = settings = settings or RouteSettings()
        self.session = session or new_session()
        clock = clock or SystemClock()
        self._own_http = http is None
        self._http = http or HttpClient(
            self._endpoints.rest,
            venue=venue.id,
            limiter=RateLimiter(Limit(*limit) for limit in venue.limits),
            used_headers=venue.used_headers,
            secrets=credentials.secrets,
        )
        rest = SignedRest(
            venue, self._http, credentials, clock=clock, timeout_s=settings.timeout_s,
            max_wait_s=settings.max_wait_s, recv_window_ms=settings.recv_window_ms,
        )  # fmt: skip
        self.desk = Desk(
            venue, table, self.session, rest, clock=clock, settings=settings, task_id=task_id
        )
        self._resolver = Resolver(self.desk, self._stream_is_silent)
        self._reconciler = Reconciler(self.desk, self._resolver)
        self._operations = Operations(self.desk, self._resolver, self._reconciler)
        self._dispatcher = Dispatcher(
            self.desk, self._operations, self._spawn, self._recover_missing
        )
        self._stream = UserStream(
            self.desk, self._endpoints, on_message=self._on_message, on_open=self._on_open,
            on_close=self._on_close,
        )  # fmt: skip
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._reconciling: asyncio.Task[None] | None = None
        self._started = False
        self._failure: BaseException | None = None

    @property
    def stats(self) -> dict[str, int]:
        """Counters: what was told twice, recovered, made up, reconnected."""
        return {
            "fills": self.desk.fills,
            "duplicates": self.desk.tracker.duplicates,
            "recovered": self._resolver.recovered,
            "made_up": self._resolver.made_up,
            "reconciliations": self._reconciler.runs,
            "connects": self._stream.connection.connects,
            "decode_errors": self._stream.decode_errors,
            "clock_resyncs": self.desk.rest.resyncs,
            "clock_offset_us": self.desk.rest.offset_us,
            "in_flight": len(self._dispatcher.busy),
        }

    async def start(self, publish: Publish) -> None:
        """Log in and reconcile: publish open orders, positions, balances as SNAPSHOT rows.

        Raises
        ------
        ConfigError
            the venue refuses the keys
        VenueError
            the venue can not be reached or answered wrongly
        """
        desk, venue = self.desk, self._venue
        desk.publish = publish
        try:
            desk.tell_status(StatusCode.CLOCK, found=await desk.rest.sync_clock())
            await self._filters()
            await desk.rest.send(venue.key_new())  # a refused key is told here, once
            self._spawn(self._stream.run(self._stop), "user stream")
            async with asyncio.timeout(self._settings.start_s):
                await self._stream.connected.wait()
            await self._reconcile()
        except TimeoutError as error:
            await self.close()
            reason = self._stream.connection.last_reason or "no answer"
            raise VenueError(
                f"{venue.id}: user stream not connected within {self._settings.start_s} s: {reason}",
                venue=venue.id,
            ) from error
        except VenueError as error:
            await self.close()
            rule = rule_of(venue, error)
            if rule.treatment is Treatment.FATAL:
                raise ConfigError(
                    f"{venue.id} refuses the credentials: {rule.meaning} (code {rule.code}); "
                    "check key, secret, allowed addresses and the permission to trade"
                ) from error
            raise
        self._started = True
        desk.on_late_fill = self._on_late_fill
        self._spawn(self._audit(), "audit")

    async def _filters(self) -> None:
        """Take over tick, lot and rate limits as they are today."""
        desk = self.desk
        raw = await desk.rest.send(self._venue.instruments_request())
        limits = self._venue.limits_in(raw)
        if limits and self._own_http:
            self._http.limiter = RateLimiter(Limit(*limit) for limit in limits)
        for spec in self._venue.parse_instruments(raw):
            inst = desk.table.get_symbol(spec.venue, spec.symbol)
            if inst < 0:
                continue
            old = desk.table[inst]
            if (old.tick_size, old.lot_size) != (spec.tick_size, spec.lot_size):
                log.warning(
                    "%s: tick and lot are %g and %g at the venue, %g and %g in our table",
                    spec.name, spec.tick_size, spec.lot_size, old.tick_size, old.lot_size,
                )  # fmt: skip
            desk.specs[inst] = spec

    async def send(self, intents: npt.NDArray[Any]) -> None:
        """Take (n,) INTENT rows in order; returns when they are on their way, not when answered."""
        if self._failure is not None:
            raise self._failure
        if not self._started or self._stop.is_set():
            raise VenueError(f"{self._venue.id}: the order route is not open", venue=self._venue.id)
        self._dispatcher.send(intents)
        await asyncio.sleep(0)  # the new tasks take their place in the rate limit, in this order

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=f"{self._venue.id} {name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None and self._failure is None:
            self._failure = task.exception()
            log.error("%s failed", task.get_name(), exc_info=self._failure)

    def _on_message(self, message: AccountMessage) -> None:
        desk = self.desk
        for report in message.reports:
            desk.tell(desk.tracker.event(report))
            self._recover_missing([report.client_order_id])
        if message.rows is not None:
            desk.tell_rows(message.rows)

    def _recover_missing(self, order_ids: list[int]) -> None:
        """Look after executions that are known to exist and were not told."""
        for order_id in order_ids:
            order = self.desk.tracker.get(order_id)
            if order is not None and order.missing and not self._stop.is_set():
                grace_s = self._settings.grace_s
                self._spawn(self._resolver.recover(order, grace_s), "recovery")

    def _on_open(self) -> None:
        if self._started:
            self._reconcile_soon(self._reconcile)

    def _on_close(self) -> None:
        if not self._stop.is_set():
            self.desk.tell_status(StatusCode.ACCOUNT_DOWN)

    async def _reconcile(self) -> None:
        await self._reconciler.run()
        self.desk.tell_status(StatusCode.ACCOUNT_UP)

    def _on_late_fill(self) -> None:
        """Ask for the positions again: the last ones may hold an execution that was told later."""
        if self._started:
            self._reconcile_soon(self._reconciler.positions)

    def _reconcile_soon(self, what: Callable[[], Awaitable[None]]) -> None:
        """Reconcile after what is being reconciled now; keep trying until it works."""
        before = self._reconciling

        async def turn() -> None:
            if before is not None and not before.done():
                await asyncio.wait([before])
            backoff = self._resolver.backoff()
            while True:
                try:
                    return await what()
                except VenueError as error:
                    log.warning("%s: not reconciled yet: %s", self._venue.id, error)
                await asyncio.sleep(backoff.next())

        self._reconciling = self._spawn(turn(), "reconciliation")

    def _stream_is_silent(self) -> None:
        if self._stream.connection.connected and not self._stop.is_set():
            self._stream.connection.reconnect("executions were not told")

    async def _audit(self) -> None:
        """Compare open orders with the venue's from time to time: a live stream may be silent."""
        while True:
            await asyncio.sleep(self._settings.audit_s)
            try:
                await self._reconciler.audit()
            except VenueError as error:
                log.warning("%s: audit: %s", self._venue.id, error)

    async def cancel_everything(self) -> None:
        """Cancel every open order at the instruments that this session sent orders for.

        Submits that are not on the wire yet are refused. Returns when the venue confirms that none
        of this session's orders is open; raises VenueError if it can not be brought to that.
        """
        settings, desk = self._settings, self.desk
        backoff = self._resolver.backoff()
        reason = "orders were still open"
        self._operations.stopping = True
        try:
            async with asyncio.timeout(settings.cancel_all_s):
                while True:
                    try:
                        if await self._cancel_round():
                            break
                    except VenueError as error:
                        reason = str(error)
                        log.warning("%s: cancel everything: %s", self._venue.id, error)
                    await asyncio.sleep(backoff.next())
                await asyncio.sleep(0)
                await self._reconciler.settle()
        except TimeoutError as error:
            raise VenueError(
                f"{self._venue.id}: not confirmed within {settings.cancel_all_s} s that all orders "
                f"are cancelled ({len(desk.tracker.open)} may be open): {reason}",
                venue=self._venue.id,
            ) from error
        finally:
            self._operations.stopping = False

    async def _cancel_round(self) -> bool:
        """Cancel all there is; return whether none is left and none is on its way."""
        desk = self.desk
        used = sorted(desk.used)
        on_their_way = {
            self._dispatcher.busy[order.id]
            for order in desk.tracker.open
            if not order.accepted and order.id in self._dispatcher.busy
        }
        for inst in used:
            await desk.rest.send(self._venue.cancel_all(desk.spec(inst)))
        if on_their_way:
            await asyncio.wait(on_their_way, timeout=self._settings.timeout_s)
            return False
        return all([await self._reconciler.none_left(inst) for inst in used])

    async def close(self) -> None:
        """Stop; open orders stay as they are. May be called twice.

        Requests that are out get a moment to be answered, so that their reports are not lost.
        """
        self._started = False
        if self._dispatcher.busy and not self._stop.is_set():
            await asyncio.wait(set(self._dispatcher.busy.values()), timeout=self._settings.grace_s)
        self._stop.set()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._own_http:
            await self._http.close()
