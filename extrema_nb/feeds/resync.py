"""Snapshots that come in the stream: asked for by subscribing again, until the book is good.

Some books can be had both ways (`BookSources`): they are subscribed to again first, and fetched
when that brings nothing. A venue may end its pushes from one day to the next.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.feeds.snapshots import SnapshotFetcher
from extrema_nb.net.backoff import Backoff

__all__ = ["IN_VAIN", "BookSources", "StreamResync"]

log = logging.getLogger(__name__)

IN_VAIN = 2  # subscriptions that brought no snapshot before one is fetched


class StreamResync:
    """Has snapshots pushed again for books that need one.

    A connection that has just subscribed gets them by itself: only a book that is still without
    one after `resync_grace_s` is asked for.

    Parameters
    ----------
    ask_venue : sends the frames that make the venue push the snapshot of an instrument
    needs_snapshot : whether the book of an instrument waits for one
    fetch : fetches the snapshot of an instrument that is not pushed; None where there is none
    """

    def __init__(
        self,
        settings: FeedSettings,
        *,
        ask_venue: Callable[[int], bool],
        needs_snapshot: Callable[[int], bool],
        fetch: Callable[[int], None] | None = None,
    ) -> None:
        self._settings = settings
        self._fetch = fetch
        self._ask_venue = ask_venue
        self._needs_snapshot = needs_snapshot
        self._open: dict[int, float] = {}  # book -> since when its changes come, monotonic s
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self.errors = 0  # times that a venue was asked again because nothing came of it

    def workers(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Return one coroutine; when it is cancelled, what is being asked for is given up."""
        yield self._guard()

    async def _guard(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def opened(self, inst: int) -> None:
        """Take note that the changes of a book are coming, a snapshot first."""
        self._open[inst] = time.monotonic()
        self.ask(inst)

    def closed(self, inst: int) -> None:
        """Take note that the changes of a book have ended."""
        self._open.pop(inst, None)
        task = self._tasks.pop(inst, None)
        if task is not None:
            task.cancel()

    def ask(self, inst: int) -> None:
        """Get a snapshot for a book unless one is on its way."""
        if inst not in self._tasks and inst in self._open:
            task = asyncio.get_running_loop().create_task(self._get(inst))
            self._tasks[inst] = task
            task.add_done_callback(lambda _: self._done(inst, task))

    def _done(self, inst: int, task: asyncio.Task[None]) -> None:
        if self._tasks.get(inst) is task:
            del self._tasks[inst]

    async def _get(self, inst: int) -> None:
        grace_s = self._open[inst] + self._settings.resync_grace_s - time.monotonic()
        if grace_s > 0:
            await asyncio.sleep(grace_s)
        backoff = Backoff(self._settings.resync_retry_s, 30.0)
        asked = 0
        while inst in self._open and self._needs_snapshot(inst):
            self.errors += bool(asked)
            if asked >= IN_VAIN and self._fetch is not None:
                self._fetch(inst)
            asked += 1
            if not self._ask_venue(inst):
                return
            await asyncio.sleep(self._settings.resync_retry_s + backoff.next())


class BookSources:
    """Snapshots of books of which some are pushed and some are fetched.

    Parameters
    ----------
    resync : subscribes again; its `fetch` asks `fetcher`
    fetcher : fetches
    pushed : whether the venue pushes the snapshot of an instrument
    """

    def __init__(
        self, resync: StreamResync, fetcher: SnapshotFetcher, pushed: Callable[[int], bool]
    ) -> None:
        self._resync = resync
        self._fetcher = fetcher
        self._pushed = pushed

    @property
    def errors(self) -> int:
        """Snapshots that did not come, or could not be used."""
        return self._resync.errors + self._fetcher.errors

    def workers(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Return the coroutines that do the work; they run until they are cancelled."""
        yield from self._resync.workers()
        yield from self._fetcher.workers()

    def opened(self, inst: int) -> None:
        """Take note that the changes of a book are coming."""
        pushed = self._pushed(inst)
        self._fetcher.opened(inst, ask=not pushed)
        if pushed:
            self._resync.opened(inst)

    def closed(self, inst: int) -> None:
        """Take note that the changes of a book have ended."""
        self._resync.closed(inst)
        self._fetcher.closed(inst)

    def ask(self, inst: int) -> None:
        """Get a snapshot for a book unless one is on its way."""
        (self._resync if self._pushed(inst) else self._fetcher).ask(inst)
