"""Record a venue's public streams: feed, Parquet and raw frames, from start to clean stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from extrema_nb.channels import Endpoints, Subscription, parse_channel
from extrema_nb.clock import Clock, SystemClock
from extrema_nb.errors import ConfigError, VenueError
from extrema_nb.feeds.history import load_instruments
from extrema_nb.feeds.market import MarketFeed, make_http
from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.instruments import InstrumentTable
from extrema_nb.net.backoff import Backoff
from extrema_nb.net.http import HttpError
from extrema_nb.net.ws import WsSettings
from extrema_nb.venues import MarketVenue, load
from recorders.parquet import ParquetRecorder
from recorders.raw import RawRecorder

__all__ = ["RecordSettings", "fetch_instruments", "record"]

log = logging.getLogger(__name__)


class RecordSettings(msgspec.Struct, kw_only=True):
    """What to record and how; also the keys of a TOML file."""

    out: str  # folder of the recording; an existing one is continued
    instruments: list[str]  # names or symbols
    channels: list[str] = msgspec.field(default_factory=lambda: ["trade", "bbo", "book"])
    venue: str = "binance-usdm"
    rest: str = ""  # another address than the venue's own, such as http://127.0.0.1:8080
    ws: str = ""
    client: str = "auto"  # WebSocket client: picows, aiohttp, websockets
    proxy: str = ""  # such as http://host:3128, for streams and REST
    lines: int = 1  # connections with the same streams; 2: either may fail without a gap
    raw: bool = False  # keep the frames too
    seconds: float = 0.0  # stop after so long; 0: only when told to
    flush_s: float = 1.0  # a killed recorder loses at most this
    fsync_s: float = 5.0  # a power cut costs at most this
    rotate_s: float = 3600.0  # age at which the log becomes Parquet
    rotate_mb: float = 128.0  # size at which it does
    connect_timeout_s: float = 0.0  # give up if nothing has come by then; 0: try for ever
    progress_s: float = 1.0  # between progress lines

    def endpoints(self, venue: MarketVenue) -> Endpoints:
        """Return where the venue is."""
        return Endpoints(rest=self.rest or venue.endpoints.rest, ws=self.ws or venue.endpoints.ws)

    def check(self) -> None:
        """Raise ConfigError for what makes no sense."""
        if not self.instruments:
            raise ConfigError("no instruments to record; name some, such as BTC_USDT_PERP")
        if not self.channels:
            raise ConfigError("no channels to record; name some, such as trade,bbo,book")
        if bool(self.rest) != bool(self.ws):
            raise ConfigError("give both addresses, rest and ws, or neither")
        for name in ("flush_s", "fsync_s", "rotate_mb", "progress_s"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected more than 0")
        for name in ("seconds", "connect_timeout_s"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected 0 (no end) or more")


async def fetch_instruments(
    venue: MarketVenue,
    endpoints: Endpoints,
    names: Sequence[str],
    *,
    timeout_s: float = 0.0,
    proxy: str = "",
) -> InstrumentTable:
    """Return the named instruments as the venue describes them.

    Tries again with growing pauses while the venue cannot be reached, for `timeout_s` seconds or,
    if that is 0, for ever.

    Raises
    ------
    ConfigError
        the venue does not know a name
    VenueError
        the venue refuses, or could not be reached in time
    """
    http, backoff = make_http(venue, endpoints, proxy=proxy), Backoff()
    every = InstrumentTable()
    give_up = time.monotonic() + timeout_s
    try:
        while True:
            try:
                await load_instruments(venue, http, every)
                break
            except HttpError as error:
                if error.status and error.status < 500 and error.status not in (418, 429):
                    raise
                if timeout_s and time.monotonic() >= give_up:
                    raise VenueError(
                        f"{error}; gave up after {timeout_s:g} s", venue=venue.id
                    ) from error
                delay = backoff.next()
                log.warning("%s; next try in %.1f s", error, delay)
                await asyncio.sleep(delay)
    finally:
        await http.close()
    return InstrumentTable(every[every.by_name(name)] for name in names)


class _Recording:
    """What runs during one recording."""

    def __init__(
        self, settings: RecordSettings, venue: MarketVenue, table: InstrumentTable, clock: Clock
    ) -> None:
        self.settings = settings
        self.started = time.monotonic()
        self.subscriptions = [
            Subscription(inst, parse_channel(word))
            for word in settings.channels
            for inst in range(len(table))
        ]
        self.rows = ParquetRecorder(
            settings.out,
            table,
            venue=venue.id,
            flush_s=settings.flush_s,
            fsync_s=settings.fsync_s,
            rotate_s=settings.rotate_s,
            rotate_bytes=int(settings.rotate_mb * 1e6),
        )
        self.raw: RawRecorder | None = None
        try:
            if settings.raw:
                self.raw = RawRecorder(
                    settings.out, venue.id, flush_s=settings.flush_s, rotate_s=settings.rotate_s
                )
            self.feed = MarketFeed(
                venue,
                table,
                self.subscriptions,
                publish=self.rows.write,
                clock=clock,
                endpoints=settings.endpoints(venue),
                raw=self.raw.write if self.raw else None,
                settings=FeedSettings(
                    ws=WsSettings(transport=settings.client, proxy=settings.proxy),
                    lines=settings.lines,
                ),
            )
        except BaseException:
            self.close()
            raise

    @property
    def error(self) -> Exception | None:
        """What keeps the recorders from taking more."""
        return self.rows.error or (self.raw.error if self.raw else None)

    def report(self) -> dict[str, Any]:
        """Return the counts as of now."""
        rows, feed = self.rows.progress(), self.feed.stats
        seconds = time.monotonic() - self.started
        out: dict[str, Any] = {
            "out": str(self.settings.out),
            "seconds": round(seconds, 3),
            "rows_per_second": round(rows.rows / seconds, 1) if seconds else 0.0,
            "recorder": msgspec.to_builtins(rows),
            "feed": msgspec.to_builtins(feed),
        }
        for name in ("rows", "lost", "recovered"):
            out[name] = getattr(rows, name)
        for name in ("frames", "gaps", "reconnects", "decode_errors", "last_lag_us"):
            out[name] = getattr(feed, name)
        if self.raw is not None:
            out["raw"] = {
                "frames": self.raw.frames,
                "bytes": self.raw.bytes,
                "lost": self.raw.lost,
                "spills": self.raw.spills,
            }
        return out

    def close(self) -> None:
        """Close both recorders; what the first raises waits for the second."""
        with contextlib.ExitStack() as stack:
            if self.raw is not None:
                stack.callback(self.raw.close)
            stack.callback(self.rows.close)


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
    for word in settings.channels:
        parse_channel(word)
    venue = load(settings.venue)
    clock = clock or SystemClock()
    table = await _unless(
        stop,
        fetch_instruments(
            venue,
            settings.endpoints(venue),
            settings.instruments,
            timeout_s=settings.connect_timeout_s,
            proxy=settings.proxy,
        ),
    )
    if table is None:
        return {"out": settings.out, "rows": 0, "seconds": 0.0}
    recording = _Recording(settings, venue, table, clock)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_watch(recording, stop, tell))
            group.create_task(recording.feed.run(stop))
    except* VenueError as errors:
        raise errors.exceptions[0] from None
    finally:
        await asyncio.to_thread(recording.close)
    return recording.report()


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
    recording: _Recording,
    stop: asyncio.Event,
    tell: Callable[[dict[str, Any]], None] | None,
) -> None:
    """Tell how it goes, and end the recording when it is time to."""
    settings = recording.settings
    told = recording.started
    while not stop.is_set():
        now = time.monotonic()
        age = now - recording.started
        if (settings.seconds and age >= settings.seconds) or recording.error is not None:
            stop.set()
            return
        late = settings.connect_timeout_s and age >= settings.connect_timeout_s
        if late and not recording.feed.stats.frames:
            stop.set()
            raise VenueError(
                f"nothing came from {settings.ws or 'the venue'} within "
                f"{settings.connect_timeout_s:g} s; check the address, or leave --connect-timeout "
                "out to go on trying"
            )
        if tell is not None and now - told >= settings.progress_s:
            told = now
            tell(recording.report())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _nap(settings, age))


def _nap(settings: RecordSettings, age: float) -> float:
    """Return how long to sleep, s: never past the end."""
    left = settings.seconds - age if settings.seconds else settings.progress_s
    return max(0.01, min(0.2, settings.progress_s, left))
