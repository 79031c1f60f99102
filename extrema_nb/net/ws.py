"""The connection loop: one for every venue. The venue gives URL and frames, the caller a handler.

Rules
-----
1. Connect, send the frames, hand over what comes, until `stop`; whatever ends a connection, the
   next one is tried, for ever, after a capped delay with jitter.
2. The delay starts small again only after good data: a server that accepts and says nothing useful
   is still a broken server.
3. Silence is silence of data. Pings, acknowledgements and error frames keep nothing alive; the
   handler tells which frame was data.
4. A venue that cuts connections after a day is left before it does (`lifetime_s`); who wants a
   second connection before the first one goes opens it itself (`extrema_nb.feeds.link`).
5. Frames are handled where they are received, in order; there is no queue. A slow handler fills
   the library's small buffer, then the kernel's, then the sender waits: nothing is dropped here.
6. Waiting is measured on the monotonic clock: a step of the wall clock ends no connection.
7. What leaves is paced: attempts to connect by a limiter that all connections to a venue share,
   frames by one of each connection, with one place kept free for the heartbeat.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.clock import Clock
from extrema_nb.errors import VenueDisconnected, VenueError
from extrema_nb.net.backoff import Backoff
from extrema_nb.net.http import redact
from extrema_nb.net.ratelimit import Limit, RateLimiter
from extrema_nb.net.transport import BurstTransport, Transport, choose_transport, make_transport

__all__ = ["CONNECTS", "PLANNED", "Heartbeat", "OnBurst", "OnFrame", "WsConnection", "WsSettings"]

log = logging.getLogger(__name__)

OnFrame = Callable[[bytes, int], bool]
"""Takes (frame, ts_recv µs); returns whether it was data. An exception ends `run`."""

Ints = npt.NDArray[np.int64]
OnBurst = Callable[[npt.NDArray[np.uint8], Ints, Ints, int], bool]
"""Takes (buffer, starts, ends, ts_recv µs) of the frames of one read; otherwise like `OnFrame`."""

PLANNED = "planned reconnect before the venue's limit"
CONNECTS = "connects"  # window of the limiter that paces attempts to connect
MESSAGES = "messages"  # window of frames that leave


class Heartbeat(NamedTuple):
    """A frame that the client must send from time to time."""

    frame: str
    every_s: float


class WsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times and sizes of a connection; None switches a watchdog off."""

    transport: str = "auto"  # picows, aiohttp, websockets, native; auto: see net.transport
    proxy: str = ""  # such as http://host:3128 or socks5://host:1080
    connect_timeout_s: float = 10.0  # TCP, TLS and handshake together
    first_message_s: float | None = 30.0  # from connection to first data
    idle_s: float | None = 60.0  # without data
    lifetime_s: float | None = 23.5 * 3600  # venues cut at 24 h
    ping_s: float | None = 20.0  # our own pings find a dead peer where silence is normal
    max_frame: int = 16 * 2**20  # bytes
    close_timeout_s: float = 2.0
    send_timeout_s: float = 5.0
    messages: int = 3  # frames that may leave in `messages_s`; venues count them
    messages_s: float = 1.0
    backoff_first_s: float = 0.5
    backoff_cap_s: float = 30.0


