"""L3 books: every order by its id, with its place in time; and what each price level holds.

Rules
-----
1. An add puts an order at the end of its level's queue. A modify to no more at the same price
   keeps its place; a larger quantity or another price puts it at the end. An execution takes its
   quantity off, a delete all of it; what has less than half a lot left is gone.
2. ``START`` voids the instrument's orders first; a row of action 0 with a side those of that side.
3. An add of an id that is there replaces that order. A modify, an execution or a delete of an
   order that was never added is about one that is older than the data: it is counted, and a modify
   puts it into the book, ahead of everything that came since.
4. Quantities are kept as whole numbers of lot / 1024, so that a level is at any time exactly the
   sum of its orders.
5. Memory is bounded, as `l3_tables` says.

Places in time are numbers that the caller gives, growing from row to row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from extrema_nb.books.l3_tables import (
    N_TOO_MUCH,
    N_TWICE,
    N_UNKNOWN,
    N_UNKNOWN_DELETES,
    PARTS,
    S_TICK,
    S_TICKS,
    S_UNIT,
    S_UNITS,
    L3Books,
    clear_orders,
    find_level,
    find_order,
    grow_orders,
    make_orders,
    orders_room,
    put_in,
    take_out,
)
from extrema_nb.books.layout import ASK, BID
from extrema_nb.events import BUY, Flag
from extrema_nb.jit import kernel

__all__ = [
    "ADD",
    "BOTH",
    "COUNTERS",
    "EXECUTE",
    "MODIFY",
    "NO_TICK",
    "OLD",
    "R_CLEARED",
    "R_FROM",
    "R_FROM_SIDE",
    "R_JOINED",
    "R_SIDE",
    "R_TICK",
    "L3Books",
    "apply_order",
    "grow_orders",
    "level_qty",
    "make_orders",
    "orders_room",
    "tick_price",
]

OLD = -(1 << 62)  # place in time of an order that is older than the data
NO_TICK = 1 << 62
ADD, MODIFY, DELETE, EXECUTE = 1, 2, 3, 4  # `action`
BOTH = 2  # in R_CLEARED
_START = int(Flag.START)

COUNTERS = {
    "unknown_orders": N_UNKNOWN, "unknown_deletes": N_UNKNOWN_DELETES,
    "orders_added_twice": N_TWICE, "orders_overfilled": N_TOO_MUCH,
}  # fmt: skip

# places in `row_did`: what the last row did
R_CLEARED = 0  # 0 nothing was voided first, BOTH, or BUY or SELL alone
R_SIDE = 1  # BID or ASK, of the order
R_TICK = 2  # level that the row is about, NO_TICK for none
R_FROM_SIDE = 3
R_FROM = 4  # level that the order came from, NO_TICK for none or the same
R_JOINED = 5  # place in time of the order that was executed


@kernel
def _units(books: L3Books, inst: int, qty: float) -> int:
    """Return a quantity in units; 0 for what is no quantity or less than half a lot."""
    units = int(min(qty * books.steps[inst, S_UNITS] + 0.5, 1e18)) if qty > 0.0 else 0
    return units if 2 * units >= PARTS else 0


@kernel
def _tick(books: L3Books, inst: int, price: float) -> int:
    """Return the tick of `price`, half away from zero; NO_TICK for what is no price."""
    scaled = price * books.steps[inst, S_TICKS]
    if not abs(scaled) < 1e15:
        return NO_TICK
    return int(np.floor(scaled + 0.5)) if scaled >= 0.0 else int(np.ceil(scaled - 0.5))


@kernel
def tick_price(books: L3Books, inst: int, tick: int) -> float:
    """Return the price of a tick: the double nearest to the decimal where ticks a unit are whole."""
    inverse = books.steps[inst, S_TICKS]
    if inverse == int(inverse):
        return tick / inverse
    return tick * books.steps[inst, S_TICK]


@kernel
def level_qty(books: L3Books, inst: int, side: int, tick: int) -> float:
    """Return what a level of side BID or ASK holds, 0 if there is none."""
    level = books.book_levels[find_level(books, inst, tick * 2 + side)]
    if level.inst < 0:
        return 0.0
    inverse = books.steps[inst, S_UNITS]
    if inverse == int(inverse):
        return level.units / inverse
    return level.units * books.steps[inst, S_UNIT]


@kernel
def _say(books: L3Books, side: int, tick: int, from_side: int, came_from: int) -> None:
    did = books.row_did
    did[R_SIDE] = side
    did[R_TICK] = tick
    did[R_FROM_SIDE] = from_side
    did[R_FROM] = NO_TICK if (came_from == tick and from_side == side) else came_from


@kernel
def _known(books: L3Books, slot: int, row: Any, joined: int) -> None:
    """Apply a row about an order that is in the book."""
    order = books.book_orders[slot]
    inst, order_id = int(order.inst), int(order.order_id)
    side, tick, before = int(order.side), int(order.tick), int(order.units)
    place = int(order.joined)
    action = int(row.action)
    to_side, to_tick, left = side, tick, 0
    if action == EXECUTE:
        books.row_did[R_JOINED] = place
        done = _units(books, inst, row.qty)
        books.counts[N_TOO_MUCH] += int(done > before)
        left = before - done
    elif action != DELETE:
        left = _units(books, inst, row.qty)
        if row.side != 0:
            to_side = BID if row.side == BUY else ASK
        if not np.isnan(row.price):
            to_tick = _tick(books, inst, row.price)
        books.counts[N_TWICE] += int(action == ADD)
        if action == ADD or left > before or to_tick != tick or to_side != side:
            place = joined
    take_out(books, slot)
    if 2 * left >= PARTS and to_tick != NO_TICK:
        put_in(books, inst, order_id, to_side, to_tick, left, place)
    else:
        to_side, to_tick = side, tick
    _say(books, to_side, to_tick, side, tick)


@kernel
def apply_order(books: L3Books, row: Any, joined: int) -> None:
    """Apply one MBO row that has the place `joined` in time; `row_did` says what it did."""
    did = books.row_did
    did[R_CLEARED] = 0
    did[R_TICK] = NO_TICK
    did[R_FROM] = NO_TICK
    did[R_JOINED] = OLD
    inst, action = int(row.inst), int(row.action)
    if int(row.flags) & _START:
        side = int(row.side) if action == 0 else 0
        clear_orders(books, inst, side)
        did[R_CLEARED] = side if side != 0 else BOTH
    if action < ADD or action > EXECUTE:
        return
    slot = find_order(books, inst, int(row.order_id))
    if books.book_orders[slot].inst >= 0:
        _known(books, slot, row, joined)
        return
    if action == DELETE:
        books.counts[N_UNKNOWN_DELETES] += 1
        return
    if action != ADD:
        books.counts[N_UNKNOWN] += 1
    if row.side == 0:
        return
    side = BID if row.side == BUY else ASK
    tick = _tick(books, inst, row.price)
    if tick == NO_TICK:
        return
    if action != EXECUTE:
        units = _units(books, inst, row.qty)
        if units == 0:
            return
        place = joined if action == ADD else OLD
        put_in(books, inst, int(row.order_id), side, tick, units, place)
    _say(books, side, tick, side, tick)
