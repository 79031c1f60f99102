"""What is wrong with rows that a backtest can run on all the same: counted, told, refused on request.

Rows that no run can be right about (no numbers, other ticks, clocks of different units) are errors.
"""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import DataError
from extrema_nb.events import LOB_LEVEL, STATUS, EventArray, EventKind, Flag, StatusCode
from extrema_nb.instruments import InstrumentTable

__all__ = ["SOUND", "Faults", "Soundness", "check_clocks", "tell_faults", "tell_reading"]

APART = 366 * 86_400_000_000  # µs; clocks further apart than a year do not count the same unit
OFF = 0.01  # ticks that a price may be beside one: the error of a double is far below
SHARE = 0.25  # of a book's rows; a tick that is twice too coarse has half of them off
logger = logging.getLogger(__name__)


class Faults(NamedTuple):
    """What the rows of a source say about what is missing."""

    gaps: int = 0  # holes in the sequence numbers of a feed
    losses: int = 0  # rows that say that a reader or recorder lost some
    stale_rows: int = 0  # book rows that came while the book was in doubt
    off_tick: int = 0  # book rows with a price between two ticks: left from before a venue's change
    without_snapshot: tuple[str, ...] = ()  # instruments whose book begins with a change

    def words(self) -> str:
        """Return them for a person, empty if there are none."""
        told = [
            f"{count:,} {name}"
            for count, name in (
                (self.gaps, "gaps in sequence numbers"),
                (self.losses, "losses of rows"),
                (self.stale_rows, "rows of books in doubt"),
                (self.off_tick, "prices between two ticks"),
            )
            if count
        ]
        if self.without_snapshot:
            told.append("no snapshot before the book of " + ", ".join(self.without_snapshot))
        return "; ".join(told)


SOUND = Faults()


class Soundness:
    """Looks at every row of a source once."""

    def __init__(self, table: InstrumentTable) -> None:
        specs = table.specs()
        self._table = table
        self._size = specs["tick_size"].astype(np.float64)
        self._begun = np.zeros(len(table), np.bool_)  # the first row of its book has come
        self._bare = np.zeros(len(table), np.bool_)  # and was no snapshot
        self._rows = np.zeros(len(table), np.int64)  # of books …
        self._off = np.zeros(len(table), np.int64)  # … with a price between two ticks
        self._example: dict[int, tuple[int, float]] = {}  # instrument → when, price
        self._gaps = self._losses = self._stale = 0

    def see(self, rows: EventArray) -> None:
        """Take the next rows in."""
        kinds = rows["kind"]
        status = rows[kinds == EventKind.STATUS].view(STATUS)
        if len(status):
            self._gaps += int(np.count_nonzero(status["code"] == StatusCode.GAP))
            self._losses += int(np.count_nonzero(status["code"] == StatusCode.LAGGED))
        places = np.flatnonzero(kinds == EventKind.LOB)
        if not len(places):
            return
        flags, insts = rows["flags"][places], rows["inst"][places]
        self._stale += int(np.count_nonzero(flags & Flag.STALE))
        mine = (insts >= 0) & (insts < len(self._table))
        if not self._begun.all():
            self._begin(insts[mine], flags[mine])
        self._check_ticks(rows, places[mine], insts[mine])

    def _begin(self, insts: npt.NDArray[Any], flags: npt.NDArray[Any]) -> None:
        """Note what the first row of each book is."""
        first = np.full(len(self._table), -1)
        first[insts[::-1]] = np.arange(len(insts))[::-1]
        fresh = np.flatnonzero((first >= 0) & ~self._begun)
        self._bare[fresh] = flags[first[fresh]] & (Flag.START | Flag.SNAPSHOT) == 0
        self._begun[fresh] = True

    def _check_ticks(
        self, rows: EventArray, places: npt.NDArray[Any], insts: npt.NDArray[Any]
    ) -> None:
        prices = rows.view(LOB_LEVEL)["price"][places]
        ticks = prices / (self._size[insts] if len(self._size) > 1 else self._size[0])
        off = np.abs(ticks - np.rint(ticks)) > OFF
        bad = np.flatnonzero(off & (rows["side"][places] != 0))
        self._rows += np.bincount(insts, minlength=len(self._rows))
        if len(bad):
            self._off += np.bincount(insts[bad], minlength=len(self._off))
            for k in bad[np.unique(insts[bad], return_index=True)[1]]:
                when = int(rows["ts_recv"][places[k]])
                self._example.setdefault(int(insts[k]), (when, float(prices[k])))

    def found(self) -> Faults:
        """Return what was found up to here; raise DataError if a tick size cannot be right."""
        for inst in np.flatnonzero(self._off > SHARE * self._rows):
            spec = self._table[int(inst)]
            when, price = self._example[int(inst)]
            raise DataError(
                f"{self._off[inst]:,} of {self._rows[inst]:,} LOB rows of {spec.name} have a price "
                f"that is no multiple of its tick size {spec.tick_size:.12g}, first {price:.12g} at "
                f"ts_recv {when}: levels would fall together; give the tick size that the data has "
                "(--tick), or convert it again with the right instruments"
            )
        labels = self._table.labels()
        names = tuple(labels[int(inst)] for inst in np.flatnonzero(self._bare))
        return Faults(self._gaps, self._losses, self._stale, int(self._off.sum()), names)


def check_clocks(least: int, most: int) -> None:
    """Raise DataError if the two clocks of market rows cannot count the same unit.

    Parameters
    ----------
    least, most : µs, of ``ts_recv - ts_event``
    """
    worst = most if most > -least else least
    if abs(worst) > APART:
        raise DataError(
            f"ts_recv - ts_event of a market row is {worst} µs, {abs(worst) / 86_400e6:,.0f} days; "
            "expected both in µs since 1970; convert the source again with the right unit"
        )


def tell_faults(faults: Faults, *, refuse: bool) -> None:
    """Warn of what is wrong with the data, or raise DataError if that is not to be run on."""
    words = faults.words()
    if words and refuse:
        raise DataError(f"the data is not whole: {words}; run without --whole, or give other data")
    if words:
        logger.warning("the data is not whole: %s; the run goes on with what there is", words)


def tell_reading(source: Any) -> None:
    """Warn of what was met on the way from files to rows: lines left out, times that went back."""
    while source is not None:
        for part in getattr(source, "sources", []):
            tell_reading(part)
        counts = getattr(source, "counts", None)
        skipped = getattr(counts, "skipped", 0)
        back = getattr(counts, "largest_step_back_us", 0)  # of captures; others are refused
        told = []
        if skipped:
            told.append(f"{skipped:,} bad lines or rows were left out")
        if back:
            told.append(
                f"lines go back in time, by {back / 1e6:,.6f} s at most, and were taken to come with "
                "the line before; --sort puts lines in order"
            )
        if told:
            logger.warning("%s: %s", source.describe()["path"], "; ".join(told))
        source = getattr(source, "source", None)
