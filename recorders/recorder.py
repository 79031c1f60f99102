"""Record venues' public streams: feeds, Parquet and raw frames, from start to clean stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from extrema_nb.channels import Subscription, parse_channel
from extrema_nb.clock import Clock, SystemClock
from extrema_nb.errors import VenueError
from extrema_nb.events import StatusCode, status_row
from extrema_nb.feeds.market import MarketFeed, make_http
from extrema_nb.feeds.stats import FeedStats
from extrema_nb.instruments import InstrumentTable
from extrema_nb.venues import MarketVenue, load
from recorders.clocks import ClockWatch
from recorders.discover import fetch_chosen
from recorders.metrics import MetricsServer, parse_address
from recorders.parquet import ParquetRecorder
from recorders.raw import RawRecorder
from recorders.rotate import Rolled, disk_error
from recorders.settings import RecordSettings, VenueSettings
from recorders.upkeep import Job, Outcome, do, start

__all__ = ["Janitor", "Recording", "record"]

log = logging.getLogger(__name__)


class Janitor:
    """Has logs rolled and the folder looked after, and keeps count of what came of it."""

    def __init__(self, settings: RecordSettings) -> None:
        self.totals = {"joined": 0, "copied": 0, "removed_rows": 0, "troubles": 0}
        self.last_trouble = ""
        self._settings = settings
        self._upkeep = settings.upkeep()

    def roll(self, logs: list[Path]) -> list[Rolled]:
        """Roll logs in a process of its own; raises OSError when the disk refuses."""
        return self._told(start(self._job(logs)))

    def last_round(self) -> None:
        """Look after the folder once more, here, when nothing is recorded any longer."""
        self._told(do(self._job([])))

    def _job(self, logs: list[Path]) -> Job:
        return Job(root=str(self._settings.folder), logs=list(map(str, logs)), upkeep=self._upkeep)

    def _told(self, out: Outcome) -> list[Rolled]:
        totals = self.totals
        totals["joined"] += out.joined
        totals["copied"] += out.copied.parts
        totals["removed_rows"] += out.removed.rows
        totals["troubles"] += len(out.troubles)
        for trouble in out.troubles:
            self.last_trouble = trouble
            log.warning("%s", trouble)
        if out.error:
            error = OSError(out.errno, out.error)
            if not out.rolled:
                raise disk_error(error, out.error)
            log.warning("%s: %s", self._settings.folder, out.error)
        return out.rolled


class _Source:
    """One venue of a recording."""

    def __init__(
        self, part: VenueSettings, venue: MarketVenue, task_id: int, proxy: str = ""
    ) -> None:
        self.part, self.venue, self.task_id = part, venue, task_id
        self.endpoints = part.endpoints(venue)
        self.http = make_http(venue, self.endpoints, proxy=proxy)
        self.asks_clock = "server_time" in venue.calls
        self.clock: ClockWatch | None = None
        self.raw: RawRecorder | None = None
        self.feed: MarketFeed | None = None

    def subscriptions(self, table: InstrumentTable) -> list[Subscription]:
        """Return what is wanted of the instruments of this venue."""
        insts = [inst for inst, spec in enumerate(table) if spec.venue == self.venue.id]
        return [
            Subscription(inst, parse_channel(word)) for word in self.part.channels for inst in insts
        ]

    def report(self) -> dict[str, Any]:
        """Return the counts of this venue."""
        if self.feed is None:
            return {}
        out: dict[str, Any] = msgspec.to_builtins(self.feed.stats)
        out["connected"] = self.feed.connected
        if self.clock is not None:
            out["clock_offset_us"] = self.clock.offset_us
            out["clock_error_us"] = self.clock.error_us
        return out


class Recording:
    """What runs during one recording."""

    def __init__(
        self, settings: RecordSettings, sources: Sequence[_Source], table: InstrumentTable,
        clock: Clock,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.started = time.monotonic()
        self.sources = list(sources)
        self.janitor = Janitor(settings)
        self._lost = False  # rows since the last look; books must start anew then
        self.rows = ParquetRecorder(
            settings.folder,
            table,
            venue=self.sources[0].venue.id,
            tasks={source.task_id: source.venue.id for source in self.sources},
            flush_s=settings.flush_s,
            fsync_s=settings.fsync_s,
            rotate_s=settings.rotate_s,
            rotate_bytes=int(settings.rotate_mb * 1e6),
            queue_rows=settings.queue_rows,
            spill=settings.spill_folder(),
            give_up_s=settings.give_up_s,
            snapshot_s=settings.snapshot_s,
            status_s=settings.status_s,
            asked=frozenset(s.venue.id for s in self.sources if s.asks_clock and settings.clock_s),
            roll=self.janitor.roll,
        )
        self.rows.on_lost = self._note_loss
        try:
            for source in self.sources:
                self._wire(source, table, clock)
        except BaseException:
            self.close()
            raise
        self.started = time.monotonic()  # feeds may have compiled for a while until here

    def _wire(self, source: _Source, table: InstrumentTable, clock: Clock) -> None:
        settings = self.settings
        if settings.raw:
            source.raw = RawRecorder(
                settings.folder, source.venue.id,
                flush_s=settings.flush_s, rotate_s=settings.rotate_s,
            )  # fmt: skip
        source.feed = MarketFeed(
            source.venue,
            table,
            source.subscriptions(table),
            publish=self.rows.write,
            clock=clock,
            endpoints=source.endpoints,
            raw=source.raw.write if source.raw else None,
            task_id=source.task_id,
            settings=settings.feed(),
            http=source.http,
        )
        if settings.clock_s and source.asks_clock:
            source.clock = ClockWatch(
                source.venue, source.http, clock, source.task_id, source.feed.send
            )

    def _note_loss(self) -> None:
        self._lost = True

    def tell_break(self, now: int) -> None:
        """Say in the recording that an earlier recorder ended and this one goes on."""
        last = self.rows.stats.last_ts_recv
        if last >= 0:
            self.rows.write(
                status_row(StatusCode.LAGGED, max(now, last), count=-1, expected=last, found=now)
            )

    def heal(self) -> None:
        """After rows were lost, have every book begin anew: what is recorded must be whole."""
        if self._lost and self.rows.stats.waiting == 0:
            self._lost = False
            for source in self.sources:
                if source.feed is not None:
                    source.feed.resync()

    @property
    def error(self) -> Exception | None:
        """What keeps the recorders from taking more."""
        raws = (source.raw.error for source in self.sources if source.raw is not None)
        return self.rows.error or next((error for error in raws if error is not None), None)

    @property
    def heard(self) -> bool:
        """Whether anything has come."""
        stats = [s.feed.stats for s in self.sources if s.feed is not None]
        return any(one.frames or one.polls for one in stats)

    def report(self) -> dict[str, Any]:
        """Return the counts as of now."""
        rows = self.rows.progress()
        seconds = time.monotonic() - self.started
        venues = {source.venue.id: source.report() for source in self.sources}
        feed = _sum([s.feed.stats for s in self.sources if s.feed is not None])
        out: dict[str, Any] = {
            "out": str(self.settings.out),
            "seconds": round(seconds, 3),
            "rows_per_second": round(rows.rows / seconds, 1) if seconds else 0.0,
            "recorder": msgspec.to_builtins(rows),
            "feed": feed,
            "venues": venues,
            "upkeep": dict(self.janitor.totals),
            "disk_free": shutil.disk_usage(self.settings.folder).free,
        }
        for name in ("rows", "lost", "recovered"):
            out[name] = getattr(rows, name)
        for name in ("frames", "gaps", "reconnects", "decode_errors", "last_lag_us"):
            out[name] = feed[name]
        raws = [source.raw for source in self.sources if source.raw is not None]
        if raws:
            out["raw"] = {
                name: sum(getattr(raw, name) for raw in raws)
                for name in ("frames", "bytes", "lost", "spills")
            }
        return out

    def close(self) -> None:
        """Close all recorders; what the first raises waits for the others."""
        with contextlib.ExitStack() as stack:
            stack.callback(self.janitor.last_round)
            for source in self.sources:
                if source.raw is not None:
                    stack.callback(source.raw.close)
            stack.callback(self.rows.close)


def _sum(stats: Sequence[FeedStats]) -> dict[str, Any]:
    """Return the counters of all feeds together; of the lag the greatest."""
    told = [msgspec.to_builtins(one) for one in stats] or [msgspec.to_builtins(FeedStats())]
    out = {
        name: sum(one[name] for one in told)
        for name, value in told[0].items()
        if isinstance(value, (int, float))
    }
    out["last_lag_us"] = max((one["last_lag_us"] for one in told), key=abs)
    return out


async def record(
    settings: RecordSettings,
    stop: asyncio.Event,
    *,
    tell: Callable[[dict[str, Any]], None] | None = None,
    clock: Clock | None = None,
) -> dict[str, Any]:
    """Record until `stop` is set, `seconds` have passed or the disk refuses; return the report.

    Parameters
    ----------
    tell : takes the report as of now, every `progress_s`

    Raises
    ------
    ConfigError, VenueError
        what is asked for cannot be had
    OSError
        the disk refused; what was written before is kept
    """
    settings.check()
    if settings.metrics:
        parse_address(settings.metrics)
    parts = settings.parts()
    for part in parts:
        for word in part.channels:
            parse_channel(word)
    venues = [load(part.venue) for part in parts]
    clock = clock or SystemClock()
    sources = [
        _Source(part, venue, number + 1, settings.proxy)
        for number, (part, venue) in enumerate(zip(parts, venues, strict=True))
    ]
    try:
        chosen = await _unless(
            stop,
            asyncio.gather(
                *(
                    fetch_chosen(
                        s.venue, s.http, s.part.instruments, clock,
                        timeout_s=settings.connect_timeout_s,
                    )
                    for s in sources
                )
            ),
        )  # fmt: skip
        if chosen is None:
            return {"out": settings.out, "rows": 0, "seconds": 0.0}
        table = InstrumentTable(spec for specs in chosen for spec in specs)
        recording = Recording(settings, sources, table, clock)
        await _run(recording, stop, clock, tell)
    finally:
        for source in sources:
            await source.http.close()
    return recording.report()


async def _run(
    recording: Recording,
    stop: asyncio.Event,
    clock: Clock,
    tell: Callable[[dict[str, Any]], None] | None,
) -> None:
    settings = recording.settings
    try:
        recording.tell_break(clock.now())
        async with contextlib.AsyncExitStack() as stack:
            if settings.metrics:
                server = await stack.enter_async_context(
                    MetricsServer(settings.metrics, recording.report)
                )
                log.info("metrics at http://%s:%d/metrics", server.host, server.port)
            group = await stack.enter_async_context(asyncio.TaskGroup())
            clocks = [
                group.create_task(source.clock.run(settings.clock_s))
                for source in recording.sources
                if source.clock is not None
            ]
            group.create_task(_watch(recording, stop, tell, clocks))
            for source in recording.sources:
                if source.feed is not None:
                    group.create_task(source.feed.run(stop))
    except* VenueError as errors:
        raise errors.exceptions[0] from None
    finally:
        await asyncio.to_thread(recording.close)


async def _unless(stop: asyncio.Event, work: Any) -> Any:
    """Return what `work` returns, or None if `stop` is set before."""
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if task.done():
        return task.result()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return None


async def _watch(
    recording: Recording,
    stop: asyncio.Event,
    tell: Callable[[dict[str, Any]], None] | None,
    helpers: Sequence[asyncio.Task[None]],
) -> None:
    """Tell how it goes, and end the recording when it is time to."""
    settings = recording.settings
    told = recording.started
    try:
        while not stop.is_set():
            now = time.monotonic()
            age = now - recording.started
            if (settings.seconds and age >= settings.seconds) or recording.error is not None:
                stop.set()
                return
            late = settings.connect_timeout_s and age >= settings.connect_timeout_s
            if late and not recording.heard:
                stop.set()
                where = ", ".join(source.endpoints.ws for source in recording.sources)
                raise VenueError(
                    f"nothing came from {where} within {settings.connect_timeout_s:g} s; "
                    "check the address, or leave --connect-timeout out to go on trying"
                )
            recording.heal()
            if tell is not None and now - told >= settings.progress_s:
                told = now
                tell(recording.report())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _nap(settings, age))
    finally:
        for helper in helpers:
            helper.cancel()


def _nap(settings: RecordSettings, age: float) -> float:
    """Return how long to sleep, s: never past the end."""
    left = settings.seconds - age if settings.seconds else settings.progress_s
    return max(0.01, min(0.2, settings.progress_s, left))
