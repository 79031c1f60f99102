"""The first pass over a source: extent, latency, identity; and rows that no book can hold."""

from __future__ import annotations

import hashlib
import logging
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.books.l3 import ADD, DELETE, EXECUTE
from extrema_nb.contracts import Source
from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import EVENT, MBO, TRADE, EventArray, EventKind, as_events
from extrema_nb.instruments import InstrumentTable
from extrema_nb.jit import kernel, view_at
from replay.exchange.config import FIFO
from replay.exchange.model import FAR
from replay.shift import shifts_of
from replay.soundness import SOUND, Faults, Soundness, check_clocks

__all__ = ["DataScan", "check_queue", "scan", "tell_bookless"]

logger = logging.getLogger(__name__)

ROW_BYTES = EVENT.itemsize
_LOB, _TRADE = int(EventKind.LOB), int(EventKind.TRADE)
_MBO, _FUNDING = int(EventKind.MBO), int(EventKind.FUNDING)
HAS_BOOK, HAS_ORDERS = 1, 2  # bits of what an instrument has
# what a look tells
L_BAD = 0  # rows whose price or quantity no book can hold
L_FIRST = 1  # place of the first of them
L_LEAST = 2  # µs, of ts_recv - ts_event
L_MOST = 3
L_EXECUTIONS = 4
L_SIZE = 5
CLOCKS_APART = 20_000  # µs by which the clocks of venues may differ unsaid
KEEP_ROWS = 9 << 16  # rows (36 MiB) kept from the first pass, so that small inputs are read once


class DataScan(NamedTuple):
    """What a first pass over the rows found."""

    rows: int
    first_ts: int  # µs, local clock
    last_ts: int
    min_latency: int  # µs, of market rows: ts_recv - ts_event
    max_latency: int
    digest: str  # of all row bytes: the identity of the data
    kept: EventArray | None  # the rows, if they are few
    orders: frozenset[int] = frozenset()  # instruments that have single orders (MBO rows)
    books: frozenset[int] = frozenset()  # instruments that have a book (LOB rows)
    executions: int = 0  # of single orders
    faults: Faults = SOUND  # what is missing in them
    unshifted: int | None = None  # µs, the least latency without feed shifts, if there are any

    def clock_shift(self, base_latency_us: int) -> int:
        """Return what makes the least latency `base_latency_us` if the venue's clock was ahead, µs.

        A feed shift says nothing about clocks, so it is not mended away, unless rows would come
        before they happened.
        """
        least = self.min_latency if self.unshifted is None else self.unshifted
        shift = base_latency_us - least if least < 0 else 0
        return shift if self.min_latency + shift >= 0 else base_latency_us - self.min_latency


@kernel(inline=True)
def _note_kind(at: int, inst: int, kind: int, has: Any, out: Any) -> bool:
    """Note what a market row shows of its instrument; say whether it must tell price and quantity."""
    if kind == _LOB and inst < len(has):
        has[inst] |= HAS_BOOK
    if kind != _MBO:
        return True
    if inst < len(has):
        has[inst] |= HAS_ORDERS
    action = int(view_at(at, 1, MBO)[0].action)
    if action == EXECUTE:
        out[L_EXECUTIONS] += 1
    # a delete need not say how much, nor at which price
    return action != DELETE and ADD <= action <= EXECUTE


