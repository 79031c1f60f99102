"""The live market feed: connections, snapshots and watchdogs of one venue, as rows in order.

Rules
-----
1. Rows are published as soon as their frame is decoded, one `publish` a frame, in order of
   ``ts_recv``; everything happens in one event loop, so that order holds over all connections.
2. A bad frame is counted, logged and dropped; it never ends a connection. Only `stop` ends a feed.
3. What a strategy must know stands in STATUS rows: CONNECTED and DISCONNECTED for a connection
   (no instrument, `count` streams), STALE and RESYNCED for an instrument, GAP and DUPLICATE for
   a book.
4. A stream that is silent for longer than it should be makes its instrument STALE, even though
   the connection lives: venues do acknowledge streams that they never send.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from extrema_nb.channels import Endpoints, Lob, Subscription
from extrema_nb.clock import Clock
from extrema_nb.contracts import Publish
from extrema_nb.errors import ConfigError, VenueDecodeError, VenueError
from extrema_nb.events import EventArray, StatusCode, status_row
from extrema_nb.feeds.pipeline import MarketPipeline
from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.feeds.snapshots import SnapshotFetcher
from extrema_nb.feeds.stats import FeedStats
from extrema_nb.feeds.watchdog import SilenceWatch
from extrema_nb.instruments import InstrumentTable
from extrema_nb.net.http import HttpClient
from extrema_nb.net.ratelimit import Limit, RateLimiter
from extrema_nb.net.ws import WsConnection
from extrema_nb.venues import MarketVenue, StreamPlan

__all__ = ["MarketFeed", "Raw", "make_http"]

log = logging.getLogger(__name__)

Raw = Callable[[bytes, int], None]
"""Takes (frame as received, ts_recv µs), REST snapshots included; must not block."""

LOUD = 10  # bad frames that are logged one by one; after that each thousandth


def make_http(venue: MarketVenue, endpoints: Endpoints) -> HttpClient:
    """Return a REST client that keeps the venue's limits."""
    limiter = RateLimiter(Limit(*limit) for limit in venue.limits)
    return HttpClient(
        endpoints.rest, venue=venue.id, limiter=limiter, used_headers=venue.used_headers
    )


def _check(subscriptions: Sequence[Subscription], table: InstrumentTable) -> None:
    if not subscriptions:
        raise ConfigError("a feed without subscriptions has nothing to do; name at least one")
    books: dict[int, Lob] = {}
    for inst, channel in subscriptions:
        if not 0 <= inst < len(table):
            raise ConfigError(
                f"subscription to instrument {inst}, but the table has {len(table)}; "
                "load the instruments first"
            )
        if isinstance(channel, Lob) and channel.kind != "bbo":
            other = books.setdefault(inst, channel)
            if other != channel:
                raise ConfigError(
                    f"{table[inst].name}: two book channels, {other} and {channel}; "
                    "both would write one book, choose one"
                )


