"""Files of a recording as streams of rows: where to begin in them, and reading ahead.

Rules
-----
1. A stream begins at the first row of the time window, found in the one column that tells it.
2. A book can begin earlier, at the last whole snapshot at or before the window.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from extrema_nb.errors import DataError
from extrema_nb.events import EventKind, Flag
from extrema_nb.store import LogFile, PartInfo, find_own, read_frame, read_some
from replay.sources.merge import Chunk, FrameChunk, RowChunk

__all__ = ["LogStream", "PartStream", "first_row", "last_snapshot", "last_snapshot_in_log"]

START, PARTIAL = int(Flag.START), int(Flag.PARTIAL)
LOB = int(EventKind.LOB)


def first_row(path: Path, info: PartInfo, start: int | None) -> int:
    """Return the place of the first row of a part with ``ts_recv`` at or after `start`."""
    if start is None or info.first_ts_recv >= start:
        return 0
    late = read_some(path, info.event_kind, ("ts_recv",))[0]["ts_recv"] >= start
    return int(late.argmax()) if late.any() else info.rows


def last_snapshot(parts: Sequence[tuple[Path, PartInfo]], start: int) -> int | None:
    """Return the arrival of the last whole snapshot's first row at or before `start`, or None.

    Parameters
    ----------
    parts : the LOB parts of one instrument, in order
    """
    for path, info in reversed(parts):
        if info.first_ts_recv > start:
            continue
        rows, arrival = read_some(path, info.event_kind, ("arrival", "ts_recv", "flags"))
        begins = (rows["flags"] & (START | PARTIAL)) == START
        found = np.flatnonzero(begins & (rows["ts_recv"] <= start))
        if found.size:
            return int(arrival[found[-1]])
    return None


def last_snapshot_in_log(log: LogFile, start: int) -> dict[int, int]:
    """Return instrument id of the log -> arrival of its last whole snapshot at or before `start`."""
    out: dict[int, int] = {}
    at = log.header.first_arrival
    for rows in log.frames():
        begins = (rows["kind"] == LOB) & ((rows["flags"] & (START | PARTIAL)) == START)
        for place in np.flatnonzero(begins & (rows["ts_recv"] <= start)).tolist():
            out[int(rows["inst"][place])] = at + place
        at += rows.size
    return out


class PartStream:
    """Rows of one file, a portion at a time.

    Parameters
    ----------
    path, info : the part
    inst : instrument id that its rows get
    portion : rows read at once
    pool : reads the next portion while this one is used; None reads it when it is due, and without
        Polars if the file is one of ours
    span : places of the first row that is wanted and behind the last one, all if None
    """

    def __init__(
        self, path: Path, info: PartInfo, inst: int, portion: int,
        pool: ThreadPoolExecutor | None = None, span: tuple[int, int] | None = None,
    ) -> None:  # fmt: skip
        self.path = path
        self.info = info
        self.first_arrival = info.first_arrival
        self._begin, self._end = (0, info.rows) if span is None else span
        self._inst = inst
        self._portion = portion
        self._pool = pool

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows of the file."""
        kind = self.info.event_kind
        if self._pool is None:
            yield from self._own_chunks()
        for offset, frame in self._frames():
            if frame.height == 0:
                raise DataError(
                    f"{self.path}: ends after {offset} rows, its metadata promises "
                    f"{self.info.rows}; fetch the file again"
                )
            yield FrameChunk(frame, kind, self._inst)

    def _own_chunks(self) -> Iterator[Chunk]:
        """Yield the rows as far as they can be read without Polars, which goes on behind them."""
        own, kind = find_own(self.path), self.info.event_kind
        if own is None or not own.fits(kind) or own.bounds[-1] != self.info.rows:
            return
        spans = self._spans()
        if len(spans) > 1:
            own = own._replace(whole=b"")  # not to be held for so long
        for low, count in spans:
            found = own.rows(kind, self._inst, low, low + count)
            if found is None:
                return
            self._begin = low + count
            yield RowChunk(*found)

    def _frames(self) -> Iterator[tuple[int, pl.DataFrame]]:
        """Yield the portions and their places; all but the first begin at whole multiples."""
        spans = self._spans()
        if self._pool is None:
            for low, count in spans:
                yield low, self._frame(low, count)
            return
        ahead: Future[pl.DataFrame] | None = None
        for (low, count), after in zip(spans, [*spans[1:], None], strict=False):
            here = self._pool.submit(self._frame, low, count) if ahead is None else ahead
            frame = here.result()
            ahead = None if after is None else self._pool.submit(self._frame, *after)
            del here
            yield low, frame

    def _spans(self) -> list[tuple[int, int]]:
        """Return the first row and the number of rows of each portion that is left."""
        places = [self._begin, *range(
            (self._begin // self._portion + 1) * self._portion, self._end, self._portion
        )]  # fmt: skip
        return [
            (low, high - low)
            for low, high in zip(places, [*places[1:], self._end], strict=True)
            if high > low
        ]

    def _frame(self, offset: int, rows: int) -> pl.DataFrame:
        return read_frame(self.path, self.info.event_kind, offset, rows)


class LogStream:
    """Rows of a log that is not yet Parquet.

    Parameters
    ----------
    log : the log
    ids : (instruments + 1,) new id of each old one, at -1 of none; -2 leaves out
    kinds : those that are wanted, all if None
    books : new instrument id -> arrival from which on its book rows are wanted
    upto : arrival up to which rows are not wanted
    """

    def __init__(
        self, log: LogFile, ids: npt.NDArray[np.int64], kinds: frozenset[EventKind] | None,
        books: Mapping[int, int], upto: int = -1,
    ) -> None:  # fmt: skip
        self.log = log
        self.first_arrival = log.header.first_arrival
        self._ids = ids
        self._kinds = None if kinds is None else [int(kind) for kind in kinds]
        self._books = books
        self._upto = upto

    def chunks(self) -> Iterator[Chunk]:
        """Yield the wanted rows."""
        at = self.first_arrival
        for rows in self.log.frames():
            arrival = np.arange(at, at + rows.size, dtype=np.int64)
            at += rows.size
            rows["inst"] = self._ids[rows["inst"]]
            wanted = (rows["inst"] > -2) & (arrival > self._upto)
            if self._kinds is not None:
                wanted &= np.isin(rows["kind"], self._kinds)
            for inst, begin in self._books.items():
                wanted &= (rows["inst"] != inst) | (rows["kind"] != LOB) | (arrival >= begin)
            if wanted.all():
                yield RowChunk(rows, arrival)
            elif wanted.any():
                yield RowChunk(rows[wanted], arrival[wanted])
