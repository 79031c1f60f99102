"""A book in dictionaries: the plainest thing that published rows can be held against."""

from __future__ import annotations

import heapq
import math

import numpy as np

from extrema_nb.events import LOB_LEVEL, EventArray, EventKind, Flag

__all__ = ["Book", "messages_of", "published"]

START, PARTIAL, LAST, STALE = int(Flag.START), int(Flag.PARTIAL), int(Flag.LAST), int(Flag.STALE)
PRICE, QTY, SEQ = 6, 7, 8  # places in a LOB row as a tuple
SIDE, FLAGS = 4, 5


class Book:
    """Levels as they were sent, float by float.

    `digest` is a number that two books share when they hold the same levels.
    """

    def __init__(self) -> None:
        self.sides: dict[int, dict[float, float]] = {1: {}, -1: {}}
        self._heaps: dict[int, list[float]] = {1: [], -1: []}  # -side * price, lazily cleaned
        self.digest = 0
        self.seq = -1

    def clear(self) -> None:
        """Forget everything."""
        self.sides = {1: {}, -1: {}}
        self._heaps = {1: [], -1: []}
        self.digest = 0

    def set(self, side: int, price: float, qty: float) -> None:
        """Set a level; 0 removes it."""
        levels = self.sides[side]
        before = levels.pop(price, None)
        if before is not None:
            self.digest ^= hash((side, price, before))
        if qty > 0:
            levels[price] = qty
            self.digest ^= hash((side, price, qty))
            if before is None:
                heapq.heappush(self._heaps[side], -side * price)

    def apply(self, rows: EventArray) -> None:
        """Apply the LOB rows of one message."""
        listed = rows.view(LOB_LEVEL).tolist()
        if listed[0][FLAGS] & START:
            if listed[0][FLAGS] & PARTIAL:
                self._clear_range(listed)
            else:
                self.clear()
        for row in listed:
            if row[SIDE]:
                self.set(row[SIDE], row[PRICE], row[QTY])
        self.seq = listed[-1][SEQ]

    def _clear_range(self, listed: list[tuple[float, ...]]) -> None:
        for side in (1, -1):
            reach = [side * row[PRICE] for row in listed if row[SIDE] == side]
            for price in [p for p in self.sides[side] if reach and side * p >= min(reach)]:
                self.set(side, price, 0.0)

    def best(self, side: int) -> tuple[float, float]:
        """Return (price, qty) of the best level, (NaN, 0) where there is none."""
        heap, levels = self._heaps[side], self.sides[side]
        while heap:
            price = -side * heap[0]
            if price in levels:
                return price, levels[price]
            heapq.heappop(heap)
        return math.nan, 0.0

    def crossed(self) -> bool:
        """Say whether a bid stands at or above an ask."""
        return self.best(1)[0] >= self.best(-1)[0]

    def within(self, side: int, low: float, high: float) -> dict[float, float]:
        """Return the levels of a side between two prices, both included."""
        return {p: q for p, q in self.sides[side].items() if low <= p <= high}


def messages_of(rows: EventArray) -> list[EventArray]:
    """Return the messages in `rows`, each ended by a row that is flagged LAST."""
    flags = rows["flags"]
    ends = np.flatnonzero(flags & LAST) + 1
    if len(ends) == 1 and ends[0] == len(rows):
        return [rows]
    return np.split(rows, ends)[: len(ends)]


def published(rows: EventArray) -> tuple[list[EventArray], list[EventArray]]:
    """Return (book messages that may be trusted, STATUS rows) among what a sync returned."""
    books, statuses = [], []
    for message in messages_of(rows):
        if message["kind"][0] == EventKind.STATUS:
            statuses.append(message)
        elif message["kind"][0] == EventKind.LOB and not message["flags"][0] & STALE:
            books.append(message)
    return books, statuses
