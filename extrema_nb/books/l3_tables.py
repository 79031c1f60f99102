"""The tables of L3 books: orders by id, levels by price, in two open-addressing hash tables.

Memory is bounded: `orders_room` says whether the tables can hold whatever the next row brings; the
caller stops, calls `grow_orders` and goes on with the same row.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.books.layout import BID
from extrema_nb.events import BUY
from extrema_nb.jit import attach_views, kernel, view_at

__all__ = [
    "LEVEL",
    "N_LEVELS",
    "N_ORDERS",
    "N_TOO_MUCH",
    "N_TWICE",
    "N_UNKNOWN",
    "N_UNKNOWN_DELETES",
    "ORDER",
    "PARTS",
    "R_SIZE",
    "S_TICK",
    "S_TICKS",
    "S_UNIT",
    "S_UNITS",
    "L3Books",
    "clear_orders",
    "find_level",
    "find_order",
    "grow_orders",
    "make_orders",
    "orders_room",
    "put_in",
    "take_out",
]

PARTS = 1024  # of a lot: an order's units
R_SIZE = 8  # of `row_did`; `l3` says what it holds

ORDER = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("order_id", "<i8"),
                ("tick", "<i8"),
                ("joined", "<i8"),  # place in time
                ("units", "<i8"),  # left, lots / 1024
                ("inst", "<i4"),  # -1 in a free slot
                ("side", "<i4"),  # BID or ASK
            ],
            align=True,
        ),
    )
)
LEVEL = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("key", "<i8"),  # tick * 2 + side
                ("units", "<i8"),
                ("inst", "<i4"),  # -1 in a free slot
                ("orders", "<i4"),
            ],
            align=True,
        ),
    )
)

# places in `counts`
N_ORDERS = 0  # in the book
N_LEVELS = 1
N_UNKNOWN = 2  # modifies and executions of orders that were never added
N_UNKNOWN_DELETES = 3
N_TWICE = 4  # adds of an id that was there
N_TOO_MUCH = 5  # executions of more than the order had left
N_SIZE = 8
# columns of `steps`
S_TICKS, S_UNITS, S_TICK, S_UNIT = range(4)

L3_HUB = np.dtype(
    (
        np.record,
        np.dtype(
            [
                (name, "<i8")
                for name in (
                    "insts", "slots", "level_slots", "book_orders", "book_levels", "steps",
                    "counts", "row_did",
                )
            ],
            align=True,
        ),
    )
)  # fmt: skip


class L3Books(NamedTuple):
    """Orders of all instruments in one hash table, their levels in another.

    Arrays: ``book_orders`` (slots,) ORDER; ``book_levels`` (level_slots,) LEVEL; ``steps``
    (insts, 4) float64: ticks of a quote unit, units of a quantity of 1, tick size, unit size;
    ``counts`` (N_SIZE,) and ``row_did`` (R_SIZE,) int64.
    """

    at: int  # address of the L3_HUB record


attach_views(
    L3Books,
    L3_HUB,
    book_orders=("slots", ORDER),
    book_levels=("level_slots", LEVEL),
    steps=(("insts", 4), np.float64),
    counts=(N_SIZE, np.int64),
    row_did=(R_SIZE, np.int64),
)


def _steps(of: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return how many `of` a unit has, whole where it is meant to be."""
    inverse = 1.0 / of
    whole = np.round(inverse)
    return np.where(np.abs(inverse - whole) < 1e-9 * whole, whole, inverse)


def make_orders(
    specs: npt.NDArray[Any], memory: list[npt.NDArray[Any]], *, slots: int = 1 << 12
) -> L3Books:
    """Return empty books of (n,) INSTRUMENT; `memory` takes their arrays, `slots` a power of 2."""
    orders, levels = np.zeros(slots, ORDER), np.zeros(slots, LEVEL)
    orders["inst"] = levels["inst"] = -1
    steps = np.empty((len(specs), 4))
    steps[:, S_TICKS], steps[:, S_TICK] = _steps(specs["tick_size"]), specs["tick_size"]
    steps[:, S_UNITS] = PARTS * _steps(specs["lot_size"])
    steps[:, S_UNIT] = specs["lot_size"] / PARTS
    arrays = {
        "book_orders": orders, "book_levels": levels, "steps": steps,
        "counts": np.zeros(N_SIZE, np.int64), "row_did": np.zeros(R_SIZE, np.int64),
    }  # fmt: skip
    record = np.zeros(1, L3_HUB)
    record["insts"], record["slots"], record["level_slots"] = len(specs), slots, slots
    for name, array in arrays.items():
        record[name] = array.ctypes.data
    memory.extend([record, *arrays.values()])
    return L3Books(int(record.ctypes.data))


@kernel(inline=True)
def _hash(inst: int, key: int, mask: int) -> int:
    folded = (key ^ (key >> 31)) & 0x7FFFFFFF
    return ((((folded + inst * 0x2545F49) & 0x7FFFFFFF) * 0x9E3779B1) >> 16) & mask


@kernel
def find_order(books: L3Books, inst: int, order_id: int) -> int:
    """Return the slot of an order, or the free one where it belongs."""
    orders = books.book_orders
    mask = len(orders) - 1
    slot = _hash(inst, order_id, mask)
    while orders[slot].inst >= 0 and (
        orders[slot].order_id != order_id or orders[slot].inst != inst
    ):
        slot = (slot + 1) & mask
    return slot


