"""Recorded rows in Python: lazily, as Polars frames or as batches, of any files and window.

::

    from replay import load

    day = load("rec", instruments=["BTC_USDT_PERP"], start="2024-08-08T12:00", end="2024-08-08T13:00")
    trades = day.frame("trade").filter(pl.col("qty") > 1).collect()
    for batch in day.batches():
        ...
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from extrema_nb.contracts import Source
from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import VIEWS, EventArray, EventKind
from extrema_nb.store import ARRIVAL, NO_INST, columns_of, kind_of, to_frame
from replay.sources.keep import Keep, keep_of
from replay.sources.parquet import ParquetSource
from replay.sources.recording import generation
from replay.sources.several import open_together

__all__ = ["Loaded", "Time", "load"]

Time = int | str | dt.datetime | dt.date
"""µs since 1970, ISO 8601 text, or a date or datetime (UTC where it has no zone)."""

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
US = dt.timedelta(microseconds=1)


def _time(value: Time | None, name: str) -> int | None:
    """Return µs since the epoch."""
    if value is None or isinstance(value, int):
        return value
    when: dt.date = value if isinstance(value, dt.date) else _parse(value, name)
    if not isinstance(when, dt.datetime):
        when = dt.datetime.combine(when, dt.time())
    if when.tzinfo is None:
        when = when.replace(tzinfo=dt.UTC)
    return (when - EPOCH) // US


def _parse(text: str, name: str) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"{name} is {text!r}, expected such as 2024-08-08 or 2024-08-08T01:02:03Z, or µs"
        ) from error


class Loaded:
    """Rows that are there to be read, as often as one likes; nothing is read before.

    Attributes
    ----------
    source : what gives the rows
    instruments : the table that `inst` of a row points into
    """

    def __init__(self, source: Source, kinds: Sequence[EventKind] | None) -> None:
        self.source = source
        self.instruments = source.instruments
        self._kinds = list(VIEWS) if kinds is None else list(kinds)

    def batches(self, batch_rows: int = 65_536) -> Iterator[EventArray]:
        """Yield arrays of EVENT in order of arrival; memory is bounded by a few batches."""
        return self.source.batches(batch_rows)

    def keep(self) -> Keep | None:
        """Return where what is made of these rows may be kept, None if nowhere."""
        return keep_of(self.source)

    def describe(self) -> dict[str, Any]:
        """Return what is known before reading."""
        return self.source.describe()

    def frame(self, kind: EventKind | str | None = None) -> pl.LazyFrame:
        """Return the rows of a kind as natural columns, in order of arrival.

        Columns: ``arrival`` (of a recording the place among all its rows, else among those of the
        frame), ``venue``, ``instrument``, both times in µs, side or interval, flags, and the fields
        of the kind. Filters and choices of columns reach the files of a recording, and are applied
        batch by batch elsewhere, so that ``collect`` holds only what is asked for. The files are
        looked up when the frame is collected: it may be kept while a recorder joins them.

        Parameters
        ----------
        kind : a kind or its word, such as ``"trade"``; may be left out if only one was loaded
        """
        chosen = self._one_kind() if kind is None else kind
        which = kind_of(chosen) if isinstance(chosen, str) else chosen
        if which not in self._kinds:
            raise ConfigError(
                f"rows of kind {which.name.lower()} were not loaded, only "
                f"{', '.join(each.name.lower() for each in self._kinds)}"
            )
        source, columns = self.source, columns_of(which)
        schema: dict[str, Any] = {
            ARRIVAL: columns[ARRIVAL],
            "venue": pl.String,
            "instrument": pl.String,
            **columns,
        }

        def give(
            with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None,
            batch_size: int | None,
        ) -> Iterator[pl.DataFrame]:  # fmt: skip
            if isinstance(source, ParquetSource) and source.scan(which) is not None:
                yield from _scanned(source, which, with_columns, predicate, n_rows)
                return
            left = n_rows
            for frame in self._frames(which, batch_size or 65_536):
                part = frame if predicate is None else frame.filter(predicate)
                part = part if with_columns is None else part.select(with_columns)
                if left is not None:
                    part = part[:left]
                    left -= part.height
                yield part
                if left is not None and left <= 0:
                    return

        return register_io_source(give, schema=schema, validate_schema=True)

    def _one_kind(self) -> EventKind:
        if len(self._kinds) != 1:
            raise ConfigError(
                "several kinds are loaded; say which, as in frame('trade'), or load with kinds="
            )
        return self._kinds[0]

    def _frames(self, kind: EventKind, batch_rows: int) -> Iterator[pl.DataFrame]:
        names = pl.DataFrame(
            {
                "inst": pl.Series([*range(len(self.instruments)), -1], dtype=pl.Int32),
                "venue": [*(spec.venue for spec in self.instruments), NO_INST],
                "instrument": [*(spec.name for spec in self.instruments), NO_INST],
            }
        )
        arrival = 0
        for batch in self.batches(batch_rows):
            rows = batch[batch["kind"] == kind]
            places = np.arange(arrival, arrival + len(rows), dtype=np.int64)
            frame = to_frame(rows, places, kind)
            arrival += len(rows)
            if frame.height:
                inst = pl.Series("inst", rows["inst"].copy())
                joined = frame.with_columns(inst).join(
                    names, on="inst", how="left", maintain_order="left"
                )
                rest = [name for name in frame.columns if name != ARRIVAL]
                yield joined.select(ARRIVAL, "venue", "instrument", *rest)


def _scanned(
    source: ParquetSource, kind: EventKind, with_columns: list[str] | None,
    predicate: pl.Expr | None, n_rows: int | None,
) -> Iterator[pl.DataFrame]:  # fmt: skip
    """Yield rows straight from the files that hold them now, not when the frame was made.

    A frame may be collected hours later, when a recorder has joined the files.
    """
    given = 0
    while True:
        seen = generation(source.path)
        scan = source.scan(kind)
        if scan is None:
            raise AssertionError("a recording that could be scanned can be scanned again")
        scan = scan if predicate is None else scan.filter(predicate)
        scan = scan if with_columns is None else scan.select(with_columns)
        scan = scan if n_rows is None else scan.head(n_rows)
        try:
            for frame in scan.collect_batches(maintain_order=True):
                given += frame.height
                yield frame
            return  # noqa: TRY300 - the loop goes on where files went before the first row
        except FileNotFoundError as error:
            if given or generation(source.path) == seen:
                raise DataError(
                    f"{source.path}: {error}; the file was joined with others or removed while "
                    "its rows were being collected; collect again"
                ) from error


def load(
    path: str | Path | Sequence[str | Path],
    *,
    venues: Iterable[str] | None = None,
    instruments: Iterable[str] | None = None,
    kinds: Iterable[EventKind | str] | None = None,
    start: Time | None = None,
    end: Time | None = None,
    from_snapshot: bool = True,
    cache: bool | Path = False,
    **options: Any,
) -> Loaded:
    """Return rows of recordings, captures and files of other projects, lazily.

    Parameters
    ----------
    path : a recording, a file, or any number of them: days and venues come together in order of
        arrival; captures of one venue and files of one format belong together, as days do
    venues, instruments, kinds : what to read, all if None; an instrument by name or symbol, alone
        or behind its venue and a colon
    start, end : time window, of ``ts_recv``
    from_snapshot : in recordings each book begins with its last snapshot before the window, so that
        it is whole when the window begins; those rows come first, with their own times
    cache : keep a memory-mapped copy, so that the next run starts at once
    options : as `replay.sources.open_source` takes them: ``format``, ``venue``, ``symbol``,
        ``tick``, ``sort``, ``skip_bad``, ``assume_synced``, ``clamp_time``
    """
    several = [path] if isinstance(path, (str, Path)) else list(path)
    if not several:
        raise ConfigError("no file to read; give a recording's folder or other files")
    chosen = None if kinds is None else [kind_of(k) if isinstance(k, str) else k for k in kinds]
    low, high = _time(start, "start"), _time(end, "end")
    if low is not None and high is not None and low >= high:
        raise ConfigError(f"the window ends ({end}) before it begins ({start})")
    options |= {"cache": cache, "from_snapshot": from_snapshot, "venues": venues}
    source = open_together(
        several, options.pop("format", None), instruments, low, high, chosen, **options
    )
    return Loaded(source, chosen)
