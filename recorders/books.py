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
4. Rows are followed in compiled code (`recorders.levels`): no work a message in Python.
"""

from __future__ import annotations

import numpy as np

from extrema_nb.events import BUY, LOB_LEVEL, SELL, EventArray, EventKind, Flag, empty_events
from extrema_nb.instruments import InstrumentTable
from recorders.levels import Levels

__all__ = ["Books"]


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
        self._levels = Levels()
        self._due: dict[int, int] = {}  # instrument -> µs of its next snapshot
        self.taken = 0  # snapshots given

    def feed(self, rows: EventArray) -> None:
        """Take the next rows of the recording."""
        if not self._every_us:
            return
        if len(self._levels.books) != len(self._table):
            self._levels.extend([spec.lot_size / 2 for spec in self._table])
        self._levels.apply(rows)

    def snapshots(self, now: int) -> EventArray:
        """Return the snapshots that are due at `now` µs, the time of the last row."""
        if not self._every_us:
            return empty_events(0)
        out = [empty_events(0)]
        for inst in np.flatnonzero(self._levels.books["begun"]).tolist():
            due = self._due.get(inst)
            if due is None:  # spread over the interval, so that not all come at once
                due = self._due[inst] = now + int(self._every_us * (1 + inst * 0.618034 % 1) / 2)
            if now >= due:
                self._due[inst] = now + self._every_us
                out.append(self._snapshot(inst, now))
        return np.concatenate(out)

    def _snapshot(self, inst: int, now: int) -> EventArray:
        known, qty = self._levels.of(inst)
        asks = int(np.searchsorted(known, 0))  # keys of asks are below 0, the best comes last
        keys = np.concatenate([known[asks:][::-1], known[:asks][::-1]])
        bids = keys.size - asks
        price = np.abs(keys).view(np.float64)
        if not (asks and bids) or price[0] >= price[bids]:
            return empty_events(0)
        out = empty_events(int(keys.size))
        level = out.view(LOB_LEVEL)
        level["price"], level["qty"] = (
            price,
            np.concatenate([qty[asks:][::-1], qty[:asks][::-1]]),
        )
        level["side"][:bids], level["side"][bids:] = BUY, SELL
        level["kind"], level["inst"], level["ts_recv"] = EventKind.LOB, inst, now
        book = self._levels.books[inst]
        level["seq"], level["ts_event"] = book["seq"], book["ts_event"]
        level["first_seq"] = level["prev_seq"] = -1
        level["flags"] = Flag.SNAPSHOT | Flag.SYNTHETIC
        level["flags"][0] |= Flag.START
        level["flags"][-1] |= Flag.LAST
        self.taken += 1
        return out
