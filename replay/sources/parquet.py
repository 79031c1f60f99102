"""A recording as a source: many Parquet files, and what is not yet Parquet, in arrival order."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from extrema_nb.errors import DataError, PartMissing
from extrema_nb.events import EventArray, EventKind, Flag
from extrema_nb.instruments import InstrumentTable
from extrema_nb.store import (
    ARRIVAL,
    NO_INST,
    LogFile,
    OwnSnapshots,
    PartInfo,
    columns_of,
    hash_file,
    read_manifest,
    read_some,
    retired_name,
)
from replay.sources.cache import RowCache
from replay.sources.digests import content_digest
from replay.sources.gather import gather_streams
from replay.sources.keep import Keep
from replay.sources.merge import Progress, RowStream, merge_streams
from replay.sources.part_stream import (
    LogStream,
    PartStream,
    first_row,
    last_snapshot,
    last_snapshot_in_log,
)
from replay.sources.portions import HELD_ROWS, MANY, portion_rows
from replay.sources.recording import (
    check_covered,
    choose_specs,
    find_recording,
    generation,
    id_in,
    list_infos,
    of_venues,
    same_size,
    specs_of,
)
from replay.sources.timed import cut, never_falls

__all__ = ["ParquetSource"]

log_ = logging.getLogger(__name__)

OWN = int(Flag.SNAPSHOT | Flag.SYNTHETIC)
_END = 1 << 62  # past all arrivals


class ParquetSource:
    """Rows of a recording in the order in which they arrived.

    Parameters
    ----------
    path : folder of the recording, or one of its files
    instruments : names or symbols to read, all if None
    kinds : kinds to read, all if None
    start, end : µs of ``ts_recv``; from `start` on and before `end`
    table : gives the instrument ids; if None, they are as recorded (without holes)
    cache : folder of the memory-mapped copies; None reads Parquet each time
    clamp_time : take rows that go back in time as of the time before them, instead of refusing
    venues : ids of the venues to read, all if None
    from_snapshot : let each book begin with its last whole snapshot at or before `start`: those
        book rows come first, with their own times, and the book is whole when the window begins
    held_rows : of all files together that are in memory as columns, see `replay.sources.portions`

    Raises
    ------
    DataError
        the folder holds no recording, or a file is not what it claims to be
    ConfigError
        an instrument that was not recorded
    """

    def __init__(
        self,
        path: str | Path,
        *,
        instruments: Iterable[str] | None = None,
        kinds: Iterable[EventKind] | None = None,
        start: int | None = None,
        end: int | None = None,
        table: InstrumentTable | None = None,
        cache: Path | None = None,
        clamp_time: bool = False,
        venues: Iterable[str] | None = None,
        from_snapshot: bool = False,
        held_rows: int = HELD_ROWS,
    ) -> None:
        self.path = Path(path)
        self.own_snapshots = False  # give those too that a recorder made of books that have begun
        self.clamped = 0  # rows whose time was taken forward by `clamp_time`, of the last pass
        self._kinds = None if kinds is None else frozenset(kinds)
        self._names = None if instruments is None else list(instruments)
        self._start, self._end = start, end
        self._clamp = clamp_time
        self._cache = cache
        self._held_rows = held_rows
        while True:
            self._generation = generation(self.path)
            try:
                self._open(table, None if venues is None else list(venues), from_snapshot)
                break
            except PartMissing:
                if generation(self.path) == self._generation:
                    raise

    def _open(
        self,
        table: InstrumentTable | None,
        venues: list[str] | None,
        from_snapshot: bool,  # noqa: FBT001 - private
    ) -> None:
        self._parts, self._logs = find_recording(self.path, self._cache)
        specs = of_venues(specs_of(self._parts, self._logs), venues)
        chosen = choose_specs(specs, self._names)
        self.instruments = InstrumentTable(chosen) if table is None else table
        self._ids = {(spec.venue, spec.name): id_in(self.instruments, spec) for spec in chosen}
        # a part says its instrument in its metadata; rows without one are kept whatever is chosen
        self._books: dict[int, int] = {}  # instrument id -> arrival at which its book begins
        self.without_snapshot: list[str] = []  # books that begin unknown in the window
        if from_snapshot and self._start is not None:
            self._find_books(self._start)
        self._parts = [(path, info) for path, info in self._parts if self._wants(info)]
        self._last = max((info.last_arrival for _, info in self._parts), default=-1)

    def _list_anew(self, upto: int) -> None:
        """Take the files that hold the same rows now; raise if rows after `upto` are in none."""
        self._generation = generation(self.path)
        parts = [(path, info) for path, info in list_infos(self.path) if self._wants(info)]
        check_covered(self.path, self._parts, parts, upto)
        self._parts = [(path, info) for path, info in parts if info.first_arrival <= self._last]

    def _list_if_gone(self) -> None:
        """Take the manifest anew where files that it named have been joined and deleted."""
        if not all(path.exists() or retired_name(path).exists() for path, _ in self._parts):
            self._list_anew(-1)

    def scan(self, kind: EventKind) -> pl.LazyFrame | None:
        """Return the rows of a kind in order of arrival, straight from the files.

        Filters and choices of columns reach the files. None where rows are not all in files as they
        come out: a log that is not yet rolled, times that are taken forward.
        """
        if self._logs or self._clamp:
            return None
        self._list_if_gone()
        groups: dict[int, list[tuple[Path, PartInfo]]] = {}
        for path, info in sorted(self._parts, key=lambda part: part[1].first_arrival):
            if info.event_kind == kind:
                spec = info.spec()
                inst = -1 if spec is None else self._ids[spec.venue, spec.name]
                groups.setdefault(inst, []).append((path, info))
        frames = [self._scan_of(inst, parts, kind) for inst, parts in sorted(groups.items())]
        while len(frames) > 1:  # in pairs: each row passes few merges
            pairs = zip(frames[::2], [*frames[1::2], None], strict=False)
            frames = [a if b is None else a.merge_sorted(b, "arrival") for a, b in pairs]
        if not frames:
            names = {"venue": pl.String, "instrument": pl.String}
            return pl.LazyFrame(schema={ARRIVAL: pl.Int64, **names, **columns_of(kind)})
        return frames[0]

    def _scan_of(
        self, inst: int, parts: list[tuple[Path, PartInfo]], kind: EventKind
    ) -> pl.LazyFrame:
        spec = self.instruments[inst] if inst >= 0 else None
        names = (spec.venue, spec.name) if spec else (NO_INST, NO_INST)
        columns = list(columns_of(kind))
        scans = [
            pl.scan_parquet(path, glob=False, hive_partitioning=False).select(columns)
            for path, _ in parts
        ]
        frame = pl.concat(scans).select(
            ARRIVAL, pl.lit(names[0]).alias("venue"), pl.lit(names[1]).alias("instrument"),
            *columns[1:],
        )  # fmt: skip
        if parts[-1][1].last_arrival > self._last:  # joined with what came after we had begun
            frame = frame.filter(pl.col(ARRIVAL) <= self._last)
        if self._start is not None:
            inside = pl.col("ts_recv") >= self._start
            if kind == EventKind.LOB and inst in self._books:
                inside |= pl.col(ARRIVAL) >= self._books[inst]
            frame = frame.filter(inside)
        if self._end is not None:
            frame = frame.filter(pl.col("ts_recv") < self._end)
        if kind != EventKind.LOB or self.own_snapshots:
            return frame
        # as `OwnSnapshots` does: once a book has begun and goes on, copies of it are left out
        flags = pl.col("flags").cast(pl.Int64)
        own = (flags & OWN) == OWN
        followed = ((flags & Flag.START != 0).cum_max() & ~own).cum_max()
        return frame.filter(~own | ~followed)

    @property
    def most_rows(self) -> int:
        """A number of rows that are not exceeded; known before reading."""
        return sum(info.rows for _, info in self._parts) + sum(log.count() for log in self._logs)

    @property
    def first_ts_recv(self) -> int | None:
        """A time that no row is before; None for a recording without rows, or with a log."""
        times = [info.first_ts_recv for _, info in self._parts]
        return None if self._logs else min(times, default=None)

    def _wants(self, info: PartInfo) -> bool:
        spec = info.spec()
        if spec is not None and (spec.venue, spec.name) not in self._ids:
            return False
        if self._kinds is not None and info.event_kind not in self._kinds:
            return False
        if self._end is not None and info.first_ts_recv >= self._end:
            return False
        if self._start is None or info.last_ts_recv >= self._start:
            return True
        inst = -1 if spec is None else self._ids[spec.venue, spec.name]
        return info.event_kind == EventKind.LOB and info.last_arrival >= self._books.get(inst, _END)

    def _find_books(self, start: int) -> None:
        """Find where each book has to begin to be whole at `start`."""
        lob: dict[int, list[tuple[Path, PartInfo]]] = {}
        for path, info in sorted(self._parts, key=lambda part: part[1].first_arrival):
            spec = info.spec()
            if spec is not None and info.event_kind == EventKind.LOB:
                lob.setdefault(self._ids.get((spec.venue, spec.name), -1), []).append((path, info))
        for inst, parts in lob.items():
            found = last_snapshot(parts, start) if inst >= 0 else None
            if found is not None:
                self._books[inst] = found
        for log in self._logs:
            ids = self._log_ids(log)
            for old, arrival in last_snapshot_in_log(log, start).items():
                if ids[old] >= 0:
                    self._books[int(ids[old])] = arrival
        unknown = sorted(lob.keys() - self._books.keys() - {-1})
        self.without_snapshot = [self.instruments[inst].name for inst in unknown]
        if unknown:
            log_.warning(
                "%s: no snapshot before the window for %s: these books begin unknown",
                self.path, ", ".join(self.without_snapshot),
            )  # fmt: skip

    def _span(self, path: Path, info: PartInfo, inst: int, upto: int) -> tuple[int, int]:
        """Return the places of the first row that is wanted of a part, and behind the last one.

        Rows that arrived up to `upto` were given already; a part that was joined meanwhile may hold
        rows that are younger than this source.
        """
        book = info.event_kind == EventKind.LOB and inst in self._books
        after = max(upto, self._books[inst] - 1) if book else upto
        begin = 0 if book else first_row(path, info, self._start)
        end = info.rows
        if info.first_arrival <= after or info.last_arrival > self._last:
            places = read_some(path, info.event_kind, ("arrival",))[1]
            begin = max(begin, int(np.searchsorted(places, after, side="right")))
            end = int(np.searchsorted(places, self._last, side="right"))
        return begin, end

    def _log_ids(self, log: LogFile) -> npt.NDArray[np.int64]:
        """Return the new id of each instrument of a log, -2 for one that is left out."""
        old = log.table()
        ids = np.full(len(old) + 1, -2, np.int64)
        ids[-1] = -1
        for i, spec in enumerate(old):
            ids[i] = self._ids.get((spec.venue, spec.name), -2)
        return ids

    def _streams(self, pool: ThreadPoolExecutor, upto: int) -> tuple[list[RowStream], bool]:
        """Return the files as streams, and whether they are hundreds."""
        leaves: dict[tuple[str, int, str], int] = {}  # parts of one of these follow each other
        for _, info in self._parts:
            leaf = (info.venue, info.inst, info.kind)
            leaves[leaf] = leaves.get(leaf, 0) + info.rows
        counts = portion_rows(list(leaves.values()), held_rows=self._held_rows)
        portions = dict(zip(leaves, counts, strict=True))
        many = len(leaves) > MANY
        ahead = None if many else pool
        out: list[RowStream] = []
        for path, info in self._parts:
            spec = info.spec()
            inst = -1 if spec is None else self._ids[spec.venue, spec.name]
            portion = portions[info.venue, info.inst, info.kind]
            if info.last_arrival > upto:
                span = self._span(path, info, inst, upto)
                out.append(PartStream(path, info, inst, portion, ahead, span))
        out += [
            LogStream(log, self._log_ids(log), self._kinds, self._books, upto) for log in self._logs
        ]
        return out, many

    def batches(self, batch_rows: int = 65_536) -> Iterator[EventArray]:
        """Yield arrays of EVENT in arrival order."""
        if self._cache is None or self._logs:  # a log may still grow
            yield from cut(self._blocks(), batch_rows)
            return
        cache = RowCache(self._cache, self._digest())
        yield from cache.through(lambda rows: cut(self._blocks(), rows), batch_rows)

    def _blocks(self) -> Iterator[EventArray]:
        self.clamped = 0
        own = OwnSnapshots(len(self.instruments))
        for block in self._in_window(self._merged()):
            rows = block if self.own_snapshots else own.filter(block)
            if len(rows):
                yield rows

    def _merged(self) -> Iterator[EventArray]:
        """Yield blocks in order of arrival; where files were joined meanwhile, go on with theirs."""
        progress = Progress()
        while True:
            pool = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
            try:
                streams, many = self._streams(pool, progress.upto)
                merge = gather_streams if many else merge_streams
                yield from merge(streams, unique=not self._logs, progress=progress)
            except PartMissing:
                if generation(self.path) == self._generation:
                    raise
            else:
                return
            finally:
                pool.shutdown(cancel_futures=True)
            self._list_anew(progress.upto)

    def _in_window(self, blocks: Iterator[EventArray]) -> Iterator[EventArray]:
        now = -(1 << 62)  # ts_recv of the row before
        known = list(self._books)
        for block in blocks:
            if not never_falls(block.view(np.int64).reshape(-1, 8), now):
                self._go_back(block, now)
            ts = block["ts_recv"]
            now = int(ts[-1])
            low = 0 if self._start is None else int(np.searchsorted(ts, self._start))
            high = len(block) if self._end is None else int(np.searchsorted(ts, self._end))
            if low and self._books:
                early = block[:low]
                early = early[(early["kind"] == EventKind.LOB) & np.isin(early["inst"], known)]
                if early.size:
                    yield early
            if low < high:
                yield block[low:high]
            if high < len(block):
                return

    def _go_back(self, block: EventArray, now: int) -> None:
        ts = block["ts_recv"]
        highest = np.maximum(np.maximum.accumulate(ts), now)
        back = highest - ts
        if not self._clamp:
            at = int(np.argmax(back > 0))
            raise DataError(
                f"{self.path}: rows go back in time by {int(back[at])} µs at ts_recv {int(ts[at])} "
                f"({int((back > 0).sum())} rows here); convert the capture again with --sort, or "
                "open the recording with clamp_time=True"
            )
        self.clamped += int((back > 0).sum())
        block["ts_recv"] = highest

    def _digest(self) -> str:
        """Return a digest of everything that decides which rows come out."""
        sha = hashlib.sha256()
        known = self._known_digests()
        for path, info in self._parts:
            digest = known.get(path)
            if digest is None:
                digest = (
                    hash_file(path) if self._cache is None else content_digest(path, self._cache)
                )
            sha.update(f"{digest}|{info.first_arrival}".encode())
        for key, inst in sorted(self._ids.items()):
            sha.update(f"{key}={inst}".encode())
        kinds = None if self._kinds is None else sorted(self._kinds)
        books = sorted(self._books.items())
        sha.update(f"{kinds}|{self._start}|{self._end}|{self._clamp}|{books}".encode())
        sha.update(f"{self.own_snapshots}".encode())
        return sha.hexdigest()

    def _known_digests(self) -> dict[Path, str]:
        """Return the digests that the manifest of the recording tells."""
        manifest = read_manifest(self.path) if self.path.is_dir() else None
        if manifest is None:
            return {}
        told = {self.path / entry.path: entry for entry in manifest.parts}
        return {path: entry.sha256 for path, entry in told.items() if same_size(path, entry.bytes)}

    def keep(self) -> Keep | None:
        """Return where what is made of these rows may be kept, None if nowhere."""
        if self._cache is None or self._logs:  # a log may still grow
            return None
        return Keep(self._cache, self._digest())

    def sizes(self) -> dict[str, Any]:
        """Return the bytes on disk: in all, a row, and a row of each kind."""
        self._list_if_gone()
        total: dict[str, list[int]] = {}
        for path, info in self._parts:
            rows, size = total.setdefault(info.kind, [0, 0])
            where = path if path.exists() else retired_name(path)
            total[info.kind] = [rows + info.rows, size + where.stat().st_size]
        size = sum(size for _, size in total.values())
        return {
            "bytes": size + sum(log.path.stat().st_size for log in self._logs),
            "bytes_per_row": size / max(1, sum(rows for rows, _ in total.values())),
            "bytes_per_row_by_kind": {kind: b / rows for kind, (rows, b) in total.items()},
        }

    def describe(self) -> dict[str, Any]:
        """Return what is known before reading; `rows` is an upper bound inside a time window."""
        infos = [info for _, info in self._parts]
        waiting = sum(log.count() for log in self._logs)
        offsets = [info.clock_offset_min_us for info in infos if info.inst >= 0]
        return {
            "format": "parquet",
            "path": str(self.path),
            "files": len(infos),
            "logs": len(self._logs),
            "rows": sum(info.rows for info in infos) + waiting,
            "rows_in_logs": waiting,
            "first_ts_recv": min((info.first_ts_recv for info in infos), default=None),
            "last_ts_recv": max((info.last_ts_recv for info in infos), default=None),
            "clock_offset_min_us": min(offsets, default=None),
            "gaps": sum(info.gap_count for info in infos),
            "instruments": [spec.name for spec in self.instruments],
            "sha256": self._digest(),
            "without_snapshot": self.without_snapshot,
        }
