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

__all__ = ["Health"]

MADE = int(Flag.SNAPSHOT | Flag.SYNTHETIC)
STAMPED = (EventKind.TRADE, EventKind.BBO, EventKind.LOB)
KEEP = 65_536  # times kept a venue and interval; beyond it every second one
LOOKED = 8_192  # rows looked at of those that come together, evenly chosen


class _Venue:
    def __init__(self) -> None:
        self.lags: list[npt.NDArray[np.int64]] = []
        self.kept = 0
        self.seen = 0
        self.every = 1

    def add(self, lag: npt.NDArray[np.int64]) -> None:
        self.seen += int(lag.size)
        part = lag[:: self.every]
        self.lags.append(part)
        self.kept += int(part.size)
        if self.kept > KEEP:
            self.lags = [np.concatenate(self.lags)[::2]]
            self.kept, self.every = int(self.lags[0].size), self.every * 2


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
        self._venues: dict[str, _Venue] = {}
        self._of = np.zeros(0, np.int64)  # instrument id -> place in `_names`
        self._names: list[str] = []

    def feed(self, rows: EventArray) -> None:
        """Take the next rows."""
        if not self._every_us:
            return
        rows = rows[:: max(1, rows.size // LOOKED)]
        kind = rows["kind"]
        wanted = (kind == STAMPED[0]) | (kind == STAMPED[1]) | (kind == STAMPED[2])
        wanted &= (rows["flags"] & MADE) == 0
        wanted &= rows["inst"] >= 0
        if not wanted.any():
            return
        rows = rows[wanted]
        lag = rows["ts_recv"] - rows["ts_event"]
        of = self._venue_of()[rows["inst"]]
        for number in np.unique(of).tolist():
            self._venues.setdefault(self._names[number], _Venue()).add(lag[of == number])

    def _venue_of(self) -> npt.NDArray[np.int64]:
        if self._of.size != len(self._table):
            self._names = sorted({spec.venue for spec in self._table})
            self._of = np.array([self._names.index(spec.venue) for spec in self._table], np.int64)
        return self._of

    def rows(self, now: int) -> EventArray:
        """Return what is due at `now` µs, the time of the last row."""
        if self._due < 0:
            self._due = now + self._every_us
        if not self._every_us or now < self._due:
            return empty_events(0)
        self._due = now + self._every_us
        out = [empty_events(0)]
        for name, venue in sorted(self._venues.items()):
            lag, task = np.concatenate(venue.lags), self._task.get(name, -1)
            out.append(
                status_row(
                    StatusCode.LAG, now, task=task, count=venue.seen,
                    found=int(np.median(lag)), expected=int(lag.max()),
                )
            )  # fmt: skip
            if name not in self._asked:
                out.append(status_row(StatusCode.CLOCK, now, task=task, found=-int(lag.min())))
        self._venues = {}
        return np.concatenate(out)
