"""The worker of a stream task: keeps its feed running and obeys commands about it.

Rules
-----
1. A feed connects and subscribes by itself, unless the task is ``manual``: then each cycle begins
   with a WsConnect of the module that took it over.
2. WsConnect is acknowledged when the connection stands, WsShutdown when it is closed; after a
   shutdown the task waits for the next WsConnect.
3. A command that the feed can not obey is answered with `AckStatus.UNKNOWN`, never left hanging.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

from extrema_nb.contracts import Publish
from extrema_nb.errors import VenueDisconnected
from extrema_nb.events import STATUS, EventArray, EventKind, StatusCode
from extrema_nb.runtime.commands import (
    AckStatus,
    CommandQueue,
    Pending,
    WsConnect,
    WsMessage,
    WsShutdown,
)
from extrema_nb.runtime.tasks import Concrete, WsTask

__all__ = ["Feed", "MakeFeed", "StreamWorker"]

_log = logging.getLogger(__name__)


class Feed(Protocol):
    """Something that publishes rows until it is told to stop.

    A feed that also has ``async def send(text)`` obeys WsMessage.
    """

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop` is set; return soon after."""
        ...


class MakeFeed(Protocol):
    """Makes the feed of a concrete task; `url` is that of a WsConnect, else empty."""

    def __call__(self, task: Concrete, publish: Publish, url: str) -> Feed:
        """Return a feed that has not begun yet."""
        ...


class StreamWorker:
    """One concrete WsTask at work."""

    def __init__(
        self,
        concrete: Concrete,
        queue: CommandQueue,
        publish: Publish,
        make_feed: MakeFeed,
        stop: asyncio.Event,
    ) -> None:
        if not isinstance(concrete.task, WsTask):
            raise TypeError(f"{concrete.key} is no stream")
        self.feed: Feed | None = None  # the present one, for statistics
        self._concrete = concrete
        self._manual = concrete.task.manual
        self._queue = queue
        self._publish = publish
        self._make_feed = make_feed
        self._stop = stop
        self._paused = False
        self._connecting: Pending | None = None  # a WsConnect that waits for its connection

    async def cycle(self) -> None:
        """Run one cycle: wait for WsConnect where one is needed, then serve the feed to its end."""
        url = ""
        if self._manual or self._paused:
            connect = await self._wait_for_connect()
            if connect is None:
                return
            url = connect.url
        self._paused = False
        quiet = asyncio.Event()
        self.feed = feed = self._make_feed(self._concrete, self._take, url)
        running = asyncio.ensure_future(feed.run(quiet))
        try:
            await self._serve(feed, running, quiet)
        finally:
            quiet.set()
            if not running.done():
                running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            if self._connecting is not None:
                self._connecting.drop(f"{self._concrete.key}: the connection was not made")
                self._connecting = None

    async def _serve(self, feed: Feed, running: asyncio.Future[None], quiet: asyncio.Event) -> None:
        stopping = asyncio.ensure_future(self._stop.wait())
        getting = asyncio.ensure_future(self._queue.get())
        try:
            while True:
                waiting: set[asyncio.Future[Any]] = {running, stopping, getting}
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    pending = getting.result()
                    if isinstance(pending.command, WsShutdown):
                        await self._shut_down(feed, pending.command, running, quiet)
                        pending.ack(AckStatus.WS_SHUTDOWN)
                        return
                    await self._obey(feed, pending)
                    getting = asyncio.ensure_future(self._queue.get())
                if running.done():
                    running.result()  # raises what the feed raised
                    return
                if stopping.done():
                    quiet.set()
                    await running
                    return
        finally:
            stopping.cancel()
            _give_up(getting, str(self._concrete.key))

    async def _wait_for_connect(self) -> WsConnect | None:
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            while True:
                getting = asyncio.ensure_future(self._queue.get())
                waiting: set[asyncio.Future[Any]] = {stopping, getting}
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if not getting.done():
                    getting.cancel()
                    return None
                pending = getting.result()
                if isinstance(pending.command, WsConnect):
                    self._connecting = pending
                    return pending.command
                self._refuse(pending, "not connected, expected WsConnect")
        finally:
            stopping.cancel()

    async def _obey(self, feed: Feed, pending: Pending) -> None:
        send: Any = getattr(feed, "send", None)
        if not isinstance(pending.command, WsMessage):
            self._refuse(pending, "it is running already")
        elif send is None:
            self._refuse(pending, "its feed writes by itself; set manual=True to take it over")
        else:
            try:
                await send(pending.command.text)
            except VenueDisconnected as error:
                pending.drop(str(error))  # not written, so not acknowledged
            else:
                pending.ack(AckStatus.WS_MESSAGE)

    async def _shut_down(
        self,
        feed: Feed,
        command: WsShutdown,
        running: asyncio.Future[None],
        quiet: asyncio.Event,
    ) -> None:
        send: Any = getattr(feed, "send", None)
        if command.text and send is not None:
            try:
                await send(command.text)
            except VenueDisconnected as error:
                _log.info("%s: last text was not written: %s", self._concrete.key, error)
        self._paused = True
        quiet.set()
        await running

    def _refuse(self, pending: Pending, reason: str) -> None:
        name = type(pending.command).__name__
        _log.warning("%s refused %s: %s", self._concrete.key, name, reason)
        pending.ack(AckStatus.UNKNOWN)

    def _take(self, rows: EventArray) -> None:
        if self._connecting is not None and _tells_connected(rows):
            self._connecting.ack(AckStatus.WS_CONNECT)
            self._connecting = None
        self._publish(rows)


def _give_up(getting: asyncio.Future[Pending], name: str) -> None:
    """Stop waiting for a command; one that has just come is told that it will not be obeyed."""
    if getting.done() and not getting.cancelled():
        getting.result().drop(f"{name}: the connection ended")
    getting.cancel()


def _tells_connected(rows: EventArray) -> bool:
    status = rows["kind"] == EventKind.STATUS
    return bool((rows.view(STATUS)["code"][status] == StatusCode.CONNECTED).any())
