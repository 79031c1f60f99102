"""Captured frames as a source: the venue's own decoder and book synchronisation, offline.

Rules
-----
1. A capture gives the rows that a recorder on the same wire would have written.
2. A book without a snapshot in the file is flagged STALE, unless `assume_synced` says that it
   continues a book the reader has.
3. A local time that goes back is taken as the one before it, and counted: the order of the lines
   is the order of arrival. `sort` puts lines in order of their times instead.
4. What is wrong is an error that names file and line; `skip_bad` counts it instead.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.errors import ConfigError, DataError, VenueError, nearest
from extrema_nb.events import EventArray, EventKind, Flag, empty_events
from extrema_nb.feeds.pipeline import MarketPipeline
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues import BookSyncing, MarketVenue, known, load
from replay.sources import cryptofeed
from replay.sources.guess import LOOKED, guess_instruments, guess_venue, merge_guesses
from replay.sources.lines import Line, LineFile, merge_files, sort_lines, where

__all__ = ["DEFAULT_VENUE", "CaptureCounts", "CaptureSource"]

DEFAULT_VENUE = "binance-usdm"  # of frames that show none
GUESS_LINES = 20_000  # looked at to find instruments
BUFFERED = 2000  # book messages kept while a snapshot is still to come in the file


class CaptureCounts(msgspec.Struct, kw_only=True):
    """What was met in one pass over a capture."""

    lines: int = 0
    rows: int = 0
    skipped: int = 0  # bad lines, with `skip_bad`
    out_of_order: int = 0  # local times that went back
    largest_step_back_us: int = 0
    duplicates: int = 0  # book messages dropped because they were seen before
    superseded: int = 0  # book messages that a snapshot already contained
    gaps: int = 0
    snapshots: int = 0
    stale_books: list[str] = []
    ignored: dict[str, int] = {}  # event types without rows


class CaptureSource:
    """Rows of collector captures.

    Parameters
    ----------
    paths : files, in any order; those of one instrument continue each other's book
    venue : venue id; found in the frames if None
    form : ``"collector"``, or ``"cryptofeed"``, of which a folder stands for its files
    instruments : names or symbols to read, all if None
    kinds : kinds to give, all if None
    start, end : µs of ``ts_recv``; from `start` on and before `end`
    table : the instruments; found in the first lines if None
    sort, skip_bad, assume_synced : see the rules above
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        *,
        venue: str | None = None,
        form: str = "collector",
        instruments: Iterable[str] | None = None,
        kinds: Iterable[EventKind] | None = None,
        start: int | None = None,
        end: int | None = None,
        table: InstrumentTable | None = None,
        sort: bool = False,
        skip_bad: bool = False,
        assume_synced: bool = False,
    ) -> None:
        self.format = form
        self.paths = [Path(path) for path in paths]
        if form == "cryptofeed":
            self.paths = cryptofeed.expand(self.paths)
        for path in self.paths:
            if not path.is_file():
                raise DataError(f"{path}: no such file")
        self.venue = self._load(venue)
        self.counts = CaptureCounts()
        self.guessed = table is None
        self._sort, self._skip_bad, self._assume_synced = sort, skip_bad, assume_synced
        self._start, self._end = start, end
        self._kinds = None if kinds is None else [int(kind) for kind in kinds]
        self._files: list[LineFile] = [self._open(path) for path in self.paths]
        looked = [
            guess_instruments(
                self.venue, (line.frame for line in itertools.islice(iter(file), GUESS_LINES))
            )
            for file in self._files
        ]
        for file in self._files:
            file.position = 0  # the look was no progress
        self._has_snapshot = any(guess.snapshot for guess in looked)
        self._symbols = {
            file: frozenset(spec.symbol for spec in guess.instruments)
            for file, guess in zip(self._files, looked, strict=True)
        }
        found = InstrumentTable(merge_guesses(looked))
        if form == "cryptofeed":
            found = self._listed(found)
        if not len(found):
            raise DataError(
                f"{self.paths[0]}: no message of {self.venue.id} in the first {looked[0].lines} "
                "lines; check --venue and --format"
            )
        self._all = found if table is None else table
        chosen = list(self._all) if instruments is None else _choose(self._all, list(instruments))
        self.instruments = self._all if table is not None else InstrumentTable(chosen)
        self._map = np.full(len(self._all), -1, np.int64)  # decoder's id -> ours, -1 not wanted
        for inst, spec in enumerate(self._all):
            if spec in chosen:
                self._map[inst] = self.instruments.get_symbol(spec.venue, spec.symbol)

    def _load(self, said: str | None) -> MarketVenue:
        """Return the venue that is said, else the one whose frames these are."""
        if said is not None:
            return load(said)
        found = cryptofeed.venue_of(self.paths) if self.format == "cryptofeed" else None
        if found is None:
            found = guess_venue(
                line.frame
                for path in self.paths
                for line in itertools.islice(LineFile(path, skip_bad=True), LOOKED)
            )
        if found is not None and found not in known():
            raise ConfigError(
                f"{self.paths[0]}: looks like a capture of {found}, which is not among the venues "
                f"here ({', '.join(known())}); say another one with --venue"
            )
        return load(found or DEFAULT_VENUE)

    def _open(self, path: Path) -> LineFile:
        if self.format == "cryptofeed":
            return cryptofeed.CryptofeedFile(path, self.venue, skip_bad=self._skip_bad)
        return LineFile(path, skip_bad=self._skip_bad)

    def _listed(self, found: InstrumentTable) -> InstrumentTable:
        """Return the instruments with the specs of the capture's own lists.

        All files of a cryptofeed capture belong together: they share one pipeline.
        """
        files = [file for file in self._files if isinstance(file, cryptofeed.CryptofeedFile)]
        carried: dict[str, str] = {}  # symbol -> connection
        for file in files:
            if file.kind != "ws":
                continue
            for symbol in self._symbols[file]:
                other = carried.setdefault(symbol, file.connection)
                if other != file.connection:
                    raise DataError(
                        f"{file.path}: connections {other} and {file.connection} both carry "
                        f"{symbol}; give the files of one of them"
                    )
        listed = cryptofeed.listed_instruments(files, self.venue)
        table = InstrumentTable(listed.get(spec.symbol, spec) for spec in found)
        together = frozenset(spec.symbol for spec in table)
        self._symbols = dict.fromkeys(self._files, together)
        return table

    def describe(self) -> dict[str, Any]:
        """Return what is known before reading; `rows` is not."""
        sha = hashlib.sha256()
        for path in self.paths:
            with path.open("rb") as file:
                sha.update(hashlib.file_digest(file, "sha256").digest())
        return {
            "format": self.format,
            "venue": self.venue.id,
            "path": ", ".join(map(str, self.paths)),
            "files": len(self.paths),
            "rows": None,
            "bytes": sum(file.size for file in self._files),
            "instruments": [spec.name for spec in self.instruments],
            "instruments_guessed": self.guessed,
            "sha256": sha.hexdigest(),
        }

    @property
    def venue_id(self) -> str:
        """The venue of the frames."""
        return self.venue.id

    @property
    def done(self) -> float:
        """How much of the files was read, 0 to 1."""
        return sum(f.position for f in self._files) / max(1, sum(f.size for f in self._files))

    def batches(self, batch_rows: int = 65_536) -> Iterator[EventArray]:
        """Yield arrays of EVENT."""
        for batch in self._pump(batch_rows):
            rows = batch
            if self._kinds is not None:
                rows = rows[np.isin(rows["kind"], self._kinds)]
            if self._start is not None:
                rows = rows[np.searchsorted(rows["ts_recv"], self._start) :]
            if self._end is not None:
                rows = rows[: np.searchsorted(rows["ts_recv"], self._end)]
            self.counts.rows += len(rows)
            if rows.size:
                yield rows
            if self._end is not None and int(batch["ts_recv"][-1]) >= self._end:
                return

    def _pump(self, batch_rows: int) -> Iterator[EventArray]:
        """Yield rows in batches of `batch_rows`, the last one shorter."""
        decode = _Decoding(
            self.venue, self._all, self._map,
            waits=self._has_snapshot, assume_synced=self._assume_synced,
        )  # fmt: skip
        out, n = empty_events(batch_rows), 0
        for line in self._lines():
            try:
                rows = decode.line(line, self._symbols[line.file])
            except VenueError as error:
                if not self._skip_bad:
                    text = f"{where(line.file.path, line.number, b'')}{error}"
                    raise DataError(f"{text}; skip such lines with --skip-bad") from error
                self.counts.skipped += 1
                continue
            while n + len(rows) >= batch_rows:
                cut = batch_rows - n
                out[n:] = rows[:cut]
                rows, n = rows[cut:], 0
                yield out
                out = empty_events(batch_rows)
            out[n : n + len(rows)] = rows
            n += len(rows)
        rest = np.concatenate([out[:n], decode.finish(self.counts, self.instruments)])
        for at in range(0, len(rest), batch_rows):
            yield rest[at : at + batch_rows]

    def _lines(self) -> Iterator[Line]:
        self.counts = CaptureCounts()
        lines = merge_files(self._files)
        if self._sort:
            lines = sort_lines(lines)
        now = 0
        for line in lines:
            self.counts.lines += 1
            back = now - line.ts_recv
            if back > 0:
                self.counts.out_of_order += 1
                self.counts.largest_step_back_us = max(self.counts.largest_step_back_us, back)
                yield line._replace(ts_recv=now)
            else:
                now = line.ts_recv
                yield line
        self.counts.skipped += sum(file.bad for file in self._files)