class WsConnection:
    """One connection that comes back.

    Parameters
    ----------
    url : the URL, or an async function that makes a fresh one for each attempt
    on_frame : see `OnFrame`
    clock : gives ``ts_recv``
    frames : text frames sent after each connect, paced by `messages` in `messages_s`
    heartbeat : frame that the venue wants from time to time
    headers : (name, value) to send with the request to connect
    connects : limiter with a window ``"connects"``, shared by all connections to the venue
    on_open : called when connected, before `frames` are sent
    on_close : called once for each `on_open`, with the reason
    on_burst : takes the frames of a read together, where the client can give them so
    name : for log lines; never the URL, it may hold a key
    """

    def __init__(
        self,
        url: str | Callable[[], Awaitable[str]],
        on_frame: OnFrame,
        *,
        clock: Clock,
        frames: Sequence[str] = (),
        heartbeat: Heartbeat | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        connects: RateLimiter | None = None,
        on_open: Callable[[], None] | None = None,
        on_close: Callable[[str], None] | None = None,
        on_burst: OnBurst | None = None,
        settings: WsSettings | None = None,
        name: str = "ws",
        backoff: Backoff | None = None,
    ) -> None:
        self._url = url
        self._on_frame, self._on_burst = on_frame, on_burst
        self._clock = clock
        self._frames = tuple(frames)
        self._on_open = on_open
        self._on_close = on_close
        self._settings = settings or WsSettings()
        self._name = name
        self._backoff = backoff or Backoff(
            self._settings.backoff_first_s, self._settings.backoff_cap_s
        )
        self.client = choose_transport(  # refused before the start
            self._settings.transport, bursts=on_burst is not None, proxy=self._settings.proxy
        )
        self._heartbeat = heartbeat
        self._headers = headers
        self._gate = connects or RateLimiter()
        limit = Limit(MESSAGES, max(self._settings.messages, 1), self._settings.messages_s)
        if heartbeat is not None and limit.capacity > 1:
            limit = limit._replace(reserve=1)
        self._outgoing = limit
        self._pace = RateLimiter([limit])
        self._transport: Transport | None = None
        self._restart: asyncio.Event | None = None
        self._restart_reason = ""
        self._opened_at = 0.0  # s, monotonic
        self._data = 0  # frames of this connection that were data
        self.attempts = 0
        self.connects = 0  # connections made
        self.sent = 0  # frames that left, heartbeats included
        self.failures = 0  # connections ended other than by `stop` or plan, and failed attempts
        self.last_reason = ""  # why the last connection ended

    @property
    def connected(self) -> bool:
        """Whether a connection is open now."""
        return self._transport is not None

    @property
    def age_s(self) -> float:
        """How long the present connection has been open; 0 without one."""
        if self._transport is None:
            return 0.0
        return time.monotonic() - self._opened_at

    async def run(self, stop: asyncio.Event) -> None:
        """Stay connected until `stop` is set."""
        while not stop.is_set():
            reason = await self._once(stop)
            if stop.is_set():
                return
            self.last_reason = reason
            if reason == PLANNED:
                log.info("%s: %s", self._name, reason)
                continue
            self.failures += 1
            delay_s = self._backoff.next()
            log.warning("%s: %s; next try in %.1f s", self._name, reason, delay_s)
            try:
                async with asyncio.timeout(delay_s):
                    await stop.wait()
            except TimeoutError:
                pass

    async def send(self, frame: str, *, urgent: bool = False) -> None:
        """Send a text frame when its turn comes; raise VenueDisconnected without a connection."""
        if self._transport is None:
            raise VenueDisconnected(f"{self._name}: cannot send: not connected")
        await self._pace.acquire({MESSAGES: 1}, urgent=urgent)
        if self._transport is None:
            raise VenueDisconnected(f"{self._name}: cannot send: the connection has ended")
        self.sent += 1
        try:
            async with asyncio.timeout(self._settings.send_timeout_s):
                await self._transport.send(frame)
        except TimeoutError as error:
            raise VenueDisconnected(
                f"{self._name}: could not send within {self._settings.send_timeout_s} s"
            ) from error

    def reconnect(self, reason: str) -> None:
        """End the present connection and make a new one (an expired key, say)."""
        self._restart_reason = reason
        if self._restart is not None:
            self._restart.set()

    async def _once(self, stop: asyncio.Event) -> str:
        """Make one connection and serve it to its end; return why it ended."""
        transport = make_transport(self.client)
        opening = asyncio.ensure_future(self._connect(transport))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not opening.done():
                return "stopped"
            opening.result()
            self._opened_at, self._data = time.monotonic(), 0
            self._pace = RateLimiter([self._outgoing])
            self._transport = transport
            self._restart = asyncio.Event()
            self.connects += 1
            if self._on_open is not None:
                self._on_open()
            reason = "ended by an error of the handler"
            try:
                reason = await self._serve(transport, stopping)
            finally:
                self._transport = None
                if self._on_close is not None:
                    self._on_close(reason)
            return reason  # noqa: TRY300 - the finally above needs it
        except VenueError as error:
            return redact(str(error))
        finally:
            opening.cancel()
            stopping.cancel()
            await asyncio.gather(opening, stopping, return_exceptions=True)
            await self._close(transport)

    async def _connect(self, transport: Transport) -> None:
        settings = self._settings
        await self._gate.acquire({CONNECTS: 1})
        self.attempts += 1
        try:
            async with asyncio.timeout(settings.connect_timeout_s):
                url = self._url if isinstance(self._url, str) else await self._url()
                await transport.open(
                    url,
                    max_frame=settings.max_frame,
                    ping_s=settings.ping_s,
                    close_timeout_s=settings.close_timeout_s,
                    proxy=settings.proxy,
                    headers=self._headers,
                )
        except TimeoutError as error:
            raise VenueDisconnected(
                f"could not connect within {settings.connect_timeout_s} s"
            ) from error

    async def _close(self, transport: Transport) -> None:
        try:
            async with asyncio.timeout(self._settings.close_timeout_s + 1.0):
                await transport.close()
        except TimeoutError:
            log.warning("%s: the connection did not close in time", self._name)

    async def _serve(self, transport: Transport, stopping: asyncio.Future[Any]) -> str:
        """Run pump, watchdog and subscription side by side; the first to end ends them all."""
        restart = self._restart
        if restart is None:
            raise AssertionError("served before it was opened")
        if self._on_burst is not None and hasattr(transport, "pump_bursts"):
            pumping = cast("BurstTransport", transport).pump_bursts(self._take_burst)
        else:
            pumping = transport.pump(self._take)
        pump = asyncio.ensure_future(pumping)
        watch = asyncio.ensure_future(self._watch())
        restarting = asyncio.ensure_future(restart.wait())
        subscribing = asyncio.ensure_future(self._subscribe())
        beating = asyncio.ensure_future(self._beat())
        tasks = [pump, watch, restarting, subscribing, beating]
        try:
            pending = {*tasks, stopping}
            while True:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                if pump in done:
                    return pump.result()  # raises what the handler raised
                if stopping in done:
                    return "stopped"
                if watch in done:
                    return watch.result()
                if restarting in done:
                    return self._restart_reason
                for task in done:
                    task.result()  # raises VenueDisconnected
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _subscribe(self) -> None:
        for frame in self._frames:
            await self.send(frame)

    async def _beat(self) -> None:
        """Send the heartbeat until cancelled; return at once where there is none."""
        if self._heartbeat is None:
            return
        while True:
            await asyncio.sleep(self._heartbeat.every_s)
            await self.send(self._heartbeat.frame, urgent=True)

    async def _watch(self) -> str:
        """Return why the connection should be left, when it should."""
        settings = self._settings
        first_s, idle_s, life_s = settings.first_message_s, settings.idle_s, settings.lifetime_s
        step_s = min(s for s in (first_s, idle_s, life_s, 20.0) if s is not None) / 4
        seen, changed = 0, time.monotonic()
        while True:
            await asyncio.sleep(step_s)
            now = time.monotonic()
            age_s = now - self._opened_at
            if self._data != seen:
                seen, changed = self._data, now
            elif not seen:
                if first_s is not None and age_s > first_s:
                    return f"no data within {first_s} s of connecting"
            elif idle_s is not None and now - changed > idle_s:
                return f"no data for {now - changed:.1f} s"
            if life_s is not None and age_s > life_s:
                return PLANNED

    def _take(self, frame: bytes) -> None:
        if self._on_frame(frame, self._clock.now()):
            self.note_data()

    def _take_burst(self, text: npt.NDArray[np.uint8], starts: Ints, ends: Ints) -> None:
        if self._on_burst is not None and self._on_burst(text, starts, ends, self._clock.now()):
            self.note_data()

    def note_data(self) -> None:
        """Take note of data; for handlers that know only later what a frame was."""
        if not self._data:
            self._backoff.reset()
        self._data += 1
