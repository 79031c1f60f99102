"""Merge streams of rows by ``ts_recv``, with bounded memory, whatever the size of their blocks.

Rules
-----
1. Within a stream rows keep their order; rows of equal time come stream by stream.
2. A stream holds one block; it is started when the merge begins (to know its first time), dropped
   at once if that is far off, and started again when it is due, so that a year of files costs no
   more memory than those that overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from extrema_nb import jit
from extrema_nb.events import EventArray, empty_events

__all__ = ["TimedStream", "cut", "merge_by_time", "never_falls"]


@jit.kernel
def never_falls(words: Any, now: Any) -> Any:
    """Return whether ``ts_recv`` of (n, 8) int64, rows as words, rises or stays from `now` on."""
    for i in range(words.shape[0]):
        if words[i, 1] < now:
            return False
        now = words[i, 1]
    return True


class TimedStream:
    """A source of blocks in order of ``ts_recv`` that can be started anew."""

    def __init__(self, start: Callable[[], Iterator[EventArray]], first: int | None = None) -> None:
        self._start = start
        self._first = first
        self._blocks: Iterator[EventArray] | None = None
        self.rows: EventArray = empty_events(0)  # the block in hand, what is left of it
        self.ended = False

    def first(self) -> int | None:
        """Return the first time, None for a stream without rows."""
        if self._first is None:
            block = next(self._start(), None)
            if block is None:
                self.ended = True
                return None
            self._first = int(block["ts_recv"][0])
        return self._first

    def load(self) -> bool:
        """Put the next block behind what is left; return False at the end."""
        if self._blocks is None:
            self._blocks = self._start()
        block = next(self._blocks, None)
        if block is None:
            self.ended = True
            return False
        self.rows = block if not self.rows.size else np.concatenate([self.rows, block])
        return True

    def take(self, before: int | None) -> EventArray:
        """Return what is in hand of times before `before`, all of it for None."""
        if before is None:
            out, self.rows = self.rows, self.rows[:0]
            return out
        at = int(np.searchsorted(self.rows["ts_recv"], before))
        out, self.rows = self.rows[:at], self.rows[at:]
        return out


def merge_by_time(streams: Sequence[TimedStream]) -> Iterator[EventArray]:
    """Yield blocks of all streams in order of ``ts_recv``; they are never empty."""
    if len(streams) == 1:
        while streams[0].load():
            yield streams[0].take(None)
        return
    due = [
        (first, at) for at, stream in enumerate(streams) if (first := stream.first()) is not None
    ]
    waiting = sorted(due, reverse=True)
    heads: list[int] = []  # places of the streams that are being read, in their order
    while heads or waiting:
        if not heads:
            heads = [waiting.pop()[1]]
        # all that is older than what any stream may still bring is complete
        for at in heads:
            stream = streams[at]
            while not stream.ended and (
                not stream.rows.size or stream.rows["ts_recv"][0] == stream.rows["ts_recv"][-1]
            ):
                stream.load()
        open_ends = [int(streams[at].rows["ts_recv"][-1]) for at in heads if not streams[at].ended]
        limit = min(open_ends, default=None)
        if waiting and (limit is None or waiting[-1][0] <= limit):
            limit = waiting[-1][0] if limit is None else min(limit, waiting[-1][0])
            if any(
                streams[at].rows.size and streams[at].rows["ts_recv"][0] < limit for at in heads
            ):
                pieces = [streams[at].take(limit) for at in heads]
            else:
                pieces = []
                heads = sorted([*heads, waiting.pop()[1]])
        else:
            pieces = [streams[at].take(limit) for at in heads]
        heads = [at for at in heads if streams[at].rows.size or not streams[at].ended]
        pieces = [piece for piece in pieces if piece.size]
        if pieces:
            yield _in_order(pieces)


def _in_order(pieces: list[EventArray]) -> EventArray:
    if len(pieces) == 1:
        return pieces[0]
    rows = np.concatenate(pieces)
    return rows[np.argsort(rows["ts_recv"], kind="stable")]


def cut(blocks: Iterator[EventArray], batch_rows: int) -> Iterator[EventArray]:
    """Yield the rows of `blocks` in batches of at most `batch_rows`."""
    for block in blocks:
        for at in range(0, len(block), batch_rows):
            yield block[at : at + batch_rows]