@kernel
def _look(rows: int, n: int, known: int, seen: int, told: int) -> None:
    """Look at rows once; see `L_BAD` and the others for what is told.

    Parameters
    ----------
    rows : address of (n,) EVENT
    seen : address of (known,) int8 that takes which instruments have what
    told : address of (L_SIZE,) int64
    """
    has = view_at(seen, known, np.int8)
    out = view_at(told, L_SIZE, np.int64)
    for i in range(n):
        at = rows + i * ROW_BYTES
        head = view_at(at, 1, EVENT)[0]
        kind = int(head.kind)
        if kind == _FUNDING:  # they trigger stops, in their order
            out[L_MOST] = max(out[L_MOST], head.ts_recv - head.ts_event)
        market = kind == _LOB or kind == _TRADE or kind == _MBO  # noqa: PLR1714  # no sets in kernels
        if not market or head.inst < 0:
            continue
        latency = head.ts_recv - head.ts_event
        out[L_LEAST] = min(out[L_LEAST], latency)
        out[L_MOST] = max(out[L_MOST], latency)
        if _note_kind(at, int(head.inst), kind, has, out) and head.side != 0:
            row = view_at(at, 1, TRADE)[0]  # price and qty are the first words of all three
            if not (np.isfinite(row.price) and np.isfinite(row.qty) and row.qty >= 0.0):
                if out[L_BAD] == 0:
                    out[L_FIRST] = i
                out[L_BAD] += 1


class _Looked:
    """What was seen in all rows up to here."""

    def __init__(self, instruments: int) -> None:
        self._has = np.zeros(max(instruments, 1), np.int8)
        self._known = instruments
        self._told = np.zeros(L_SIZE, np.int64)
        self._told[L_LEAST], self._told[L_MOST] = FAR, -FAR

    def see(self, rows: EventArray) -> None:
        """Take the next rows in; raise DataError for a price or quantity that no book can hold."""
        _look(
            rows.ctypes.data, len(rows), self._known, self._has.ctypes.data, self._told.ctypes.data
        )
        bad = int(self._told[L_BAD])
        if bad:
            row = rows[self._told[L_FIRST] :][:1].view(TRADE)[0]
            raise DataError(
                f"a {EventKind(int(row['kind'])).name} row at ts_recv {int(row['ts_recv'])} has "
                f"price {row['price']} and quantity {row['qty']}, expected numbers and no negative "
                f"quantity ({bad} such rows in this batch); convert the source again or leave those "
                "rows out"
            )

    def latency(self) -> tuple[int, int]:
        """Return the least of market rows, and the greatest of them and of mark prices, µs."""
        return int(self._told[L_LEAST]), int(self._told[L_MOST])

    def executions(self) -> int:
        """Return how many single orders were executed."""
        return int(self._told[L_EXECUTIONS])

    def those_with(self, what: int) -> frozenset[int]:
        """Return the instruments that have a book or single orders."""
        return frozenset(np.flatnonzero(self._has[: self._known] & what).tolist())


def _keep(kept: EventArray, at: int, rows: EventArray) -> EventArray | None:
    """Put rows to those that are kept; None if they are too many."""
    if at + len(rows) > len(kept):
        return None
    kept[at : at + len(rows)] = rows
    return kept


def scan(source: Source) -> DataScan:
    """Read the rows once: extent, latency, identity; keep them if they are few."""
    digest = hashlib.sha256()  # processors have instructions for it: half the time of BLAKE2
    rows = 0
    first = last = 0
    kept: EventArray | None = None
    if (getattr(source, "most_rows", None) or 0) <= KEEP_ROWS:
        kept = np.empty(KEEP_ROWS, EVENT)  # no memory until it is written to
    looked = _Looked(len(source.instruments))
    shifts = shifts_of(source)
    unshifted: int | None = None
    sound = Soundness(source.instruments)
    clocks = _Clocks(source.instruments)
    for batch in source.batches():
        events = as_events(batch)
        digest.update(events.data)
        if rows == 0:
            first = int(events["ts_recv"][0])
        elif int(events["ts_recv"][0]) < last:
            raise DataError(
                f"row {rows} is {last - int(events['ts_recv'][0])} µs earlier than the row before "
                "it; a source must be sorted by ts_recv"
            )
        last = int(events["ts_recv"][-1])
        if kept is not None:
            kept = _keep(kept, rows, events)
        rows += len(events)
        looked.see(events)
        if shifts is not None:
            own = _least_without(events, shifts)
            if own is not None:
                unshifted = own if unshifted is None else min(unshifted, own)
        sound.see(events)
        clocks.see(events)
    if rows == 0:
        raise DataError(
            f"no rows in {source.describe().get('path', 'the source')}; check the time window, "
            "instruments and kinds that were asked for"
        )
    least, most = looked.latency()
    if least == FAR:
        least = 0
    check_clocks(least, max(most, least))
    clocks.tell()
    whole = None if kept is None else as_events(kept[:rows])
    return DataScan(
        rows, first, last, least, max(most, least), digest.hexdigest()[:32], whole,
        looked.those_with(HAS_ORDERS), looked.those_with(HAS_BOOK), looked.executions(), sound.found(),
        unshifted,
    )  # fmt: skip


