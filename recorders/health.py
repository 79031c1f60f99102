"""How late rows come and how a venue's clock goes, as rows of the recording.

Rules
-----
1. Every `every_s` a venue that sent something gets a STATUS row LAG: `found` is the median of
   ``ts_recv - ts_event``, `expected` the greatest, `count` the rows that were looked at.
2. Where the venue's clock cannot be asked for, a row CLOCK follows: `found` is what its clock is
   ahead of ours at least, were the quickest row no time on its way.
3. Rows that the venue did not stamp just now (snapshots, our own) say nothing about either.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from extrema_nb.events import EventArray, EventKind, Flag, StatusCode, empty_events, status_row
from extrema_nb.instruments import InstrumentTable
from extrema_nb.jit import kernel, view_at

__all__ = ["Health", "look"]

Ints = npt.NDArray[np.int64]

MADE = int(Flag.SNAPSHOT | Flag.SYNTHETIC)
STAMPED = (EventKind.TRADE, EventKind.BBO, EventKind.LOB)
KEEP = 8_192  # lags kept a venue and interval; beyond it every second one
TS_EVENT, TS_RECV, HEAD, WORDS = 0, 1, 2, 8  # words of a row: head is inst, kind, side and flags
SEEN, LEAST, MOST, KEPT, EVERY, NEXT, TALLY = 0, 1, 2, 3, 4, 5, 8  # words of a tally
TRADE, BBO, LOB = (int(kind) for kind in STAMPED)


@kernel
def look(rows: int, n: int, of: int, instruments: int, tallies: int, lags: int, keep: int) -> None:
    """Note how late rows came.

    Parameters
    ----------
    rows : address of `n` EVENT rows
    of : address of the place of the venue of each instrument
    tallies : address of what is known of each venue, **written**
    lags : address of `keep` lags of each venue, **written**
    """
    words, places = view_at(rows, (n, WORDS), np.int64), view_at(of, instruments, np.int64)
    for i in range(n):
        head = words[i, HEAD]
        kind, inst = head << 24 >> 56, head << 32 >> 32
        if kind not in (TRADE, BBO, LOB) or (head >> 48) & MADE:
            continue
        if inst < 0 or inst >= instruments:
            continue
        venue = int(places[inst])
        tally = view_at(tallies + 8 * TALLY * venue, TALLY, np.int64)
        lag = words[i, TS_RECV] - words[i, TS_EVENT]
        tally[LEAST] = lag if tally[SEEN] == 0 else min(tally[LEAST], lag)
        tally[MOST] = lag if tally[SEEN] == 0 else max(tally[MOST], lag)
        if tally[SEEN] == tally[NEXT]:  # a division a row would take as long as all the rest
            kept = view_at(lags + 8 * keep * venue, keep, np.int64)
            if tally[KEPT] == keep:
                for place in range(keep // 2):
                    kept[place] = kept[2 * place]
                tally[KEPT], tally[EVERY] = keep // 2, 2 * tally[EVERY]
            kept[tally[KEPT]] = lag
            tally[KEPT] += 1
            tally[NEXT] += tally[EVERY]
        tally[SEEN] += 1


class Health:
    """Watches the rows of a recording.

    Parameters
    ----------
    table : instruments, which say the venue of a row
    tasks : task id -> venue; rows of a venue are told under its task
    every_s : s between rows; 0 for none
    asked : venues whose clock is asked for, see `recorders.clocks`
    """

    def __init__(
        self, table: InstrumentTable, tasks: Mapping[int, str], every_s: float,
        asked: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        self._table = table
        self._task = {venue: task for task, venue in tasks.items()}
        self._every_us = int(every_s * 1e6)
        self._asked = asked
        self._due = -1
        self._names: list[str] = []  # venues
        self._of: Ints = np.zeros(0, np.int64)  # instrument id -> place in `_names`
        self._begin()

    def _begin(self) -> None:
        """Forget what came; the table may have grown."""
        if self._of.size != len(self._table):
            self._names = sorted({spec.venue for spec in self._table})
            self._of = np.array([self._names.index(spec.venue) for spec in self._table], np.int64)
        self._tallies: Ints = np.zeros((max(1, len(self._names)), TALLY), np.int64)
        self._tallies[:, EVERY] = 1
        self._lags: Ints = np.zeros((max(1, len(self._names)), KEEP), np.int64)

    def feed(self, rows: EventArray) -> None:
        """Take the next rows, contiguous."""
        if not self._every_us:
            return
        if self._of.size != len(self._table):
            self._begin()
        look(
            rows.ctypes.data, rows.size, self._of.ctypes.data, self._of.size,
            self._tallies.ctypes.data, self._lags.ctypes.data, self._lags.shape[1],
        )  # fmt: skip

    def rows(self, now: int) -> EventArray:
        """Return what is due at `now` µs, the time of the last row."""
        if self._due < 0:
            self._due = now + self._every_us
        if not self._every_us or now < self._due:
            return empty_events(0)
        self._due = now + self._every_us
        out = [empty_events(0)]
        for place, name in enumerate(self._names):
            tally, task = self._tallies[place].tolist(), self._task.get(name, -1)
            if not tally[SEEN]:
                continue
            found = int(np.median(self._lags[place, : tally[KEPT]]))
            out.append(
                status_row(
                    StatusCode.LAG, now, task=task, count=tally[SEEN], found=found, expected=tally[MOST]
                )
            )  # fmt: skip
            if name not in self._asked:
                out.append(status_row(StatusCode.CLOCK, now, task=task, found=-tally[LEAST]))
        self._begin()
        return np.concatenate(out)
