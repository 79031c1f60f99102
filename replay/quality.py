"""What a stream of rows holds and whether it is whole: counts, gaps, crossed books, clocks."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.books.l2 import (
    ASK,
    BID,
    NO_ASK,
    NO_BID,
    L2Books,
    apply_level,
    best_ask,
    best_bid,
    grow,
    is_crossed,
    make_books,
    next_above,
    next_below,
    room,
)
from extrema_nb.events import (
    BBO,
    LOB_LEVEL,
    STATUS,
    TRADE,
    EventArray,
    EventKind,
    Flag,
    StatusCode,
)
from extrema_nb.instruments import InstrumentTable
from extrema_nb.jit import kernel
from extrema_nb.store import GapCheck
from replay.clocks import ClockReport, Offsets
from replay.timeline import Timeline, drift_ppm

__all__ = ["BookReport", "Quality", "QualityReport", "check_books"]

LAST = int(Flag.LAST)
DOUBTFUL = int(Flag.STALE)
LOB = int(EventKind.LOB)
FEW_IDS = 20  # too few to say what ids are

# columns of `counts` in `check_books`
MESSAGES, CROSSED, LOCKED, SUSPECT, STATE, SINCE, LOCKED_US, CROSSED_US = range(8)
COLUMNS = 8
FINE, IS_LOCKED, IS_CROSSED = range(3)  # STATE


@kernel
def check_books(rows: Any, start: int, books: L2Books, counts: Any) -> int:
    """Apply book rows and count the messages that leave a bid at or above an ask.

    Stops at a row for which the far table has no room; the caller grows it and goes on.

    Parameters
    ----------
    rows : (n,) LOB_LEVEL view of rows of any kind
    start : first row
    books : **written**
    counts : (instruments, 8) int64, **written**: messages, crossed or locked, of these locked,
        whether the book was crossed after its last message, its state and since when (``ts_recv``),
        µs that it was locked, and crossed

    Returns
    -------
    rows that are done
    """
    for i in range(start, rows.size):
        row = rows[i]
        if row.kind != LOB:
            continue
        b = int(row.inst)
        if not room(books, b):
            return i
        apply_level(books, b, row)
        flags = int(row["flags"])
        if flags & LAST == 0:
            continue
        counts[b, MESSAGES] += 1
        crossed = is_crossed(books, b)
        if counts[b, SUSPECT] and not crossed:  # a mark is given once, a crossing may last
            crossed = next_below(books, b, BID, NO_ASK) >= next_above(books, b, ASK, NO_BID)
        counts[b, SUSPECT] = int(crossed)
        if counts[b, STATE] == IS_LOCKED:
            counts[b, LOCKED_US] += row.ts_recv - counts[b, SINCE]
        elif counts[b, STATE] == IS_CROSSED:
            counts[b, CROSSED_US] += row.ts_recv - counts[b, SINCE]
        counts[b, STATE] = FINE
        counts[b, SINCE] = row.ts_recv
        if crossed and flags & DOUBTFUL == 0:
            counts[b, CROSSED] += 1
            bid = max(best_bid(books, b), next_below(books, b, BID, NO_ASK))
            ask = min(best_ask(books, b), next_above(books, b, ASK, NO_BID))
            counts[b, LOCKED] += int(bid == ask)
            counts[b, STATE] = IS_LOCKED if bid == ask else IS_CROSSED
    return int(rows.size)


class BookReport(msgspec.Struct, kw_only=True):
    """One instrument's book."""

    messages: int = 0
    snapshots: int = 0
    gaps: int = 0  # breaks in the sequence numbers
    first_gaps: list[dict[str, int]] = []  # ts_recv µs, expected, found
    duplicates: int = 0
    stale_rows: int = 0  # came while the book was in doubt
    crossed: int = 0  # messages that left a bid at or above an ask
    locked: int = 0  # of these, at the same price
    crossed_s: float = 0.0  # how long a bid stood above an ask
    locked_s: float = 0.0  # how long at the same price


