"""Books as the recorder sees them, for periodic snapshots from which a replay can start anywhere.

Rules
-----
1. A book begins with a snapshot of the venue and is whole until something is in doubt: a row
   flagged STALE, a STATUS row STALE or GAP of its instrument, rows that the recorder lost. Then it
   waits for the next snapshot.
2. What `snapshots` gives is the book after all rows seen: SNAPSHOT and SYNTHETIC, the first row
   START, bids from the best down, then asks from the best up, under the sequence number of the last
   message. A reader whose book has begun leaves it out and misses nothing.
3. Crossed books and books of PARTIAL snapshots, which start anew all the time, get none.
4. Rows wait and are folded into the book many at a time: no work a message.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from extrema_nb.events import (
    BUY,
    LOB_LEVEL,
    SELL,
    STATUS,
    EventArray,
    EventKind,
    Flag,
    StatusCode,
    empty_events,
)
from extrema_nb.instruments import InstrumentTable

__all__ = ["Books"]

FOLD_ROWS = 1024  # rows that wait before they are folded in, or half as many as there are levels
DOUBT = (StatusCode.STALE, StatusCode.GAP, StatusCode.CROSSED)
LOST = (StatusCode.LAGGED, StatusCode.DISCONNECTED)


class _Book:
    """One book: its levels, and rows that are not yet among them."""

    def __init__(self, half_lot: float) -> None:
        self.begun = False
        self.levels = empty_events(0)  # LOB rows, one a side and price
        self.waiting: list[EventArray] = []
        self.count = 0  # rows in it
        self.due = -1  # µs of the next snapshot; -1: not yet known
        self._half_lot = half_lot

    def fold(self) -> None:
        """Put the rows that wait into the book."""
        if not self.waiting:
            return
        rows = np.concatenate([self.levels, *self.waiting])
        self.waiting, self.count = [], 0
        view = rows.view(LOB_LEVEL)
        side, price = view["side"], view["price"]
        order = np.lexsort((price, side))  # stable: the newest of a level comes last
        side, price = side[order], price[order]
        last = np.ones(rows.size, np.bool_)
        last[:-1] = (side[1:] != side[:-1]) | (price[1:] != price[:-1])
        newest = rows[order[last]]
        found = newest.view(LOB_LEVEL)
        self.levels = newest[(found["side"] != 0) & (found["qty"] >= self._half_lot)]

    def restart(self, *, begun: bool) -> None:
        """Forget everything."""
        self.begun, self.waiting, self.count, self.levels = begun, [], 0, empty_events(0)

    def add(self, rows: EventArray) -> None:
        """Take rows; the array may be used anew by the caller."""
        self.waiting.append(rows.copy())
        self.count += int(rows.size)
        if self.count >= max(FOLD_ROWS, self.levels.size // 2):
            self.fold()


class Books:
    """The books of a recording.

    Parameters
    ----------
    table : instruments; it may grow
    every_s : s between snapshots of a book; 0 for none
    """

    def __init__(self, table: InstrumentTable, every_s: float) -> None:
        self._table = table
        self._every_us = int(every_s * 1e6)
        self._books: dict[int, _Book] = {}
        self._seq: dict[int, tuple[int, int]] = {}  # instrument -> seq, ts_event of its last row
        self.taken = 0  # snapshots given

    def feed(self, rows: EventArray) -> None:
        """Take the next rows of the recording, whole messages."""
        if not self._every_us:
            return
        status = np.flatnonzero(rows["kind"] == EventKind.STATUS)
        at = 0
        for i in status.tolist():
            row = rows[i : i + 1].view(STATUS)
            code, inst = int(row["code"][0]), int(row["inst"][0])
            if code in DOUBT and inst >= 0:
                self._levels(rows[at:i])
                self._doubt([inst])
                at = i
            elif code in DOUBT or code in LOST:
                self._levels(rows[at:i])
                # a connection that ends says STALE for each of its books itself
                self._doubt([] if code == StatusCode.DISCONNECTED else list(self._books))
                at = i
        self._levels(rows[at:])

    def _doubt(self, insts: list[int]) -> None:
        for inst in insts:
            book = self._books.get(inst)
            if book is not None:
                book.restart(begun=False)

    def _levels(self, rows: EventArray) -> None:
        lob = rows[rows["kind"] == EventKind.LOB]
        if lob.size == 0:
            return
        order = np.argsort(lob["inst"], kind="stable")
        lob = lob[order]
        for part in np.split(lob, np.flatnonzero(np.diff(lob["inst"])) + 1):
            self._one(int(part["inst"][0]), part)

    def _one(self, inst: int, rows: EventArray) -> None:
        flags = rows["flags"]
        start = np.flatnonzero((flags & (Flag.START | Flag.PARTIAL)) == Flag.START)
        stale = np.flatnonzero(flags & (Flag.STALE | Flag.PARTIAL))
        begin = int(start[-1]) if start.size else -1
        doubt = int(stale[-1]) if stale.size else -1
        book = self._books.get(inst)
        if book is None:
            book = self._books[inst] = _Book(self._table[inst].lot_size / 2)
        if begin >= 0:
            book.restart(begun=True)
            rows = rows[begin:]
        if doubt > begin:
            self._doubt([inst])
            return
        if book.begun:
            book.add(rows)
            last = rows[-1:].view(LOB_LEVEL)
            self._seq[inst] = int(last["seq"][0]), int(last["ts_event"][0])

    def snapshots(self, now: int) -> EventArray:
        """Return the snapshots that are due at `now` µs, the time of the last row."""
        if not self._every_us:
            return empty_events(0)
        out = [empty_events(0)]
        for inst, book in self._books.items():
            if not book.begun:
                continue
            if book.due < 0:  # spread over the interval, so that not all come at once
                book.due = now + int(self._every_us * (1 + inst * 0.618034 % 1) / 2)
            if now >= book.due:
                book.due = now + self._every_us
                out.append(self._snapshot(inst, book, now))
        return np.concatenate(out)

    def _snapshot(self, inst: int, book: _Book, now: int) -> EventArray:
        book.fold()
        view = book.levels.view(LOB_LEVEL)
        bids = book.levels[view["side"] == BUY][::-1]  # sorted by price, rising
        asks = book.levels[view["side"] == SELL]
        if not (bids.size and asks.size) or _price(bids) >= _price(asks):
            return empty_events(0)
        out = np.concatenate([bids, asks])
        level = out.view(LOB_LEVEL)
        level["seq"], level["ts_event"] = self._seq[inst]
        level["first_seq"] = level["prev_seq"] = -1
        level["ts_recv"] = now
        level["flags"] = Flag.SNAPSHOT | Flag.SYNTHETIC
        level["flags"][0] |= Flag.START
        level["flags"][-1] |= Flag.LAST
        self.taken += 1
        return out


def _price(rows: EventArray) -> float:
    prices: npt.NDArray[np.float64] = rows[:1].view(LOB_LEVEL)["price"]
    return float(prices[0])
