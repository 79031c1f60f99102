"""The live market feed: connections, snapshots and watchdogs of one venue, as rows in order.

Rules
-----
1. Rows are published as soon as their frame is decoded, one `publish` a frame, in order of
   ``ts_recv``; everything happens in one event loop, so that order holds over all connections.
2. A bad frame is counted, logged, dropped and said as a GAP without an instrument; it never ends a
   connection. Only `stop` ends a feed.
3. What a strategy must know stands in STATUS rows: CONNECTED and DISCONNECTED for a connection
   (no instrument, `count` streams), STALE and RESYNCED for an instrument, GAP and DUPLICATE for
   a book.
4. A stream that is silent for longer than it should be makes its instrument STALE, even though
   the connection lives: venues do acknowledge streams that they never send. It is subscribed
   again, then its connection is replaced (`extrema_nb.feeds.watchdog`).
5. Connections are replaced before the venue ends them, and may be doubled, without a row lost or
   published twice (`extrema_nb.feeds.link`). Frames go to `raw` once, too.
6. What a venue does not push is asked for from time to time (`extrema_nb.feeds.polls`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.channels import Endpoints, Subscription
from extrema_nb.clock import Clock
from extrema_nb.contracts import Publish
from extrema_nb.errors import ConfigError, VenueDecodeError, VenueError
from extrema_nb.events import EventArray, StatusCode, status_row
from extrema_nb.feeds.access import check_wanted, connect_limiter, make_http
from extrema_nb.feeds.arbiter import Admitted, Arbiter
from extrema_nb.feeds.burst import BurstPipeline
from extrema_nb.feeds.gather import Gather, Ints, Keys
from extrema_nb.feeds.link import Line, Link
from extrema_nb.feeds.pipeline import MarketPipeline
from extrema_nb.feeds.polls import Polls, polled
from extrema_nb.feeds.resync import BookSources, StreamResync
from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.feeds.snapshots import SnapshotFetcher
from extrema_nb.feeds.stats import FeedStats
from extrema_nb.feeds.watchdog import SilenceWatch, Step, Stream
from extrema_nb.instruments import InstrumentTable
from extrema_nb.net.http import HttpClient
from extrema_nb.net.ws import Heartbeat, WsConnection
from extrema_nb.venues import MarketVenue, StreamPlan

__all__ = ["MarketFeed", "Raw", "make_http"]

log = logging.getLogger(__name__)

Raw = Callable[[bytes, int], None]
"""Takes (frame as received, ts_recv µs), REST snapshots included; must not block."""

LOUD = 10  # bad frames that are logged one by one; after that each thousandth


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
        check_wanted(subscriptions, table)
        asked = [one for one in subscriptions if polled(venue, one)]
        subscriptions = [one for one in subscriptions if not polled(venue, one)]
        self._venue = venue
        self._table = table
        self._settings = settings or FeedSettings()
        self._settings.check()
        self._endpoints = endpoints or venue.endpoints
        self._publish = publish
        self._clock = clock
        self._raw = raw
        self._task_id = task_id
        self._http = http or make_http(venue, self._endpoints, proxy=self._settings.ws.proxy)
        self._http_is_ours = http is None
        self._connect_limiter = connect_limiter(venue)
        self._stats = FeedStats()
        most = self._settings.max_buffered
        self._gather: Gather | None = None
        self._pipeline = MarketPipeline(venue, table, task_id=task_id, max_buffered=most)
        if self._settings.gather:
            self._pipeline = BurstPipeline(venue, table, task_id=task_id, max_buffered=most)
        self.plans = (
            venue.stream_url(self._endpoints, subscriptions, table) if subscriptions else []
        )
        self._polls = Polls(
            venue, table, self._http, clock, [inst for inst, _ in asked],
            every_s=self._settings.poll_s, publish=self.send,
        )  # fmt: skip
        self._watch = SilenceWatch(venue, self._settings, self._tell, self._act)
        if isinstance(self._pipeline, BurstPipeline):
            self._gather = Gather(self._pipeline, self._watch.seen, self._gathered, self._bad_frame)
        self._snapshots = self._snapshot_source()
        self._owners: dict[tuple[int, int], tuple[Link, StreamPlan, Subscription]] = {}
        self._links = [self._link(plan, i) for i, plan in enumerate(self.plans)]
        self._pipeline.only = {
            slot: [s.inst for s in subscriptions if venue.slot_of(s.channel) == slot]
            for slot in venue.wide_slots
        }

    @property
    def stats(self) -> FeedStats:
        """Counters, as of now."""
        stats, links = self._stats, self._links
        syncs = list(self._pipeline.syncs.values())
        lines = [line for link in links for line in link.lines]
        living = [line.connection for line in lines]
        arbiters = [link.arbiter for link in links if link.arbiter is not None]
        stats.connections = sum(line.open for line in lines)
        stats.subscriptions = sum(len(link.plan.names) for link in links if link.open)
        for name in ("attempts", "connects", "failures", "sent"):
            total = sum(getattr(source, name) for source in (*links, *living))
            setattr(stats, name, total)
        stats.reconnects = sum(link.reconnects for link in links)
        stats.reconnects += sum(max(connection.connects - 1, 0) for connection in living)
        stats.replaced = sum(link.replaced for link in links)
        for name in ("dropped", "healed"):
            total = sum(getattr(source, name) for source in (*links, *arbiters))
            setattr(stats, name, total)
        chain = self._pipeline.chain
        stats.gaps = sum(sync.gaps for sync in syncs) + chain.gaps
        stats.missing_trades = chain.missing
        stats.duplicates = sum(sync.duplicates for sync in syncs) + chain.duplicates
        stats.superseded = sum(sync.superseded for sync in syncs)
        stats.resyncs = sum(sync.resyncs for sync in syncs)
        stats.snapshot_errors = self._snapshots.errors
        stats.polls, stats.poll_errors = self._polls.answers, self._polls.errors
        stats.unknown = sum(self._pipeline.unknown.values())
        stats.silences = self._watch.silences
        stats.last_lag_us = self._pipeline.last_lag_us()
        return stats

    def metrics(self) -> dict[str, int]:
        """Return `stats` as a plain dict, for whoever serves counters."""
        return msgspec.structs.asdict(self.stats)

    @property
    def connected(self) -> bool:
        """Whether every plan has an open connection now."""
        return all(link.open for link in self._links)

    def resync(self) -> None:
        """Have every book begin anew, as when a recorder lost rows that it is made of."""
        self._catch_up()
        now = self._clock.now()
        for inst in list(self._pipeline.syncs):
            self.send(self._pipeline.sync_of(inst).on_disconnect(now))
            self._snapshots.ask(inst)

    async def run(self, stop: asyncio.Event) -> None:
        """Feed until `stop` is set; then everything is closed."""
        try:
            async with asyncio.TaskGroup() as group:
                helpers = [
                    group.create_task(self._polls.run()),
                    group.create_task(self._watch.run(self._clock)),
                    *(group.create_task(work) for work in self._snapshots.workers()),
                ]
                group.create_task(self._end(stop, helpers))
                for link in self._links:
                    group.create_task(link.run(stop))
        finally:
            if self._http_is_ours:
                await self._http.close()

    async def _end(self, stop: asyncio.Event, helpers: list[asyncio.Task[None]]) -> None:
        await stop.wait()
        for helper in helpers:
            helper.cancel()

    def _snapshot_source(self) -> SnapshotFetcher | StreamResync | BookSources:
        """Return what gets snapshots, the way this venue gives them."""
        venue, settings, needs = self._venue, self._settings, self._pipeline.needs_snapshot
        if venue.snapshot_from == "stream" and not venue.fetched_joins:
            return StreamResync(settings, ask_venue=self._ask_again, needs_snapshot=needs)
        fetcher = SnapshotFetcher(
            venue, self._table, self._http, settings, self._pipeline, self._take_snapshot
        )
        if not venue.fetched_joins:
            return fetcher
        resync = StreamResync(
            settings, ask_venue=self._ask_again, needs_snapshot=needs, fetch=fetcher.ask
        )
        return BookSources(resync, fetcher, self._is_pushed)

    def _is_pushed(self, inst: int) -> bool:
        """Whether the venue pushes the snapshot of a book when it is subscribed to again."""
        _, plan, subscription = self._owners[inst, self._venue.diff_slot]
        return bool(self._venue.resync_frames(plan, subscription, self._table))

    def _link(self, plan: StreamPlan, number: int) -> Link:
        settings, venue = self._settings, self._venue
        name = f"{venue.id} feed {self._task_id}.{number}"
        if settings.life_s:
            plan = plan._replace(life_s=min(settings.life_s, plan.life_s or settings.life_s))
        if venue.sequence_by_connection and settings.lines > 1:
            raise ConfigError(
                f"{venue.id} counts messages by connection, so two connections can not be compared;"
                " set lines to 1"
            )
        books = [s.inst for s in plan.subscriptions if venue.slot_of(s.channel) == venue.diff_slot]
        for inst in books:
            self._pipeline.sync_of(inst)
        streams = self._watch.add(plan, books)
        limits = venue.ws_limits
        ws = settings.ws_of(s.channel for s in plan.subscriptions)
        if limits.messages:
            ws = msgspec.structs.replace(ws, messages=limits.messages, messages_s=limits.messages_s)

        def connect(link: Link, line: Line) -> WsConnection:
            return WsConnection(
                plan.url,
                partial(self._take, link, line),
                clock=self._clock,
                frames=plan.frames,
                heartbeat=Heartbeat(plan.ping, plan.ping_s) if plan.ping else None,
                headers=plan.headers,
                connects=self._connect_limiter,
                on_open=partial(self._opened, link, line, streams, books),
                on_close=partial(self._closed, link, line, streams, books),
                on_burst=partial(self._take_burst, link, line) if self._gather else None,
                settings=ws,
                name=f"{name}.{line.number}",
            )

        def make_arbiter() -> Arbiter:
            return Arbiter(
                venue.diff_slot,
                self._pipeline.needs_snapshot,
                settings.hold_s,
                chained=self._pipeline.chained,
            )

        link = Link(
            plan,
            name,
            settings,
            connect=connect,
            make_arbiter=None if venue.sequence_by_connection else make_arbiter,
            overdue=self._admitted,
        )
        for stream, subscription in zip(streams, plan.subscriptions, strict=True):
            self._owners[stream.key] = (link, plan, subscription)
        return link

    def _opened(self, link: Link, line: Line, streams: list[Stream], books: list[int]) -> None:
        now = self._clock.now()
        self._tell(StatusCode.CONNECTED, now, count=len(streams))
        if link.opened(line):
            self._watch.opened(streams, time.monotonic_ns() // 1000)
            for inst in books:
                self._snapshots.opened(inst)

    def _closed(
        self, link: Link, line: Line, streams: list[Stream], books: list[int], reason: str
    ) -> None:
        self._catch_up()
        now = self._clock.now()
        log.info("%s.%d: %s", link.name, line.number, reason)
        self._tell(StatusCode.DISCONNECTED, now, count=len(streams))
        if not link.closed(line):
            return  # another connection carries the same streams
        self._watch.closed(streams)
        for inst in sorted({stream.key[0] for stream in streams}):
            if inst in books:
                self._snapshots.closed(inst)
                self.send(self._pipeline.sync_of(inst).on_disconnect(now))
            else:
                self._tell(StatusCode.STALE, now, inst=inst)

    def _act(self, stream: Stream, step: Step) -> bool:
        """Do something about a stream that stays silent."""
        link = self._owners[stream.key][0]
        if step is Step.RESUBSCRIBE:
            if not self._resubscribe(stream.key):
                return False
            self._stats.resubscribes += 1
            return True
        self._stats.renewals += 1
        link.replace(f"{stream.name} stays silent")
        return True

    def _ask_again(self, inst: int) -> bool:
        """Have the snapshot of a book pushed again."""
        return self._resubscribe((inst, self._venue.diff_slot))

    def _resubscribe(self, key: tuple[int, int]) -> bool:
        link, plan, subscription = self._owners[key]
        frames = self._venue.resync_frames(plan, subscription, self._table)
        if frames:
            link.send(frames)
        return bool(frames)

    def _take(self, link: Link, line: Line, frame: bytes, ts_recv: int) -> bool:
        stats, pipeline, arbiter = self._stats, self._pipeline, link.arbiter
        stats.frames += 1
        stats.bytes += len(frame)
        if self._raw is not None and arbiter is None:
            self._raw(frame, ts_recv)
        if self._gather is not None:
            if arbiter is None:
                self._gather.take(line, frame, ts_recv)
                return False  # what it was is told later
            self._gather.flush()
        pipeline.source = line
        try:
            rows = (
                pipeline.on_frame(frame, ts_recv)
                if arbiter is None
                else pipeline.decode(frame, ts_recv)
            )
        except VenueError as error:
            if self._raw is not None and arbiter is not None:
                self._raw(frame, ts_recv)
            self._bad_frame(error, ts_recv)
            return False
        inst, slot = pipeline.inst, pipeline.slot
        if inst < 0:
            return False
        self._watch.seen[inst, slot] = ts_recv
        if arbiter is None:
            if slot == self._venue.diff_slot and pipeline.needs_snapshot(inst):
                self._snapshots.ask(inst)
            self.send(rows)
        else:
            line.heard.add((inst, slot))
            now_s = time.monotonic()
            self._admitted(arbiter.admit(line.number, inst, slot, rows, frame, now_s))
        return True

    def _take_burst(
        self, link: Link, line: Line, text: npt.NDArray[np.uint8], starts: Ints, ends: Ints, ts_recv: int
    ) -> bool:  # fmt: skip
        """Take the frames of one read of a socket."""
        if self._gather is None or link.arbiter is not None:
            told = [
                self._take(link, line, text[start:end].tobytes(), ts_recv)
                for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
            ]
            return any(told)
        self._stats.frames += len(starts)
        self._stats.bytes += int((ends - starts).sum())
        if self._raw is not None:
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
                self._raw(text[start:end].tobytes(), ts_recv)
        return self._gather.take_burst(line, text, starts, ends, ts_recv)

    def _gathered(self, rows: EventArray, keys: Keys) -> None:
        """Publish what came together."""
        for inst, slot in keys:
            if slot == self._venue.diff_slot and self._pipeline.needs_snapshot(inst):
                self._snapshots.ask(inst)
        self._publish_rows(rows)

    def _admitted(self, messages: list[Admitted]) -> None:
        """Publish what of several connections came first."""
        now = self._clock.now()
        for inst, slot, rows, frame, late in messages:
            if late:  # rows never go back in time
                rows["ts_recv"] = now
            if self._raw is not None:
                self._raw(frame, int(rows["ts_recv"][0]) if len(rows) else now)
            out = self._pipeline.synchronise(inst, slot, rows)
            if slot == self._venue.diff_slot and self._pipeline.needs_snapshot(inst):
                self._snapshots.ask(inst)
            self.send(out)

    def _bad_frame(self, error: VenueError, ts_recv: int) -> None:
        """Count and say a frame that cannot be used."""
        stats = self._stats
        if isinstance(error, VenueDecodeError):
            stats.decode_errors += 1
            self._tell(StatusCode.GAP, ts_recv, count=1)  # nobody knows of what
            if stats.decode_errors <= LOUD or stats.decode_errors % 1000 == 0:
                log.warning("bad frame %d dropped: %s", stats.decode_errors, error)
        else:
            stats.venue_errors += 1
            log.error("%s", error)

    def _take_snapshot(self, raw: bytes, inst: int, symbol: str) -> None:
        self._catch_up()
        now = self._clock.now()
        rows = self._pipeline.on_snapshot(raw, inst, now)
        if self._raw is not None:
            self._raw(self._venue.wrap_snapshot(raw, symbol), now)
        self.send(rows)

    def _catch_up(self) -> None:
        """Publish what is gathered, before what is newer."""
        if self._gather is not None:
            self._gather.flush()

    def send(self, rows: EventArray) -> None:
        """Publish rows, behind what has come before them."""
        self._catch_up()
        self._publish_rows(rows)

    def _publish_rows(self, rows: EventArray) -> None:
        if len(rows):
            self._stats.rows += len(rows)
            self._publish(rows)

    def _tell(
        self, code: StatusCode, ts: int, *, inst: int = -1, expected: int = -1, found: int = -1,
        count: int = -1,
    ) -> None:  # fmt: skip
        if code == StatusCode.RESYNCED and self._pipeline.needs_snapshot(inst):
            return  # the stream is back, the book is not; its own RESYNCED will follow
        self.send(
            status_row(
                code, ts, inst=inst, task=self._task_id, expected=expected, found=found, count=count
            )
        )
