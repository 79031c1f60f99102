"""A recording as a source: many Parquet files, and what is not yet Parquet, in arrival order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from extrema_nb.errors import ConfigError, DataError, nearest
from extrema_nb.events import EventArray, EventKind
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.store import (
    LOG_HEAD,
    NO_INST,
    ROW_GROUP,
    LogFile,
    PartInfo,
    list_logs,
    list_parts,
    read_frame,
    read_info,
)
from replay.sources.cache import RowCache
from replay.sources.merge import Chunk, FrameChunk, RowChunk, RowStream, merge_streams

__all__ = ["ParquetSource"]

_FEW_STREAMS = 16  # instruments times kinds; with more of them, smaller chunks bound memory


class _PartStream:
    """Rows of one file, a chunk at a time, the next one being read while this one is used."""

    def __init__(
        self, path: Path, info: PartInfo, inst: int, chunk_rows: int, pool: ThreadPoolExecutor
    ) -> None:
        self.path = path
        self.info = info
        self.first_arrival = info.first_arrival
        self._inst = inst
        self._chunk_rows = chunk_rows
        self._pool = pool

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows of the file."""
        kind = self.info.event_kind
        ahead = self._read(0)
        for offset in range(0, self.info.rows, self._chunk_rows):
            frame = ahead.result()
            if offset + self._chunk_rows < self.info.rows:
                ahead = self._read(offset + self._chunk_rows)
            if frame.height == 0:
                raise DataError(
                    f"{self.path}: ends after {offset} rows, its metadata promises "
                    f"{self.info.rows}; fetch the file again"
                )
            yield FrameChunk(frame, kind, self._inst)

    def _read(self, offset: int) -> Future[pl.DataFrame]:
        return self._pool.submit(self._frame, offset)

    def _frame(self, offset: int) -> pl.DataFrame:
        """Return a chunk as whole columns; joining row groups here keeps it off the reader."""
        frame = read_frame(self.path, self.info.event_kind, offset, self._chunk_rows)
        return frame.rechunk()


class _LogStream:
    """Rows of a log that is not yet Parquet."""

    def __init__(
        self, log: LogFile, ids: npt.NDArray[np.int64], kinds: frozenset[EventKind] | None
    ) -> None:
        self.log = log
        self.first_arrival = log.header.first_arrival
        self._ids = ids  # (instruments + 1,) new id of each old one, at -1 of none; -2 leaves out
        self._kinds = None if kinds is None else [int(kind) for kind in kinds]

    def chunks(self) -> Iterator[Chunk]:
        at = self.first_arrival
        for rows in self.log.frames():
            arrival = np.arange(at, at + rows.size, dtype=np.int64)
            at += rows.size
            rows["inst"] = self._ids[rows["inst"]]
            wanted = rows["inst"] > -2
            if self._kinds is not None:
                wanted &= np.isin(rows["kind"], self._kinds)
            if wanted.all():
                yield RowChunk(rows, arrival)
            elif wanted.any():
                yield RowChunk(rows[wanted], arrival[wanted])


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
    ) -> None:
        self.path = Path(path)
        self.clamped = 0  # rows whose time was taken forward by `clamp_time`, of the last pass
        self._kinds = None if kinds is None else frozenset(kinds)
        self._names = None if instruments is None else list(instruments)
        self._start, self._end = start, end
        self._clamp = clamp_time
        self._cache = cache
        self._parts, self._logs = _find(self.path)
        specs = _specs(self._parts, self._logs)
        chosen = _choose(specs, self._names)
        self.instruments = InstrumentTable(chosen) if table is None else table
        self._ids = {(spec.venue, spec.name): _id_in(self.instruments, spec) for spec in chosen}
        # a part says its instrument in its metadata; rows without one are kept whatever is chosen
        self._parts = [(path, info) for path, info in self._parts if self._wants(info)]

    def _wants(self, info: PartInfo) -> bool:
        spec = info.spec()
        if spec is not None and (spec.venue, spec.name) not in self._ids:
            return False
        if self._kinds is not None and info.event_kind not in self._kinds:
            return False
        if self._end is not None and info.first_ts_recv >= self._end:
            return False
        return self._start is None or info.last_ts_recv >= self._start

    def _streams(self, pool: ThreadPoolExecutor) -> list[RowStream]:
        many = len({(i.venue, i.inst, i.kind) for _, i in self._parts}) > _FEW_STREAMS
        chunk = ROW_GROUP if many else 4 * ROW_GROUP
        out: list[RowStream] = []
        for path, info in self._parts:
            spec = info.spec()
            inst = -1 if spec is None else self._ids[spec.venue, spec.name]
            out.append(_PartStream(path, info, inst, chunk, pool))
        for log in self._logs:
            old = log.table()
            ids = np.full(len(old) + 1, -2, np.int64)
            ids[-1] = -1
            for i, spec in enumerate(old):
                ids[i] = self._ids.get((spec.venue, spec.name), -2)
            out.append(_LogStream(log, ids, self._kinds))
        return out

    def batches(self, batch_rows: int = 65_536) -> Iterator[EventArray]:
        """Yield arrays of EVENT in arrival order."""
        if self._cache is None or self._logs:  # a log may still grow
            yield from self._cut(self._blocks(), batch_rows)
            return
        cache = RowCache(self._cache, self._digest())
        ready = cache.open()
        if ready is not None:
            yield from self._cut(iter([ready]), batch_rows)
            return
        with cache.writer() as writer:
            for batch in self._cut(self._blocks(), batch_rows):
                writer.write(batch)
                yield batch
            writer.finish()

    @staticmethod
    def _cut(blocks: Iterator[EventArray], batch_rows: int) -> Iterator[EventArray]:
        for block in blocks:
            for at in range(0, len(block), batch_rows):
                yield block[at : at + batch_rows]

    def _blocks(self) -> Iterator[EventArray]:
        self.clamped = 0
        pool = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        try:
            blocks = merge_streams(self._streams(pool), unique=not self._logs)
            yield from self._in_window(blocks)
        finally:
            pool.shutdown(cancel_futures=True)

    def _in_window(self, blocks: Iterator[EventArray]) -> Iterator[EventArray]:
        now = -(1 << 62)  # ts_recv of the row before
        for block in blocks:
            ts = block["ts_recv"]
            if int(ts[0]) < now or (ts[1:] < ts[:-1]).any():
                self._go_back(block, now)
                ts = block["ts_recv"]
            now = int(ts[-1])
            low = 0 if self._start is None else int(np.searchsorted(ts, self._start))
            high = len(block) if self._end is None else int(np.searchsorted(ts, self._end))
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
        for path, info in self._parts:
            stat = path.stat()
            sha.update(f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{info}".encode())
        for key, inst in sorted(self._ids.items()):
            sha.update(f"{key}={inst}".encode())
        kinds = None if self._kinds is None else sorted(self._kinds)
        sha.update(f"{kinds}|{self._start}|{self._end}|{self._clamp}".encode())
        return sha.hexdigest()

    def sizes(self) -> dict[str, Any]:
        """Return the bytes on disk: in all, a row, and a row of each kind."""
        total: dict[str, list[int]] = {}
        for path, info in self._parts:
            rows, size = total.setdefault(info.kind, [0, 0])
            total[info.kind] = [rows + info.rows, size + path.stat().st_size]
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
        }