@kernel
def find_level(books: L3Books, inst: int, key: int) -> int:
    """Return the slot of a level, or the free one where it belongs."""
    levels = books.book_levels
    mask = len(levels) - 1
    slot = _hash(inst, key, mask)
    while levels[slot].inst >= 0 and (levels[slot].key != key or levels[slot].inst != inst):
        slot = (slot + 1) & mask
    return slot


@kernel
def _free(books: L3Books, slot: int) -> None:
    """Free an order's slot and close the gap, so that no probe ends too early."""
    orders = books.book_orders
    mask = len(orders) - 1
    hole = slot
    probe = (slot + 1) & mask
    while orders[probe].inst >= 0:
        home = _hash(int(orders[probe].inst), int(orders[probe].order_id), mask)
        if ((probe - home) & mask) >= ((probe - hole) & mask):
            orders[hole] = orders[probe]
            hole = probe
        probe = (probe + 1) & mask
    orders[hole].inst = -1
    books.counts[N_ORDERS] -= 1


@kernel
def _free_level(books: L3Books, slot: int) -> None:
    levels = books.book_levels
    mask = len(levels) - 1
    hole = slot
    probe = (slot + 1) & mask
    while levels[probe].inst >= 0:
        home = _hash(int(levels[probe].inst), int(levels[probe].key), mask)
        if ((probe - home) & mask) >= ((probe - hole) & mask):
            levels[hole] = levels[probe]
            hole = probe
        probe = (probe + 1) & mask
    levels[hole].inst = -1
    books.counts[N_LEVELS] -= 1


@kernel
def _shift(books: L3Books, inst: int, key: int, units: int, orders: int) -> None:
    """Add units and orders to a level; one without orders is gone."""
    slot = find_level(books, inst, key)
    level = books.book_levels[slot]
    if level.inst < 0:
        level.inst = inst
        level.key = key
        level.units = 0
        level.orders = 0
        books.counts[N_LEVELS] += 1
    level.units += units
    level.orders += orders
    if level.orders == 0:
        _free_level(books, slot)


@kernel
def take_out(books: L3Books, slot: int) -> None:
    """Remove the order in a slot, and its units from its level."""
    order = books.book_orders[slot]
    _shift(books, int(order.inst), int(order.tick) * 2 + int(order.side), -int(order.units), -1)
    _free(books, slot)


@kernel
def put_in(
    books: L3Books, inst: int, order_id: int, side: int, tick: int, units: int, joined: int
) -> None:
    """Insert an order whose id is not there, and its units into its level."""
    order = books.book_orders[find_order(books, inst, order_id)]
    order.order_id = order_id
    order.inst = inst
    order.side = side
    order.tick = tick
    order.units = units
    order.joined = joined
    books.counts[N_ORDERS] += 1
    _shift(books, inst, tick * 2 + side, units, 1)


@kernel
def clear_orders(books: L3Books, inst: int, side: int) -> None:
    """Take out all orders of an instrument, or of its bids (BUY) or asks (SELL)."""
    slot = 0
    while slot < len(books.book_orders):
        order = books.book_orders[slot]
        if order.inst == inst and (side == 0 or (order.side == BID) == (side == BUY)):
            take_out(books, slot)  # another order may have moved into this slot
        else:
            slot += 1


@kernel(inline=True)
def orders_room(books: L3Books) -> bool:
    """Say whether one more row can be applied whatever it is."""
    counts = books.counts
    return 10 * (counts[N_ORDERS] + 1) <= 7 * len(books.book_orders) and 10 * (
        counts[N_LEVELS] + 1
    ) <= 7 * len(books.book_levels)


@kernel
def _refill(books: L3Books, orders: int, n: int, levels: int, m: int) -> None:
    """Put what stands in the tables at two addresses into the new ones."""
    old_orders, old_levels = view_at(orders, n, ORDER), view_at(levels, m, LEVEL)
    for i in range(n):
        if old_orders[i].inst >= 0:
            slot = find_order(books, int(old_orders[i].inst), int(old_orders[i].order_id))
            books.book_orders[slot] = old_orders[i]
    for i in range(m):
        if old_levels[i].inst >= 0:
            slot = find_level(books, int(old_levels[i].inst), int(old_levels[i].key))
            books.book_levels[slot] = old_levels[i]


def grow_orders(books: L3Books, memory: list[npt.NDArray[Any]]) -> None:
    """Double the tables, in place: `books` stays what it is."""
    old_orders, old_levels = books.book_orders, books.book_levels
    n, m = len(old_orders), len(old_levels)
    orders, levels = np.zeros(2 * n, ORDER), np.zeros(2 * m, LEVEL)
    orders["inst"] = levels["inst"] = -1
    old = (old_orders.ctypes.data, old_levels.ctypes.data)
    books.hub["slots"], books.hub["level_slots"] = 2 * n, 2 * m
    books.hub["book_orders"], books.hub["book_levels"] = orders.ctypes.data, levels.ctypes.data
    _refill(books, old[0], n, old[1], m)
    memory[:] = [a for a in memory if a.ctypes.data not in old] + [orders, levels]
