"""LOB rows made of MBO rows: after each order row the levels that it changed.

A made row is SYNTHETIC and comes right after its order row, with the times and the sequence number
of that; the last one of a message is LAST. A row that voids orders begins a book anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.books.l3 import (
    BOTH,
    NO_TICK,
    R_CLEARED,
    R_FROM,
    R_FROM_SIDE,
    R_SIDE,
    R_TICK,
    L3Books,
    apply_order,
    grow_orders,
    level_qty,
    make_orders,
    orders_room,
    tick_price,
)
from extrema_nb.books.layout import BID
from extrema_nb.events import BUY, EVENT, LOB_LEVEL, MBO, SELL, EventArray, EventKind, Flag
from extrema_nb.instruments import InstrumentTable
from extrema_nb.jit import kernel, view_at

__all__ = ["with_levels"]

ROW_BYTES = EVENT.itemsize
MOST = 4  # rows that one order row becomes, itself too, but for the levels of a side that it voids
_LOB = int(EventKind.LOB)
_MBO = int(EventKind.MBO)
_LAST = int(Flag.LAST)
_START = int(Flag.START)
_STALE = int(Flag.STALE)
_SYNTHETIC = int(Flag.SYNTHETIC)


@kernel
def _write(row: Any, out: int, side: int, price: float, qty: float, flags: int) -> None:
    """Write a LOB row at an address: a level, or with side 0 a message without any."""
    made = view_at(out, 1, LOB_LEVEL)[0]
    made.ts_event = row.ts_event
    made.ts_recv = row.ts_recv
    made.inst = row.inst
    made.kind = _LOB
    made.side = side
    made.flags = _SYNTHETIC | (int(row.flags) & _STALE) | flags
    made.price = price
    made.qty = qty
    made.seq = row.seq
    made.first_seq = -1
    made.prev_seq = -1


@kernel
def _level(books: L3Books, row: Any, out: int, side: int, tick: int) -> None:
    inst = int(row.inst)
    way = BUY if side == BID else SELL
    _write(
        row, out, way, tick_price(books, inst, tick), level_qty(books, inst, side, tick), 0
    )  # fmt: skip


@kernel
def _void_side(books: L3Books, row: Any, out: int) -> int:
    """Write a removal of each level of the side that a row is about to void; return how many."""
    side = 0 if row.side == BUY else 1
    n = 0
    for slot in range(len(books.book_levels)):
        level = books.book_levels[slot]
        if level.inst == row.inst and (level.key & 1) == side:
            price = tick_price(books, int(row.inst), int(level.key) >> 1)
            _write(row, out + n * ROW_BYTES, int(row.side), price, 0.0, 0)
            n += 1
    return n


@kernel
def _made(books: L3Books, row: Any, out: int) -> int:
    """Apply an order row and write the levels that it changed; return how many rows that made."""
    k = 0
    if int(row.flags) & _START and row.action == 0 and row.side != 0:
        k += _void_side(books, row, out)
    apply_order(books, row, 0)
    did = books.row_did
    if did[R_CLEARED] == BOTH:
        _write(row, out + k * ROW_BYTES, 0, np.nan, 0.0, _START)
        k += 1
    if did[R_FROM] != NO_TICK:
        _level(books, row, out + k * ROW_BYTES, int(did[R_FROM_SIDE]), int(did[R_FROM]))
        k += 1
    if did[R_TICK] != NO_TICK:
        _level(books, row, out + k * ROW_BYTES, int(did[R_SIDE]), int(did[R_TICK]))
        k += 1
    return k


@kernel
def _expand(books: L3Books, rows: int, start: int, n: int, out: int, cap: int, told: int) -> int:
    """Copy rows from `start` on, with the levels that they change; return how far it came.

    Parameters
    ----------
    rows, out : addresses of (n,) and (cap,) EVENT
    told : address of (1 + instruments,) int64: rows written; 1 where a message is open
    """
    insts = len(books.steps)
    state = view_at(told, 1 + insts, np.int64)
    k = int(state[0])
    for i in range(start, n):
        if not orders_room(books) or k + MOST + len(books.book_levels) > cap:
            state[0] = k
            return i
        view_at(out + k * ROW_BYTES, 1, EVENT)[0] = view_at(rows + i * ROW_BYTES, 1, EVENT)[0]
        k += 1
        row = view_at(rows + i * ROW_BYTES, 1, MBO)[0]
        if row.kind != _MBO or not 0 <= row.inst < insts:
            continue
        first = k
        k += _made(books, row, out + k * ROW_BYTES)
        is_open = 1 + int(row.inst)
        if k > first:
            state[is_open] = 1
        if int(row.flags) & _LAST and state[is_open] != 0:
            if k == first:
                _write(row, out + k * ROW_BYTES, 0, np.nan, 0.0, 0)
                k += 1
            view_at(out + (k - 1) * ROW_BYTES, 1, LOB_LEVEL)[0].flags |= _LAST
            state[is_open] = 0
    state[0] = k
    return n


def with_levels(batches: Iterable[EventArray], table: InstrumentTable) -> Iterator[EventArray]:
    """Yield rows with the LOB rows that the MBO rows among them stand for."""
    memory: list[npt.NDArray[Any]] = []
    books = make_orders(table.specs(), memory)
    told = np.zeros(1 + len(table), np.int64)
    for batch in batches:
        if not (batch["kind"] == EventKind.MBO).any():
            yield batch
            continue
        rows = np.ascontiguousarray(batch)
        start, n = 0, len(rows)
        while start < n:
            while not orders_room(books):
                grow_orders(books, memory)
            cap = MOST * (n - start) + 2 * len(books.book_levels)
            out = np.zeros(cap, EVENT)
            told[0] = 0
            start = int(
                _expand(
                    books, rows.ctypes.data, start, n, out.ctypes.data, cap, told.ctypes.data
                )
            )  # fmt: skip
            yield out[: int(told[0])].copy()