class QualityReport(msgspec.Struct, kw_only=True):
    """What `Quality` found."""

    rows: int = 0
    rows_by_kind: dict[str, int] = {}
    rows_by_instrument: dict[str, dict[str, int]] = {}
    first_ts_recv: int | None = None  # µs
    last_ts_recv: int | None = None
    seconds: float = 0.0
    rows_per_second: float = 0.0
    busiest_second_rows: int = 0
    longest_silence_s: float = 0.0
    gaps: int = 0
    crossed: int = 0
    locked: int = 0
    duplicates: int = 0  # book messages and trades that were there before
    trade_id_jumps: int = 0  # places where ids of trades leave some out; venues do that too
    bbo_crossed: int = 0
    out_of_order: int = 0  # rows whose ts_recv lies before that of the row in front
    status: dict[str, int] = {}
    books: dict[str, BookReport] = {}
    clock: ClockReport = ClockReport()
    clocks: dict[str, ClockReport] = {}  # by venue


class Quality:
    """Takes batches in order; `report` may be called at any time."""

    def __init__(self, table: InstrumentTable) -> None:
        self._table = table
        self.timeline = Timeline(table)
        self._memory: list[npt.NDArray[Any]] = []  # of the books
        self._books = make_books(table.specs(), self._memory) if len(table) else None
        self._counts = np.zeros((len(table), COLUMNS), np.int64)
        self._gaps: dict[int, GapCheck] = {}
        self._stale: dict[int, int] = {}
        self._kinds: dict[tuple[int, int], int] = {}
        self._status: dict[int, int] = {}
        self._trade_id: dict[tuple[int, bool], int] = {}
        self._steps: dict[tuple[int, bool], npt.NDArray[np.int64]] = {}  # by 1, back, more
        self._venues = [spec.venue for spec in table]
        self.offsets: dict[str, Offsets] = {}  # by venue, "" of rows without an instrument
        self._second = (-1, 0)  # the last second and its rows so far
        self._first: int | None = None
        self._now = 0
        self._out = QualityReport()

    def feed(self, rows: EventArray) -> None:
        """Take the next (n,) EVENT rows."""
        if rows.size == 0:
            return
        self._times(rows)
        self.timeline.feed(rows)
        pairs, sizes = np.unique(
            rows["inst"].astype(np.int64) * 256 + rows["kind"], return_counts=True
        )
        for pair, size in zip(pairs.tolist(), sizes.tolist(), strict=True):
            inst, kind = divmod(pair, 256)
            self._kinds[inst, kind] = self._kinds.get((inst, kind), 0) + size
            part = rows[(rows["inst"] == inst) & (rows["kind"] == kind)]
            if kind == EventKind.LOB:
                self._book(inst, part)
            elif kind == EventKind.TRADE:
                self._trades(inst, part.view(TRADE))
            elif kind == EventKind.BBO:
                bbo = part.view(BBO)
                both = (bbo["bid_qty"] > 0) & (bbo["ask_qty"] > 0)
                self._out.bbo_crossed += int((bbo["bid_price"] >= bbo["ask_price"])[both].sum())
            elif kind == EventKind.STATUS:
                for code in part.view(STATUS)["code"].tolist():
                    self._status[code] = self._status.get(code, 0) + 1
        if self._books is not None and (rows["kind"] == LOB).any():
            view, done, books = np.ascontiguousarray(rows).view(LOB_LEVEL), 0, self._books
            while (done := check_books(view, done, books, self._counts)) < view.size:
                grow(books, self._memory)

    def _times(self, rows: EventArray) -> None:
        ts, out = rows["ts_recv"], self._out
        out.rows += int(rows.size)
        if self._first is None:
            self._first = self._now = int(ts[0])
        steps = np.diff(ts, prepend=self._now)
        out.out_of_order += int((steps < 0).sum())
        out.longest_silence_s = max(out.longest_silence_s, int(steps.max()) / 1e6)
        self._now = max(self._now, int(ts.max()))
        seconds, sizes = np.unique(ts // 1_000_000, return_counts=True)
        if int(seconds[0]) == self._second[0]:
            sizes[0] += self._second[1]
        self._second = int(seconds[-1]), int(sizes[-1])
        out.busiest_second_rows = max(out.busiest_second_rows, int(sizes.max()))
        stamped = np.isin(rows["kind"], [EventKind.TRADE, EventKind.BBO, EventKind.LOB])
        stamped &= (rows["flags"] & int(Flag.SYNTHETIC | Flag.SNAPSHOT)) == 0
        offset, inst = (ts - rows["ts_event"])[stamped], rows["inst"][stamped]
        for each in np.unique(inst).tolist():
            venue = self._venues[each] if each >= 0 else ""
            self.offsets.setdefault(venue, Offsets()).add(offset[inst == each])

    def _book(self, inst: int, rows: EventArray) -> None:
        check = self._gaps.setdefault(inst, GapCheck(keep=20))
        check.feed(rows[(rows["flags"] & int(Flag.PARTIAL)) == 0])
        stale = int(((rows["flags"] & DOUBTFUL) != 0).sum())
        self._stale[inst] = self._stale.get(inst, 0) + stale

    def _trades(self, inst: int, rows: EventArray) -> None:
        for aggregate in (False, True):
            ids = rows["trade_id"][((rows["flags"] & int(Flag.AGGREGATE)) != 0) == aggregate]
            ids = ids[ids >= 0]
            if ids.size == 0:
                continue
            key = (inst, aggregate)
            steps = np.diff(ids, prepend=self._trade_id.get(key, int(ids[0]) - 1))
            counts = self._steps.setdefault(key, np.zeros(3, np.int64))
            counts += [(steps == 1).sum(), (steps <= 0).sum(), (steps > 1).sum()]
            self._trade_id[key] = max(int(ids.max()), self._trade_id.get(key, -1))

    def report(self) -> QualityReport:
        """Return what was found so far."""
        out = msgspec.structs.replace(self._out)
        for plain, back, more in self._steps.values():
            total = plain + back + more
            if total < FEW_IDS or plain * 4 > total:  # else ids count nothing, as at Hyperliquid
                out.duplicates += int(back)
                out.trade_id_jumps += int(more)
        out.first_ts_recv = self._first
        out.last_ts_recv = None if self._first is None else self._now
        out.seconds = 0.0 if self._first is None else (self._now - self._first) / 1e6
        out.rows_per_second = out.rows / out.seconds if out.seconds else 0.0
        out.rows_by_kind, out.rows_by_instrument = {}, {}
        labels = [*self._table.labels(), "_"]  # -1: rows of no instrument
        for (inst, kind), count in sorted(self._kinds.items()):
            word = EventKind(kind).name.lower()
            out.rows_by_kind[word] = out.rows_by_kind.get(word, 0) + count
            out.rows_by_instrument.setdefault(labels[inst], {})[word] = count
        out.status = {_code(code): count for code, count in sorted(self._status.items())}
        out.books = {}
        for inst, check in sorted(self._gaps.items()):
            book = out.books[labels[inst]] = BookReport(
                messages=int(self._counts[inst, MESSAGES]),
                snapshots=check.snapshots,
                gaps=check.gap_count,
                first_gaps=[gap._asdict() for gap in check.gaps],
                duplicates=check.duplicates,
                stale_rows=self._stale.get(inst, 0),
                crossed=int(self._counts[inst, CROSSED]),
                locked=int(self._counts[inst, LOCKED]),
                crossed_s=self._lasted(inst, CROSSED_US, IS_CROSSED),
                locked_s=self._lasted(inst, LOCKED_US, IS_LOCKED),
            )
            out.gaps += book.gaps
            out.crossed += book.crossed
            out.locked += book.locked
            out.duplicates += book.duplicates
        drifts = {venue: drift_ppm(frame) for venue, frame in self.timeline.late().items()}
        out.clocks = {
            venue: offsets.report(drifts.get(venue))
            for venue, offsets in sorted(self.offsets.items())
        }
        every = Offsets()
        for offsets in self.offsets.values():
            every.add(offsets.sample())
        out.clock = next(iter(out.clocks.values())) if len(out.clocks) == 1 else every.report()
        return out

    def _lasted(self, inst: int, column: int, state: int) -> float:
        """Return for how many seconds a book was in a state, until now if it still is."""
        us = int(self._counts[inst, column])
        if self._counts[inst, STATE] == state:
            us += max(0, self._now - int(self._counts[inst, SINCE]))
        return us / 1e6


def _code(code: int) -> str:
    try:
        return StatusCode(code).name
    except ValueError:
        return str(code)
