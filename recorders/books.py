"""Books as the recorder sees them, for periodic snapshots from which a replay can start anywhere.

Rules
-----
1. A book begins with a snapshot of the venue and is whole until something is in doubt: a row
   flagged STALE, a STATUS row STALE or GAP of its instrument, rows that the recorder lost. Then it
   waits for the next snapshot. What concerns no instrument (a connection that ended, a frame that
   could not be read) is told again of each book that it harmed.
2. What `snapshots` gives is the book after all rows seen: SNAPSHOT and SYNTHETIC, the first row
   START, bids from the best down, then asks from the best up, under the sequence number of the last
   message. A reader whose book has begun leaves it out and misses nothing.
3. Crossed books, books with prices that are not above 0, and books of PARTIAL snapshots, which
   start anew all the time, get none.
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

FOLD_ROWS = 8192  # rows that wait before they are folded in, or as many as there are levels
DOUBT = (StatusCode.STALE, StatusCode.GAP, StatusCode.CROSSED)


Keys = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class _Book:
    """One book: its levels, and changes that are not yet among them.

    A level is known by its key: the bits of its price, which rise with it, times its side.
    """

    def __init__(self, half_lot: float) -> None:
        self.begun = False
        self.keys: Keys = np.zeros(0, np.int64)
        self.qty: Floats = np.zeros(0)
        self.waiting: list[tuple[Keys, Floats]] = []
        self.count = 0  # changes in it
        self.due = -1  # µs of the next snapshot; -1: not yet known
        self._half_lot = half_lot

    def fold(self) -> None:
        """Put the changes that wait into the book."""
        if not self.waiting:
            return
        keys = np.concatenate([self.keys, *(keys for keys, _ in self.waiting)])
        qty = np.concatenate([self.qty, *(qty for _, qty in self.waiting)])
        self.waiting, self.count = [], 0
        order = np.argsort(keys, kind="stable")  # the newest of a level comes last
        keys = keys[order]
        last = np.ones(keys.size, np.bool_)
        last[:-1] = keys[1:] != keys[:-1]
        keys, qty = keys[last], qty[order[last]]
        there = (keys != 0) & (qty >= self._half_lot)
        self.keys, self.qty = keys[there], qty[there]

    def restart(self, *, begun: bool) -> None:
        """Forget everything."""
        self.begun, self.waiting, self.count = begun, [], 0
        self.keys, self.qty = self.keys[:0], self.qty[:0]

    def add(self, rows: EventArray) -> None:
        """Take LOB rows; the array may be used anew by the caller."""
        view = rows.view(LOB_LEVEL)
        if ((view["price"] <= 0.0) & (view["side"] != 0)).any():
            self.restart(begun=False)  # of a spread, say; its keys would not be in order
            return
        for at in range(0, int(rows.size), FOLD_ROWS):
            part = view[at : at + FOLD_ROWS]
            keys = np.ascontiguousarray(part["price"]).view(np.int64) * part["side"]
            self.waiting.append((keys, part["qty"].copy()))
            self.count += int(part.size)
            if self.count >= max(FOLD_ROWS, self.keys.size):
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
            elif code == StatusCode.LAGGED:
                self._levels(rows[at:i])
                self._doubt(list(self._books))
                at = i
        self._levels(rows[at:])

    def _doubt(self, insts: list[int]) -> None:
        for inst in insts:
            book = self._books.get(inst)
            if book is not None:
                book.restart(begun=False)

    def _levels(self, rows: EventArray) -> None:
        lob = rows["kind"] == EventKind.LOB
        if not lob.any():
            return
        if not lob.all():
            rows = rows[lob]
        insts = rows["inst"]
        if insts[0] == insts[-1] and (insts == insts[0]).all():
            self._one(int(insts[0]), rows)
            return
        order = np.argsort(insts, kind="stable")
        for places in np.split(order, np.flatnonzero(np.diff(insts[order])) + 1):
            self._one(int(insts[places[0]]), rows[places])

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
        asks = int(np.searchsorted(book.keys, 0))  # keys of asks are below 0, the best comes last
        keys = np.concatenate([book.keys[asks:][::-1], book.keys[:asks][::-1]])
        bids = keys.size - asks
        price = np.abs(keys).view(np.float64)
        if not (asks and bids) or price[0] >= price[bids]:
            return empty_events(0)
        out = empty_events(int(keys.size))
        level = out.view(LOB_LEVEL)
        level["price"], level["qty"] = (
            price,
            np.concatenate([book.qty[asks:][::-1], book.qty[:asks][::-1]]),
        )
        level["side"][:bids], level["side"][bids:] = BUY, SELL
        level["kind"], level["inst"], level["ts_recv"] = EventKind.LOB, inst, now
        level["seq"], level["ts_event"] = self._seq[inst]
        level["first_seq"] = level["prev_seq"] = -1
        level["flags"] = Flag.SNAPSHOT | Flag.SYNTHETIC
        level["flags"][0] |= Flag.START
        level["flags"][-1] |= Flag.LAST
        self.taken += 1
        return out
