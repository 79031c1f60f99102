"""The connection loop: one for every venue. The venue gives URL and frames, the caller a handler.

Rules
-----
1. Connect, send the frames, hand over what comes, until `stop`; whatever ends a connection, the
   next one is tried, for ever, after a capped delay with jitter.
2. The delay starts small again only after good data: a server that accepts and says nothing useful
   is still a broken server.
3. Silence is silence of data. Pings, acknowledgements and error frames keep nothing alive; the
   handler tells which frame was data.
4. A venue that cuts connections after a day is left before it does.
5. Frames are handled where they are received, in order; there is no queue. A slow handler fills
   the library's small buffer, then the kernel's, then the sender waits: nothing is dropped here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from extrema_nb.clock import Clock
from extrema_nb.errors import VenueDisconnected, VenueError
from extrema_nb.net.backoff import Backoff
from extrema_nb.net.http import redact
from extrema_nb.net.transport import Transport, make_transport

__all__ = ["OnFrame", "WsConnection", "WsSettings"]

log = logging.getLogger(__name__)

OnFrame = Callable[[bytes, int], bool]
"""Takes (frame, ts_recv µs); returns whether it was data. An exception ends `run`."""

PLANNED = "planned reconnect before the venue's limit"


class WsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times and sizes of a connection; None switches a watchdog off."""

    transport: str = "aiohttp"  # or "websockets"
    connect_timeout_s: float = 10.0  # TCP, TLS and handshake together
    first_message_s: float | None = 30.0  # from connection to first data
    idle_s: float | None = 60.0  # without data
    lifetime_s: float = 23.5 * 3600  # venues cut at 24 h
    ping_s: float | None = 20.0  # our own pings find a dead peer where silence is normal
    max_frame: int = 16 * 2**20  # bytes
    close_timeout_s: float = 2.0
    send_timeout_s: float = 5.0
    send_gap_s: float = 0.35  # between subscribe frames; venues count inbound messages
    backoff_first_s: float = 0.5
    backoff_cap_s: float = 30.0


class WsConnection:
    """One connection that comes back.

    Parameters
    ----------
    url : the URL, or an async function that makes a fresh one for each attempt
    on_frame : see `OnFrame`
    clock : gives ``ts_recv``
    frames : text frames sent after each connect, paced by `send_gap_s`
    on_open : called when connected, before `frames` are sent
    on_close : called once for each `on_open`, with the reason
    name : for log lines; never the URL, it may hold a key
    """

    def __init__(
        self,
        url: str | Callable[[], Awaitable[str]],
        on_frame: OnFrame,
        *,
        clock: Clock,
        frames: Sequence[str] = (),
        on_open: Callable[[], None] | None = None,
        on_close: Callable[[str], None] | None = None,
        settings: WsSettings | None = None,
        name: str = "ws",
        backoff: Backoff | None = None,
    ) -> None:
        self._url = url
        self._on_frame = on_frame
        self._clock = clock
        self._frames = tuple(frames)
        self._on_open = on_open
        self._on_close = on_close
        self._settings = settings or WsSettings()
        self._name = name
        self._backoff = backoff or Backoff(
            self._settings.backoff_first_s, self._settings.backoff_cap_s
        )
        make_transport(self._settings.transport)  # an unknown name is refused before the start
        self._transport: Transport | None = None
        self._restart: asyncio.Event | None = None
        self._restart_reason = ""
        self._opened_at = 0  # µs
        self._last_data = 0  # µs, 0 before the first data of this connection
        self.connects = 0  # connections made
        self.failures = 0  # connections ended other than by `stop` or plan, and failed attempts
        self.last_reason = ""  # why the last connection ended

    @property
    def connected(self) -> bool:
        """Whether a connection is open now."""
        return self._transport is not None

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

    async def send(self, frame: str) -> None:
        """Send a text frame on the open connection; raise VenueDisconnected without one."""
        if self._transport is None:
            raise VenueDisconnected(f"{self._name}: cannot send: not connected")
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
        settings = self._settings
        transport = make_transport(settings.transport)
        opening = asyncio.ensure_future(self._connect(transport))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not opening.done():
                return "stopped"
            opening.result()
            self._opened_at, self._last_data = self._clock.now(), 0
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
        try:
            async with asyncio.timeout(settings.connect_timeout_s):
                url = self._url if isinstance(self._url, str) else await self._url()
                await transport.open(
                    url,
                    max_frame=settings.max_frame,
                    ping_s=settings.ping_s,
                    close_timeout_s=settings.close_timeout_s,
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
        pump = asyncio.ensure_future(transport.pump(self._take))
        watch = asyncio.ensure_future(self._watch())
        restarting = asyncio.ensure_future(restart.wait())
        subscribing = asyncio.ensure_future(self._subscribe())
        tasks = [pump, watch, restarting, subscribing]
        try:
            pending = {pump, watch, restarting, subscribing, stopping}
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
                subscribing.result()  # raises VenueDisconnected
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _subscribe(self) -> None:
        for i, frame in enumerate(self._frames):
            if i:
                await asyncio.sleep(self._settings.send_gap_s)
            await self.send(frame)

    async def _watch(self) -> str:
        """Return why the connection should be left, when it should."""
        settings = self._settings
        limits = [s for s in (settings.first_message_s, settings.idle_s) if s is not None]
        step_s = min([*limits, settings.lifetime_s, 20.0]) / 4
        while True:
            await asyncio.sleep(step_s)
            now = self._clock.now()
            age_s = (now - self._opened_at) * 1e-6
            if not self._last_data:
                if settings.first_message_s is not None and age_s > settings.first_message_s:
                    return f"no data within {settings.first_message_s} s of connecting"
            elif settings.idle_s is not None:
                silent_s = (now - self._last_data) * 1e-6
                if silent_s > settings.idle_s:
                    return f"no data for {silent_s:.1f} s"
            if age_s > settings.lifetime_s:
                return PLANNED

    def _take(self, frame: bytes) -> None:
        now = self._clock.now()
        if self._on_frame(frame, now):
            if not self._last_data:
                self._backoff.reset()
            self._last_data = now
