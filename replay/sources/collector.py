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
import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

import extrema_nb.kernels.memory  # noqa: F401  # digests of kernels see its views: always or never
from extrema_nb.errors import ConfigError, DataError, VenueError, nearest
from extrema_nb.events import EventArray, EventKind, empty_events
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues import MarketVenue, known, load
from replay.sources import cryptofeed
from replay.sources.bursts import Burst, gathered, merged
from replay.sources.digests import code_digest, content_digest, remembered
from replay.sources.guess import LOOKED, Guess, guess_instruments, guess_venue, merge_guesses
from replay.sources.lines import LineFile, merge_files, sort_lines, where

__all__ = ["DEFAULT_VENUE", "CaptureCounts", "CaptureSource"]

log = logging.getLogger(__name__)

DEFAULT_VENUE = "binance-usdm"  # of frames that show none
GUESS_LINES = 20_000  # looked at to find instruments


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
    notes : folder that remembers what was found in a file
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
        notes: Path | None = None,
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
        self.copies: list[str] = []  # files of connections that repeat another one
        if form == "cryptofeed":
            self._leave_copies_out()
        looked = [self._look(file, notes) for file in self._files]
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

    def _look(self, file: LineFile, notes: Path | None) -> Guess:
        """Return which instruments the first lines of a file speak of."""

        def look() -> Guess:
            lines = itertools.islice(iter(file), GUESS_LINES)
            return guess_instruments(self.venue, (line.frame for line in lines))

        if notes is None or self.format == "cryptofeed":  # whose files belong together
            return look()
        words = content_digest(file.path, notes), self.venue.id, self._skip_bad, GUESS_LINES
        # what older code found may be wrong
        return remembered(notes, "|".join(map(str, (*words, code_digest()))), Guess, look)

    def _leave_copies_out(self) -> None:
        files = [file for file in self._files if isinstance(file, cryptofeed.CryptofeedFile)]
        kept, left = cryptofeed.without_copies(files)
        if left:
            self._files = list(kept)
            self.copies = [file.path.name for file in left]
            log.warning(
                "%s: connections that repeat another one are left out: %s",
                self.paths[0].parent, ", ".join(self.copies),
            )  # fmt: skip

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
            "files": len(self._files),
            "copies_left_out": self.copies,
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
        # brings the scanner, which nobody needs where copies are kept
        from replay.sources.decoding import Decoding  # noqa: PLC0415

        decoding = Decoding(
            self.venue, self._all, self._map,
            waits=self._has_snapshot, assume_synced=self._assume_synced,
        )  # fmt: skip
        out, n = empty_events(batch_rows), 0

        def refused(burst: Burst, place: int, error: VenueError) -> None:
            if not self._skip_bad:
                text = f"{where(burst.file.path, int(burst.numbers[place]), b'')}{error}"
                raise DataError(f"{text}; skip such lines with --skip-bad") from error
            self.counts.skipped += 1

        for burst in self._bursts():
            rows = decoding.burst(burst, self._symbols[burst.file], refused)
            while n + len(rows) >= batch_rows:
                cut = batch_rows - n
                out[n:] = rows[:cut]
                rows, n = rows[cut:], 0
                yield out
                out = empty_events(batch_rows)
            out[n : n + len(rows)] = rows
            n += len(rows)
        rest = np.concatenate([out[:n], decoding.finish(self.counts, self.instruments)])
        for at in range(0, len(rest), batch_rows):
            yield rest[at : at + batch_rows]

    def _bursts(self) -> Iterator[Burst]:
        """Yield the lines in order of arrival, with times that do not go back."""
        self.counts = counts = CaptureCounts()
        if self._sort:
            bursts = gathered(sort_lines(merge_files(self._files)))
        else:
            bursts = merged(self._files)
        now = 0
        for burst in bursts:
            counts.lines += burst.lines
            if burst.lines == 1 and burst.stamps[0] >= now:  # files that lie side by side
                now = int(burst.stamps[0])
                yield burst
                continue
            stamps = np.maximum(np.maximum.accumulate(burst.stamps), now)
            back = stamps - burst.stamps
            late = int(np.count_nonzero(back))
            if late:
                counts.out_of_order += late
                counts.largest_step_back_us = max(counts.largest_step_back_us, int(back.max()))
            now = int(stamps[-1])
            yield burst._replace(stamps=stamps)
        counts.skipped += sum(file.bad for file in self._files)


def _choose(table: InstrumentTable, names: list[str]) -> list[Instrument]:
    known = [spec.name for spec in table]
    for name in names:
        if not any(name in (spec.name, spec.symbol) for spec in table):
            raise ConfigError(
                f"unknown instrument {name!r}: the capture holds {', '.join(known)}"
                + nearest(name, known)
            )
    return [spec for spec in table if spec.name in names or spec.symbol in names]