class _Clocks:
    """The least latency of each venue, where there are several: one shift can not mend them all."""

    def __init__(self, table: InstrumentTable) -> None:
        self._venues = sorted({row.venue for row in table})
        self._of = np.array([self._venues.index(row.venue) for row in table], np.int64)
        self._least = np.full(len(self._venues), FAR)

    def see(self, rows: EventArray) -> None:
        """Take the next rows in."""
        if len(self._venues) < 2:
            return
        known = (rows["inst"] >= 0) & (rows["inst"] < len(self._of))
        mine = rows[np.isin(rows["kind"], (_LOB, _TRADE, _MBO)) & known]
        np.minimum.at(self._least, self._of[mine["inst"]], mine["ts_recv"] - mine["ts_event"])

    def tell(self) -> None:
        """Warn where a venue's clock is ahead and another's is not as much."""
        known = {
            venue: int(least)
            for venue, least in zip(self._venues, self._least, strict=True)
            if least < FAR
        }
        ahead = min(known.values(), default=0)
        if ahead < 0 and max(known.values()) - ahead > CLOCKS_APART:
            told = ", ".join(f"{venue} {least / 1e3:,.1f} ms" for venue, least in known.items())
            logger.warning(
                "the clocks of the venues are apart (least latency: %s); ours is moved by %s ms for "
                "all of them, so that rows of the others seem to come that much later than they did",
                told, f"{-ahead / 1e3:,.1f}",
            )  # fmt: skip


def _least_without(rows: EventArray, shifts: npt.NDArray[np.int64]) -> int | None:
    """Return the least latency of market rows before shifts were added, None without such rows."""
    market = np.isin(rows["kind"], (_LOB, _TRADE, _MBO)) & (rows["inst"] >= 0)
    mine = rows[market]
    if not len(mine):
        return None
    return int((mine["ts_recv"] - mine["ts_event"] - shifts[mine["inst"]]).min())


def check_queue(queue: str, data: DataScan) -> None:
    """Raise ConfigError if a queue model needs rows that the data does not have."""
    if queue != FIFO:
        return
    if not data.orders:
        raise ConfigError(
            "the queue model fifo needs single orders (MBO rows) and the data has none; "
            "take another model, such as power"
        )
    if not data.books & data.orders:
        raise ConfigError(
            "the data has single orders (MBO rows) and no book; make one of them with "
            "--book-from orders, or replay.inputs.BookFrom(source, 'orders')"
        )
    bare = len(data.books - data.orders)
    if bare:
        logger.warning(
            "%d instruments have a book and no single orders: there, fifo fills only what the book "
            "crosses", bare,
        )  # fmt: skip
    if not data.executions:
        logger.warning(
            "the data tells of no execution of a single order, so fifo fills only what the book "
            "crosses; take another queue model if its source never tells them"
        )


def tell_bookless(data: DataScan, table: InstrumentTable) -> None:
    """Warn of instruments without a book: nothing can be traded there."""
    labels = table.labels()
    bare = [labels[inst] for inst in range(len(table)) if inst not in data.books]
    if bare:
        named = ", ".join(bare[:5]) + (f" and {len(bare) - 5} more" if len(bare) > 5 else "")
        logger.warning(
            "the data has no book (LOB rows) of %s: no order fills there; --book-from bbo, trades, "
            "candles or orders (replay.inputs.BookFrom) makes one of such rows", named,
        )  # fmt: skip