class MarketFeed:
    """Public streams of one venue.

    Parameters
    ----------
    venue, table, subscriptions : what is wanted; private channels are refused
    endpoints : where; the venue's live ones by default
    publish : takes the rows; the array is reused after it returns
    clock : gives ``ts_recv``
    raw : optional taker of frames as they came
    task_id : goes into STATUS rows
    http : REST client to share, for one account of the rate limit
    """

    def __init__(
        self,
        venue: MarketVenue,
        table: InstrumentTable,
        subscriptions: Sequence[Subscription],
        *,
        publish: Publish,
        clock: Clock,
        endpoints: Endpoints | None = None,
        raw: Raw | None = None,
        task_id: int = 1,
        settings: FeedSettings | None = None,
        http: HttpClient | None = None,
    ) -> None:
        _check(subscriptions, table)
        self._venue = venue
        self._settings = settings or FeedSettings()
        self._endpoints = endpoints or venue.endpoints
        self._publish = publish
        self._clock = clock
        self._raw = raw
        self._task_id = task_id
        self._http = http or make_http(venue, self._endpoints)
        self._http_is_ours = http is None
        self._stats = FeedStats()
        self._pipeline = MarketPipeline(
            venue, table, task_id=task_id, max_buffered=self._settings.max_buffered
        )
        self.plans = venue.stream_url(self._endpoints, subscriptions, table)
        self._watch = SilenceWatch(venue, self._settings, self._tell)
        self._snapshots = SnapshotFetcher(
            venue, table, self._http, self._settings, self._pipeline, self._take_snapshot
        )
        self._connections = [self._connection(plan, i) for i, plan in enumerate(self.plans)]

    @property
    def stats(self) -> FeedStats:
        """Counters, as of now."""
        stats, syncs = self._stats, list(self._pipeline.syncs.values())
        stats.connects = sum(connection.connects for connection in self._connections)
        stats.reconnects = sum(max(c.connects - 1, 0) for c in self._connections)
        stats.failures = sum(connection.failures for connection in self._connections)
        stats.gaps = sum(sync.gaps for sync in syncs)
        stats.duplicates = sum(sync.duplicates for sync in syncs)
        stats.superseded = sum(sync.superseded for sync in syncs)
        stats.resyncs = sum(sync.resyncs for sync in syncs)
        stats.snapshot_errors = self._snapshots.errors
        stats.unknown = sum(self._pipeline.unknown.values())
        stats.silences = self._watch.silences
        stats.last_lag_us = self._pipeline.last_lag_us()
        return stats

    @property
    def connected(self) -> bool:
        """Whether every connection is open now."""
        return all(connection.connected for connection in self._connections)

    async def run(self, stop: asyncio.Event) -> None:
        """Feed until `stop` is set; then everything is closed."""
        try:
            async with asyncio.TaskGroup() as group:
                helpers = [
                    group.create_task(self._watch.run(self._clock)),
                    *(group.create_task(work) for work in self._snapshots.workers()),
                ]
                group.create_task(self._end(stop, helpers))
                for connection in self._connections:
                    group.create_task(connection.run(stop))
        finally:
            if self._http_is_ours:
                await self._http.close()

    async def _end(self, stop: asyncio.Event, helpers: list[asyncio.Task[None]]) -> None:
        await stop.wait()
        for helper in helpers:
            helper.cancel()

    def _connection(self, plan: StreamPlan, number: int) -> WsConnection:
        insts = sorted({s.inst for s in plan.subscriptions})
        books = [
            s.inst
            for s in plan.subscriptions
            if self._venue.slot_of(s.channel) == self._venue.diff_slot
        ]
        for inst in books:
            self._pipeline.sync_of(inst)
        streams = self._watch.add(plan, books)

        def opened() -> None:
            now = self._clock.now()
            self._tell(StatusCode.CONNECTED, now, count=len(plan.names))
            self._watch.opened(streams, now)
            for inst in books:
                self._snapshots.opened(inst)

        def closed(reason: str) -> None:
            now = self._clock.now()
            log.info("%s %s: connection %d: %s", self._venue.id, self._task_id, number, reason)
            self._tell(StatusCode.DISCONNECTED, now, count=len(plan.names))
            self._watch.closed(streams)
            for inst in insts:
                if inst in books:
                    self._snapshots.closed(inst)
                    self._send(self._pipeline.sync_of(inst).on_disconnect(now))
                else:
                    self._tell(StatusCode.STALE, now, inst=inst)

        return WsConnection(
            plan.url,
            self._take,
            clock=self._clock,
            frames=plan.frames,
            on_open=opened,
            on_close=closed,
            settings=self._settings.ws_of(s.channel for s in plan.subscriptions),
            name=f"{self._venue.id} feed {self._task_id}.{number}",
        )

    def _take(self, frame: bytes, ts_recv: int) -> bool:
        stats, pipeline = self._stats, self._pipeline
        stats.frames += 1
        stats.bytes += len(frame)
        if self._raw is not None:
            self._raw(frame, ts_recv)
        try:
            rows = pipeline.on_frame(frame, ts_recv)
        except VenueDecodeError as error:
            stats.decode_errors += 1
            if stats.decode_errors <= LOUD or stats.decode_errors % 1000 == 0:
                log.warning("bad frame %d dropped: %s", stats.decode_errors, error)
            return False
        except VenueError as error:
            stats.venue_errors += 1
            log.error("%s", error)  # noqa: TRY400 - the venue's words, a trace adds nothing
            return False
        inst, slot = pipeline.inst, pipeline.slot
        if inst < 0:
            return False
        self._watch.seen[inst, slot] = ts_recv
        if slot == self._venue.diff_slot and pipeline.needs_snapshot(inst):
            self._snapshots.ask(inst)
        self._send(rows)
        return True

    def _take_snapshot(self, raw: bytes, inst: int, symbol: str) -> None:
        now = self._clock.now()
        rows = self._pipeline.on_snapshot(raw, inst, now)
        if self._raw is not None:
            self._raw(self._venue.wrap_snapshot(raw, symbol), now)
        self._send(rows)

    def _send(self, rows: EventArray) -> None:
        if len(rows):
            self._stats.rows += len(rows)
            self._publish(rows)

    def _tell(
        self,
        code: StatusCode,
        ts: int,
        *,
        inst: int = -1,
        expected: int = -1,
        found: int = -1,
        count: int = -1,
    ) -> None:
        if code == StatusCode.RESYNCED and self._pipeline.needs_snapshot(inst):
            return  # the stream is back, the book is not; its own RESYNCED will follow
        self._send(
            status_row(
                code, ts, inst=inst, task=self._task_id, expected=expected, found=found, count=count
            )
        )
