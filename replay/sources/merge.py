"""Merge streams of rows into one by ``arrival``, with bounded memory.

Rules
-----
1. A stream gives chunks; arrivals rise within it. It is opened only when the merge reaches its
   first arrival, so that a year of files costs no more memory than a day.
2. Two streams that both hold an arrival hold the same row (a log that is just being rolled into
   Parquet): it comes out once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from extrema_nb.events import EVENT, EventArray, EventKind
from extrema_nb.store import ARRIVAL, FrameRows, put_rows

__all__ = ["Chunk", "FrameChunk", "Progress", "RowChunk", "RowStream", "merge_streams"]

Arrivals = npt.NDArray[np.int64]

WINDOW = 1 << 16  # arrivals that are put together at once: 4 MB of rows stay in the cores' caches
ROWS_A_HEAD = 2048  # of them for each stream: fewer cost more in calls than in rows
DENSE = 4  # arrivals span less than this many places a row: rank by marking instead of sorting


class Chunk(Protocol):
    """Some rows of a stream, not yet made."""

    arrival: Arrivals  # (n,) int64, rising, n > 0

    def put(self, low: int, high: int, out: EventArray, at: Arrivals) -> None:
        """Write the rows `low` up to `high` to the places `at` of `out`."""
        ...


class RowChunk:
    """Rows that are rows already."""

    def __init__(self, rows: EventArray, arrival: Arrivals) -> None:
        self.rows = rows
        self.arrival = arrival

    def put(self, low: int, high: int, out: EventArray, at: Arrivals) -> None:
        """Write the rows `low` up to `high` to the places `at` of `out`."""
        put_rows(self.rows[low:high], out, at)


class FrameChunk:
    """Rows that are still columns."""

    def __init__(self, frame: pl.DataFrame, kind: EventKind, inst: int) -> None:
        self.arrival = frame[ARRIVAL].to_numpy()
        self._rows = FrameRows(frame, kind, inst)

    def put(self, low: int, high: int, out: EventArray, at: Arrivals) -> None:
        """Write the rows `low` up to `high` to the places `at` of `out`."""
        self._rows.put(low, high, out, at)


class RowStream(Protocol):
    """Rows in order of arrival."""

    first_arrival: int

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows, a chunk at a time."""
        ...


class _Head:
    """The chunk of a stream that is being consumed."""

    def __init__(self, stream: RowStream) -> None:
        self._chunks = stream.chunks()
        self.chunk: Chunk | None = None
        self.low = 0  # first row that was not taken
        self.load()

    def load(self) -> bool:
        """Take the next chunk; return False when there is none."""
        self.low = 0
        self.chunk = next(self._chunks, None)
        return self.chunk is not None

    def first(self) -> int:
        """Return the first arrival that was not taken."""
        return int(self.chunk.arrival[self.low]) if self.chunk else -1

    def last(self) -> int:
        """Return the last arrival of the chunk."""
        return int(self.chunk.arrival[-1]) if self.chunk else -1

    def count(self, limit: int) -> int:
        """Return how many rows of the chunk arrived up to `limit` and were not taken."""
        if self.chunk is None:
            return 0
        return int(np.searchsorted(self.chunk.arrival, limit, side="right")) - self.low

    def take(self, limit: int) -> Iterator[_Piece]:
        """Yield what arrived up to `limit`; it is not given again. A head at its end has no chunk."""
        while self.chunk is not None:
            low = self.low
            self.low = int(np.searchsorted(self.chunk.arrival, limit, side="right"))
            if self.low > low:
                yield _Piece(self.chunk, low, self.low)
            if self.low < self.chunk.arrival.size or not self.load():
                return


class _Piece(NamedTuple):
    chunk: Chunk
    low: int
    high: int

    @property
    def arrival(self) -> Arrivals:
        return self.chunk.arrival[self.low : self.high]


class Progress:
    """How far a merge has come: all rows that arrived up to `upto` were given."""

    upto = -1


def merge_streams(
    streams: Sequence[RowStream], *, unique: bool = False, progress: Progress | None = None
) -> Iterator[EventArray]:
    """Yield blocks of rows in order of arrival; their size is what the streams' chunks give.

    Parameters
    ----------
    unique : promises that no two streams hold the same arrival; it saves a tenth of the time
    progress : is told how far each block goes before it is yielded
    """
    waiting = sorted(streams, key=lambda s: s.first_arrival, reverse=True)
    heads: list[_Head] = []
    while waiting or heads:
        low = heads[0].first() if heads else waiting[-1].first_arrival
        for head in heads:
            low = min(low, head.first())
        if waiting and waiting[-1].first_arrival < low + WINDOW:
            heads += _opened(waiting, low + WINDOW - 1)
            continue
        # to the end of a chunk, but no more than a window; with many streams some rows of each
        limit = min(head.last() for head in heads)
        if limit >= low + WINDOW and sum(head.count(limit) for head in heads) > WINDOW:
            limit = low + WINDOW - 1
        limit = max(limit, low + min(len(heads) * ROWS_A_HEAD, WINDOW) - 1)
        if waiting:
            limit = min(limit, waiting[-1].first_arrival - 1)
        pieces = [piece for head in heads for piece in head.take(limit)]
        heads = [head for head in heads if head.chunk is not None]
        if progress is not None:
            progress.upto = limit
        if pieces:
            yield _interleave(pieces, unique=unique)


def _opened(waiting: list[RowStream], limit: int) -> list[_Head]:
    """Open the streams that begin up to `limit`; those without rows are dropped."""
    out = []
    while waiting and waiting[-1].first_arrival <= limit:
        head = _Head(waiting.pop())
        if head.chunk is not None:
            out.append(head)
    return out


def _interleave(pieces: list[_Piece], *, unique: bool) -> EventArray:
    """Return the rows of all pieces in order of arrival, each arrival once."""
    if len(pieces) == 1:
        places = [np.arange(pieces[0].arrival.size)]
        total = pieces[0].arrival.size
    else:
        places, total = _rank([piece.arrival for piece in pieces], unique=unique)
    out = np.empty(total, EVENT)
    for piece, at in zip(pieces, places, strict=True):
        piece.chunk.put(piece.low, piece.high, out, at)
    return out


def _rank(arrivals: list[Arrivals], *, unique: bool) -> tuple[list[Arrivals], int]:
    """Return the place of each arrival among all, and how many different ones there are."""
    low = min(int(arrival[0]) for arrival in arrivals)
    high = max(int(arrival[-1]) for arrival in arrivals)
    count = sum(arrival.size for arrival in arrivals)
    if unique and high - low + 1 == count:  # nothing is left out: a row's place is its rank
        return [arrival - low for arrival in arrivals], count
    if high - low < DENSE * count:
        rank = np.zeros(high - low + 1, np.int64)
        for arrival in arrivals:
            rank[arrival - low] = 1
        np.cumsum(rank, out=rank)
        return [rank[arrival - low] - 1 for arrival in arrivals], int(rank[-1])
    known = np.unique(np.concatenate(arrivals))
    return [np.searchsorted(known, arrival) for arrival in arrivals], known.size