class _Decoding:
    """One pass over the frames, through the pipeline that the live feed uses.

    Files of one symbol share a pipeline, so that they continue each other's book; a snapshot that
    does not name its symbol belongs to its file's only one.
    """

    def __init__(
        self, venue: MarketVenue, table: InstrumentTable, wanted: npt.NDArray[np.int64],
        *, waits: bool, assume_synced: bool,
    ) -> None:  # fmt: skip
        self._venue = venue
        self._table = table
        self._map = wanted
        self._same = bool((wanted == np.arange(wanted.size)).all())
        self._max_buffered = BUFFERED if waits else 0
        self._assume = assume_synced and not waits
        self._pipelines: dict[frozenset[str], MarketPipeline] = {}
        self._now = 0
        self.snapshots = 0

    def line(self, line: Line, symbols: frozenset[str]) -> EventArray:
        """Return the rows of one line, valid until the next one."""
        frame, self._now = line.frame, line.ts_recv
        pipeline = self._pipelines.get(symbols)
        if pipeline is None:
            pipeline = self._pipelines[symbols] = MarketPipeline(
                self._venue, self._table, max_buffered=self._max_buffered
            )
        if not self._venue.is_snapshot(frame):
            before = len(pipeline.syncs)
            rows = pipeline.on_frame(frame, line.ts_recv)
            inst = pipeline.inst
            if self._assume and len(pipeline.syncs) > before:
                rows = self._believe(pipeline.sync_of(inst), rows)
        else:
            self.snapshots += 1
            if self._venue.snapshot_symbol(frame) or len(symbols) != 1:
                rows = pipeline.on_frame(frame, line.ts_recv)
                inst = pipeline.inst
            else:
                inst = self._table.get_symbol(self._venue.id, next(iter(symbols)))
                rows = pipeline.on_snapshot(frame, inst, line.ts_recv)
        if self._same or not len(rows):
            return rows
        if self._map[inst] < 0:
            return rows[:0]
        rows["inst"] = self._map[inst]
        return rows

    @staticmethod
    def _believe(sync: BookSyncing, rows: EventArray) -> EventArray:
        """Take the first message of a book as the continuation of one that the reader has."""
        rows = rows[rows["kind"] == int(EventKind.LOB)]
        rows["flags"] &= ~int(Flag.STALE)
        here = rows[-1:].copy()
        here["flags"] = int(Flag.SNAPSHOT | Flag.LAST)
        sync.on_snapshot(here)  # where the book stands; not ours to publish, it has no levels
        return rows

    def finish(self, counts: CaptureCounts, specs: InstrumentTable) -> EventArray:
        """Return what still waited for a snapshot, and complete the counts."""
        rest = [empty_events(0)]
        for pipeline in self._pipelines.values():
            rest += pipeline.flush(self._now)
            for inst, sync in pipeline.syncs.items():
                if self._map[inst] < 0:
                    continue
                if sync.needs_snapshot:
                    counts.stale_books.append(specs[int(self._map[inst])].name)
                counts.gaps += sync.gaps
                counts.duplicates += sync.duplicates
                counts.superseded += sync.superseded
            for event, frames in pipeline.unknown.items():
                counts.ignored[event] = counts.ignored.get(event, 0) + frames
        counts.snapshots = self.snapshots
        rows = np.concatenate(rest)
        rows["inst"] = self._map[rows["inst"]]
        return rows[rows["inst"] >= 0]


def _choose(table: InstrumentTable, names: list[str]) -> list[Instrument]:
    known = [spec.name for spec in table]
    for name in names:
        if not any(name in (spec.name, spec.symbol) for spec in table):
            raise ConfigError(
                f"unknown instrument {name!r}: the capture holds {', '.join(known)}"
                + nearest(name, known)
            )
    return [spec for spec in table if spec.name in names or spec.symbol in names]
