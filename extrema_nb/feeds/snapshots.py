"""Book snapshots over REST: asked for when a book needs one, a few at a time, until it is good."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from extrema_nb.errors import VenueError
from extrema_nb.feeds.pipeline import MarketPipeline
from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.instruments import InstrumentTable
from extrema_nb.net.backoff import Backoff
from extrema_nb.net.http import HttpClient
from extrema_nb.venues import MarketVenue

__all__ = ["SnapshotFetcher", "TakeSnapshot"]

log = logging.getLogger(__name__)

TakeSnapshot = Callable[[bytes, int, str], None]
"""Takes (answer, instrument, symbol)."""


class SnapshotFetcher:
    """Gets snapshots for books that need one.

    A snapshot is asked for when the first diff is buffered, so that it reaches back; for a book
    that rests, after a short while without one.
    """

    def __init__(
        self,
        venue: MarketVenue,
        table: InstrumentTable,
        http: HttpClient,
        settings: FeedSettings,
        pipeline: MarketPipeline,
        take: TakeSnapshot,
    ) -> None:
        self._venue = venue
        self._table = table
        self._http = http
        self._settings = settings
        self._pipeline = pipeline
        self._take = take
        self._queue: asyncio.Queue[int] = asyncio.Queue()  # bounded: each book at most once
        self._asked: set[int] = set()
        self._open: dict[int, int] = {}  # book -> number of the connection that carries it
        self._opened = 0
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self.errors = 0  # requests that failed and answers that could not be used

    def workers(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Return the coroutines that do the work; they run until they are cancelled."""
        return (self._work() for _ in range(self._settings.snapshot_workers))

    def opened(self, inst: int, *, ask: bool = True) -> None:
        """Take note that the diffs of a book are coming; `ask`: its snapshot must be fetched."""
        self._opened += 1
        self._open[inst] = self._opened
        if not ask:
            return
        loop = asyncio.get_running_loop()
        self._timers[inst] = loop.call_later(self._settings.snapshot_delay_s, self.ask, inst)

    def closed(self, inst: int) -> None:
        """Take note that the diffs of a book have ended."""
        self._open.pop(inst, None)
        timer = self._timers.pop(inst, None)
        if timer is not None:
            timer.cancel()

    def ask(self, inst: int) -> None:
        """Get a snapshot for a book unless one is on its way."""
        if inst not in self._asked and inst in self._open:
            self._asked.add(inst)
            self._queue.put_nowait(inst)

    async def _work(self) -> None:
        while True:
            inst = await self._queue.get()
            try:
                await self._fetch(inst)
            finally:
                self._asked.discard(inst)

    async def _fetch(self, inst: int) -> None:
        backoff = Backoff(self._settings.snapshot_retry_s, 10.0)
        symbol = self._table[inst].symbol
        request = self._venue.snapshot_request(symbol)
        while inst in self._open and self._pipeline.needs_snapshot(inst):
            connection = self._open[inst]
            try:
                answer = await self._http.request(
                    request.method,
                    request.path,
                    self._venue.query(request),
                    headers=self._venue.public_headers(request),
                    body=request.body.encode() or None,
                    costs=self._venue.costs(request),
                )
                # what was fetched for a connection that has ended says nothing about the next one
                if self._open.get(inst) == connection:
                    self._take(answer.body, inst, symbol)
            except VenueError as error:  # no answer, a refusal, or one that can not be read
                self.errors += 1
                log.warning("snapshot of %s: %s", symbol, error)
            if self._pipeline.needs_snapshot(inst):
                await asyncio.sleep(backoff.next())