def _find(path: Path) -> tuple[list[tuple[Path, PartInfo]], list[LogFile]]:
    """Return the parts and logs at `path`."""
    if path.is_file():
        return [(path, read_info(path))], []
    if not path.is_dir():
        raise DataError(f"{path}: no such file or folder")
    logs = _open_logs(path)  # before the parts: what is rolled meanwhile is in both, not in none
    parts = list_parts(path)
    if not parts and not logs:
        inside = sorted(p.name for p in path.iterdir())
        found = f"found {', '.join(inside[:5])}{' …' if len(inside) > 5 else ''}"
        raise DataError(
            f"{path}: no recording ({found if inside else 'the folder is empty'}); expected "
            "venue=…/inst=…/kind=…/date=…/part-….parquet; make one with `extrema-nb record` or "
            "`extrema-nb convert`"
        )
    return [(part.path, read_info(part.path)) for part in parts], logs


def _open_logs(root: Path) -> list[LogFile]:
    """Return the logs that have a head; a recorder may be rolling them at this moment."""
    logs = []
    for path in list_logs(root):
        try:
            if path.stat().st_size >= LOG_HEAD:
                logs.append(LogFile(path))
        except FileNotFoundError:
            continue  # rolled just now; its rows are in the parts
    return logs


def _specs(parts: list[tuple[Path, PartInfo]], logs: list[LogFile]) -> list[Instrument]:
    """Return the instruments of a recording, in order of the ids they were recorded with."""
    ids: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, str], Instrument] = {}
    for _, info in sorted(parts, key=lambda p: p[1].first_arrival):
        spec = info.spec()
        if spec is not None:
            ids.setdefault((spec.venue, spec.name), info.inst)
            found[spec.venue, spec.name] = spec  # the newest spec stays
    for log in logs:
        for inst, spec in enumerate(log.table()):
            ids.setdefault((spec.venue, spec.name), inst)
            found[spec.venue, spec.name] = spec
    return [found[key] for key in sorted(found, key=lambda key: (ids[key], key))]


def _choose(specs: list[Instrument], names: list[str] | None) -> list[Instrument]:
    if names is None:
        return specs
    for name in names:
        if not any(name in (spec.name, spec.symbol) for spec in specs):
            known = [spec.name for spec in specs]
            raise ConfigError(
                f"unknown instrument {name!r}: the recording holds {', '.join(known) or NO_INST}"
                + nearest(name, known)
            )
    return [spec for spec in specs if spec.name in names or spec.symbol in names]


def _id_in(table: InstrumentTable, spec: Instrument) -> int:
    inst = table.get_symbol(spec.venue, spec.symbol)
    if inst < 0:
        raise ConfigError(
            f"the recording holds {spec.venue} {spec.symbol}, which is not in the instrument table; "
            "add it, or choose instruments"
        )
    return inst
