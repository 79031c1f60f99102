"""Merge hundreds of streams by ``arrival``: a window of places at a time, put together in one go.

Rules
-----
1. The order is that of `merge_streams`: by arrival, what two streams hold comes out once.
2. A stream is opened when the window reaches its first arrival, and has rows in hand beyond the
   window or is at its end. What it costs does not grow with the number of streams but for two
   looks at each of them a window.
3. A window spans more places where most of them are left out, so that blocks do not get small.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb import jit
from extrema_nb.events import EVENT, EventArray
from replay.sources.merge import Chunk, FrameChunk, Progress, RowChunk, RowStream

__all__ = ["gather_streams"]

Ints = npt.NDArray[np.int64]

ROWS = 1 << 16  # of a block, about: 4 MB stay in a core's cache
FIRST = 1 << 12  # places of the first window: the first rows come before all files are open
MOST = 1 << 20  # places of the widest window
WORDS = 8


@jit.kernel
def first_place(segments: Any) -> Any:
    """Return the least arrival in hand.

    Parameters
    ----------
    segments : (s, 4) int64: address of EVENT rows, address of their arrivals, the first of them
        that was not given, how many they are
    """
    least = (1 << 62) - 1
    for s in range(segments.shape[0]):
        arrival = jit.view_at(segments[s, 1], segments[s, 3], np.int64)
        least = min(least, arrival[segments[s, 2]])
    return least


@jit.kernel
def find_ends(segments: Any, limit: Any, ends: Any) -> Any:
    """Find where each segment passes `limit`; return how many rows come before.

    Parameters
    ----------
    segments : as `first_place` has them
    ends : (s,) int64, **written**
    """
    total = 0
    for s in range(segments.shape[0]):
        arrival = jit.view_at(segments[s, 1], segments[s, 3], np.int64)
        low, high = segments[s, 2], segments[s, 3]
        while low < high:
            middle = (low + high) // 2
            if arrival[middle] <= limit:
                low = middle + 1
            else:
                high = middle
        ends[s] = low
        total += low - segments[s, 2]
    return total


@jit.kernel
def put_together(segments: Any, ends: Any, low: Any, rank: Any, out: Any) -> Any:
    """Write the rows of all segments up to their ends by arrival; return how many.

    Parameters
    ----------
    segments, ends : as `find_ends` has them; the firsts are **written**
    low : the place of the window
    rank : (span,) int64, **written**, zeros; without any, each place of the window has one row
    out : (n, 8) int64, **written**
    """
    total = out.shape[0]
    if rank.size > 0:
        for s in range(segments.shape[0]):
            arrival = jit.view_at(segments[s, 1], segments[s, 3], np.int64)
            for k in range(segments[s, 2], ends[s]):
                rank[arrival[k] - low] = 1
        total = 0
        for place in range(rank.size):
            here = rank[place]
            rank[place] = total
            total += here
    for s in range(segments.shape[0]):
        begin, end = segments[s, 2], ends[s]
        if begin < end:
            arrival = jit.view_at(segments[s, 1], segments[s, 3], np.int64)
            rows = jit.view_at(segments[s, 0], (segments[s, 3], WORDS), np.int64)
            for k in range(begin, end):
                place = arrival[k] - low
                if rank.size > 0:
                    place = rank[place]
                for w in range(WORDS):
                    out[place, w] = rows[k, w]
            segments[s, 2] = end
    return total


class _Line:
    """A stream that has been opened."""

    def __init__(self, stream: RowStream) -> None:
        self._chunks = stream.chunks()
        self.last = -1  # arrival of the last row in hand; beyond all places at the end

    def load(self) -> RowChunk | None:
        """Return the next rows."""
        chunk = next(self._chunks, None)
        if chunk is None:
            self.last = 1 << 62
            return None
        rows = _as_rows(chunk)
        self.last = int(rows.arrival[-1])
        return rows


def _as_rows(chunk: Chunk) -> RowChunk:
    if isinstance(chunk, RowChunk):
        return RowChunk(np.ascontiguousarray(chunk.rows), np.ascontiguousarray(chunk.arrival))
    if isinstance(chunk, FrameChunk):
        n = chunk.arrival.size
        rows = np.empty(n, EVENT)
        chunk.put(0, n, rows, np.arange(n))
        return RowChunk(rows, np.ascontiguousarray(chunk.arrival))
    raise TypeError(f"{type(chunk).__name__} is no chunk of rows or columns")


class _Hand:
    """The rows in hand: their memory, and where they lie for kernels."""

    def __init__(self) -> None:
        self.chunks: list[RowChunk] = []
        self.segments: Ints = np.zeros((0, 4), np.int64)

    def add(self, chunks: list[RowChunk]) -> None:
        """Take more rows."""
        if chunks:
            self.chunks += chunks
            more = [(c.rows.ctypes.data, c.arrival.ctypes.data, 0, c.arrival.size) for c in chunks]
            self.segments = np.concatenate([self.segments, np.array(more, np.int64)])

    def drop(self) -> None:
        """Let go what was given."""
        live = self.segments[:, 2] < self.segments[:, 3]
        if not live.all():
            self.segments = self.segments[live]
            self.chunks = [c for c, stays in zip(self.chunks, live.tolist(), strict=True) if stays]


def gather_streams(
    streams: Sequence[RowStream], *, unique: bool = False, progress: Progress | None = None
) -> Iterator[EventArray]:
    """Yield blocks of rows in order of arrival, as `merge_streams` does for few streams.

    Parameters
    ----------
    unique : promises that no two streams hold the same arrival
    progress : is told how far each block goes before it is yielded
    """
    waiting = sorted(streams, key=lambda s: s.first_arrival, reverse=True)
    lines: list[_Line] = []
    hand, span = _Hand(), FIRST
    while waiting or lines or len(hand.segments):
        low = int(first_place(hand.segments))
        if waiting:
            low = min(low, waiting[-1].first_arrival)
        limit = low + span - 1
        while waiting and waiting[-1].first_arrival <= limit:
            lines.append(_Line(waiting.pop()))
        lines = _load(lines, hand, limit)
        ends = np.empty(len(hand.segments), np.int64)
        count = int(find_ends(hand.segments, limit, ends))
        if count > 2 * ROWS and span > ROWS:
            span = ROWS
            continue
        block = _block(hand, ends, low, count, whole=unique and count == span, span=span)
        if progress is not None:
            progress.upto = limit
        if count:
            yield block
        if count < ROWS // 4 and span < MOST:
            span *= 2
        elif count > ROWS:
            span //= 2


def _load(lines: list[_Line], hand: _Hand, limit: int) -> list[_Line]:
    """Read on in the lines that have nothing beyond `limit` in hand; return those not at an end."""
    new = []
    for line in lines:
        while line.last <= limit:
            chunk = line.load()
            if chunk is not None:
                new.append(chunk)
    hand.add(new)
    return [line for line in lines if line.last < 1 << 62]


def _block(hand: _Hand, ends: Ints, low: int, count: int, *, whole: bool, span: int) -> EventArray:
    """Return the rows up to `ends`; they are no longer in hand."""
    out = np.empty(count, EVENT)
    rank = np.zeros(0 if whole else span, np.int64)
    n = put_together(hand.segments, ends, low, rank, out.view(np.int64).reshape(-1, WORDS))
    hand.drop()
    return out[:n]
