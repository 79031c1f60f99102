"""Exact L2 book: every price the venue may send, constant-time updates, best prices always known.

Rules
-----
1. Prices are integer ticks. Price to tick rounds half away from zero.
2. A dense window of `W` ticks lies around the touch; levels outside of it are kept exactly in an
   open-addressing hash table (`far`). When the mid leaves the middle half of the window, the
   window moves and levels change places. No level is ever dropped.
3. A level is gone when its quantity rounds to no lot (is below half a lot).
4. A bid that arrives at or above the best ask moves the best ask beyond it, and the reverse; the
   levels in between stay in the book but are no best price until they are refreshed.
5. `START` of a snapshot clears the book, unless it is `PARTIAL`: then each row clears, on its side,
   what lies between the row before and itself (rows come from best to worst).
6. Memory is bounded: `room` says whether the far table can hold whatever the next row brings; the
   caller stops, calls `grow` (plain NumPy) and goes on with the same row.

Beside each 64 ticks of the window a count of levels is kept, so that a search for the next level
skips empty stretches eight cache lines at a time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.events import BUY, Flag
from extrema_nb.instruments import INSTRUMENT
from extrema_nb.jit import attach_attribute, kernel, view_at

__all__ = [
    "ASK",
    "BID",
    "BOOKS",
    "NO_ASK",
    "NO_BID",
    "L2Books",
    "apply_level",
    "best_ask",
    "best_bid",
    "clear_book",
    "grow",
    "is_crossed",
    "make_books",
    "next_above",
    "next_below",
    "price_to_tick",
    "quantity",
    "room",
    "side_index",
    "update_level",
]

BID = 0  # index of the bid side in arrays
ASK = 1
NO_BID = -(1 << 60)  # best bid of an empty side
NO_ASK = 1 << 60
BLOCK = 64  # ticks a count covers
EMPTY_KEY = -(1 << 62)  # unused slot of the far table

# columns of `meta`
M_BASE = 0  # tick of window index 0
M_BEST = 1  # best bid tick; M_BEST + 1 is the best ask tick
M_LEVELS = 3  # levels in the book, both sides
M_FAR = 4  # of these, levels in the far table
M_SEQ = 5  # sequence number of the last message
M_TS_EVENT = 6  # µs
M_TS_RECV = 7  # µs
M_STALE = 8  # 1: the feed said that the book cannot be trusted
M_CURSOR = 9  # last tick of a partial snapshot, bid; +1 ask
M_CROSS = 11  # lowest/highest tick that rule 4 pushed aside since the last message end; 0 none
M_COLUMNS = 12

_START = int(Flag.START)
_PARTIAL = int(Flag.PARTIAL)
_SNAPSHOT = int(Flag.SNAPSHOT)


BOOKS = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("n", "<i8"),  # books
                ("window", "<i8"),  # ticks
                ("capacity", "<i8"),  # slots of a far table
                ("meta", "<i8"),  # addresses of the arrays below
                ("scale", "<i8"),
                ("qty", "<i8"),
                ("count", "<i8"),
                ("far_key", "<i8"),
                ("far_qty", "<i8"),
            ],
            align=True,
        ),
    )
)


class L2Books(NamedTuple):
    """Books of all instruments; row `b` of each array is one book.

    Arrays: ``meta`` (n, M_COLUMNS) int64; ``scale`` (n, 3) float64: tick size, ticks a quote unit,
    half a lot; ``qty`` (n, 2, window) float64 quantity at window index, 0 none; ``count``
    (n, 2, window / BLOCK) int64 levels in a block; ``far_key`` (n, capacity) int64 tick * 2 + side;
    ``far_qty`` (n, capacity) float64.
    """

    at: int  # address of the BOOKS record


def hub(books: L2Books) -> Any:  # noqa: D103  # attributes of L2Books, see its docstring
    return view_at(books.at, 1, BOOKS)[0]


def meta(books: L2Books) -> Any:  # noqa: D103
    return view_at(books.hub.meta, (books.hub.n, M_COLUMNS), np.int64)


def scale(books: L2Books) -> Any:  # noqa: D103
    return view_at(books.hub.scale, (books.hub.n, 3), np.float64)


def qty(books: L2Books) -> Any:  # noqa: D103
    return view_at(books.hub.qty, (books.hub.n, 2, books.hub.window), np.float64)


def count(books: L2Books) -> Any:  # noqa: D103
    return view_at(books.hub.count, (books.hub.n, 2, books.hub.window // BLOCK), np.int64)


def far_key(books: L2Books) -> Any:  # noqa: D103
    return view_at(books.hub.far_key, (books.hub.n, books.hub.capacity), np.int64)


def far_qty(books: L2Books) -> Any:  # noqa: D103
    return view_at(books.hub.far_qty, (books.hub.n, books.hub.capacity), np.float64)


attach_attribute(L2Books, hub, meta, scale, qty, count, far_key, far_qty)


def make_books(
    specs: npt.NDArray[Any],
    memory: list[npt.NDArray[Any]],
    *,
    window: int | None = None,
    far: int = 4096,
) -> L2Books:
    """Return empty books for (n,) INSTRUMENT specs.

    Parameters
    ----------
    memory : takes the arrays; whoever uses the books must keep it alive
    window : ticks in the dense window, a multiple of 64; default 16,384 for up to 8 instruments
        (256 KiB each), less for more
    far : slots of the far table, a power of two; grows when needed
    """
    n = len(specs)
    if window is None:
        window = 16_384 if n <= 8 else 4_096 if n <= 64 else 1_024
    if window % BLOCK or far & (far - 1):
        raise ValueError(f"window {window} must be a multiple of {BLOCK}, far {far} a power of two")
    specs = specs.astype(INSTRUMENT)
    marks = np.zeros((n, M_COLUMNS), np.int64)
    marks[:, M_BEST] = NO_BID
    marks[:, M_BEST + 1] = NO_ASK
    scales = np.empty((n, 3))
    scales[:, 0] = specs["tick_size"]
    inverse = 1.0 / specs["tick_size"]
    whole = np.round(inverse)
    scales[:, 1] = np.where(np.abs(inverse - whole) < 1e-9 * whole, whole, inverse)
    scales[:, 2] = specs["lot_size"] / 2
    record = np.zeros(1, BOOKS)
    record["n"], record["window"], record["capacity"] = n, window, far
    arrays = {
        "meta": marks,
        "scale": scales,
        "qty": np.zeros((n, 2, window)),
        "count": np.zeros((n, 2, window // BLOCK), np.int64),
        "far_key": np.full((n, far), EMPTY_KEY, np.int64),
        "far_qty": np.zeros((n, far)),
    }
    for name, array in arrays.items():
        record[name] = array.ctypes.data
    memory.extend([record, *arrays.values()])
    return L2Books(record.ctypes.data)


def grow(books: L2Books, memory: list[npt.NDArray[Any]]) -> None:
    """Double the far tables, in place: `books` stays what it is."""
    keys, values = books.far_key, books.far_qty
    n, capacity = keys.shape
    new_keys = np.full((n, capacity * 2), EMPTY_KEY, np.int64)
    new_values = np.zeros((n, capacity * 2))
    books.hub["capacity"] = capacity * 2
    books.hub["far_key"] = new_keys.ctypes.data
    books.hub["far_qty"] = new_values.ctypes.data
    for b in range(n):
        for i in np.flatnonzero(keys[b] != EMPTY_KEY):
            slot = _find(books, b, int(keys[b, i]))
            new_keys[b, slot] = keys[b, i]
            new_values[b, slot] = values[b, i]
    memory[:] = [
        a for a in memory if a.ctypes.data not in (keys.ctypes.data, values.ctypes.data)
    ] + [new_keys, new_values]


@kernel
def side_index(side: int) -> int:
    """Return BID for side BUY, ASK for SELL."""
    return BID if side == BUY else ASK


@kernel
def price_to_tick(books: L2Books, b: int, price: float) -> int:
    """Return the tick of `price`, half away from zero."""
    scaled = price * books.scale[b, 1]
    if scaled >= 0.0:
        return int(np.floor(scaled + 0.5))
    return int(np.ceil(scaled - 0.5))


@kernel
def room(books: L2Books, b: int) -> bool:
    """Say whether one more row can be applied to book `b` whatever it is."""
    return 10 * (int(books.meta[b, M_LEVELS]) + 2) <= 7 * books.far_key.shape[1]


@kernel
def _find(books: L2Books, b: int, key: int) -> int:
    """Return the slot of `key` in the far table, or the free slot where it belongs."""
    mask = books.far_key.shape[1] - 1
    slot = (((int(key) & 0x7FFFFFFF) * 0x9E3779B1) >> 20) & mask
    while books.far_key[b, slot] != EMPTY_KEY and books.far_key[b, slot] != key:
        slot = (slot + 1) & mask
    return slot


@kernel
def _far_remove(books: L2Books, b: int, slot: int) -> None:
    """Free a slot and close the gap, so that no probe ends too early."""
    mask = books.far_key.shape[1] - 1
    hole = slot
    probe = (slot + 1) & mask
    while books.far_key[b, probe] != EMPTY_KEY:
        home = (((int(books.far_key[b, probe]) & 0x7FFFFFFF) * 0x9E3779B1) >> 20) & mask
        if ((probe - home) & mask) >= ((probe - hole) & mask):
            books.far_key[b, hole] = books.far_key[b, probe]
            books.far_qty[b, hole] = books.far_qty[b, probe]
            hole = probe
        probe = (probe + 1) & mask
    books.far_key[b, hole] = EMPTY_KEY
    books.far_qty[b, hole] = 0.0
    books.meta[b, M_FAR] -= 1


@kernel
def _far_put(books: L2Books, b: int, side: int, tick: int, qty: float) -> float:
    key = tick * 2 + side
    slot = _find(books, b, key)
    known = books.far_key[b, slot] == key
    before = books.far_qty[b, slot] if known else 0.0
    if qty > 0.0:
        if not known:
            books.far_key[b, slot] = key
            books.meta[b, M_FAR] += 1
        books.far_qty[b, slot] = qty
    elif known:
        _far_remove(books, b, slot)
    return before


@kernel
def _put(books: L2Books, b: int, side: int, tick: int, qty: float) -> float:
    """Store the quantity of a level, wherever it lies; return what it was."""
    i = tick - int(books.meta[b, M_BASE])
    if 0 <= i < books.qty.shape[2]:
        before = books.qty[b, side, i]
        books.qty[b, side, i] = qty
        change = int(qty > 0.0) - int(before > 0.0)
        if change != 0:
            books.count[b, side, i // BLOCK] += change
            books.meta[b, M_LEVELS] += change
        return before
    before = _far_put(books, b, side, tick, qty)
    books.meta[b, M_LEVELS] += int(qty > 0.0) - int(before > 0.0)
    return before


@kernel
def quantity(books: L2Books, b: int, side: int, tick: int) -> float:
    """Return the quantity at a tick of side BID or ASK, 0 if there is none."""
    i = tick - int(books.meta[b, M_BASE])
    if 0 <= i < books.qty.shape[2]:
        return books.qty[b, side, i]
    if books.meta[b, M_FAR] == 0:
        return 0.0
    key = tick * 2 + side
    slot = _find(books, b, key)
    return books.far_qty[b, slot] if books.far_key[b, slot] == key else 0.0


@kernel
def next_below(books: L2Books, b: int, side: int, tick: int) -> int:
    """Return the highest level of a side below `tick`, or NO_BID."""
    base = int(books.meta[b, M_BASE])
    width = books.qty.shape[2]
    found = NO_BID
    i = min(tick - base, width) - 1
    while i >= 0:
        if books.count[b, side, i // BLOCK] == 0:
            i = i // BLOCK * BLOCK - 1
        elif books.qty[b, side, i] > 0.0:
            found = base + i
            break
        else:
            i -= 1
    if books.meta[b, M_FAR] > 0 and (found == NO_BID or tick > base + width):
        for slot in range(books.far_key.shape[1]):
            key = books.far_key[b, slot]
            if key != EMPTY_KEY and (key & 1) == side and found < (key >> 1) < tick:
                found = key >> 1
    return found


@kernel
def next_above(books: L2Books, b: int, side: int, tick: int) -> int:
    """Return the lowest level of a side above `tick`, or NO_ASK."""
    base = int(books.meta[b, M_BASE])
    width = books.qty.shape[2]
    found = NO_ASK
    i = max(tick - base, -1) + 1
    while i < width:
        if books.count[b, side, i // BLOCK] == 0:
            i = (i // BLOCK + 1) * BLOCK
        elif books.qty[b, side, i] > 0.0:
            found = base + i
            break
        else:
            i += 1
    if books.meta[b, M_FAR] > 0 and (found == NO_ASK or tick < base - 1):
        for slot in range(books.far_key.shape[1]):
            key = books.far_key[b, slot]
            if key != EMPTY_KEY and (key & 1) == side and tick < (key >> 1) < found:
                found = key >> 1
    return found


@kernel
def best_bid(books: L2Books, b: int) -> int:
    """Return the best bid tick, NO_BID if the side is empty."""
    return int(books.meta[b, M_BEST])


@kernel
def best_ask(books: L2Books, b: int) -> int:
    """Return the best ask tick, NO_ASK if the side is empty."""
    return int(books.meta[b, M_BEST + 1])


@kernel
def clear_book(books: L2Books, b: int) -> None:
    """Forget all levels."""
    books.qty[b, :, :] = 0.0
    books.count[b, :, :] = 0
    if books.meta[b, M_FAR] > 0:
        books.far_key[b, :] = EMPTY_KEY
        books.far_qty[b, :] = 0.0
    books.meta[b, M_FAR] = 0
    books.meta[b, M_LEVELS] = 0
    books.meta[b, M_BEST] = NO_BID
    books.meta[b, M_BEST + 1] = NO_ASK
    books.meta[b, M_CROSS] = 0


@kernel
def _recentre(books: L2Books, b: int, base: int) -> None:
    """Move the window so that it starts at tick `base`; levels change places, none is lost."""
    old = int(books.meta[b, M_BASE])
    width = books.qty.shape[2]
    shift = base - old
    for side in range(2):
        for block in range(width // BLOCK):
            if books.count[b, side, block] > 0:
                for i in range(block * BLOCK, (block + 1) * BLOCK):
                    qty = books.qty[b, side, i]
                    if qty > 0.0 and not 0 <= i - shift < width:
                        _far_put(books, b, side, old + i, qty)
        if 0 < shift < width:
            for i in range(width - shift):
                books.qty[b, side, i] = books.qty[b, side, i + shift]
            books.qty[b, side, width - shift :] = 0.0
        elif -width < shift < 0:
            for i in range(width - 1, -shift - 1, -1):
                books.qty[b, side, i] = books.qty[b, side, i + shift]
            books.qty[b, side, :-shift] = 0.0
        else:
            books.qty[b, side, :] = 0.0
    books.meta[b, M_BASE] = base
    slot = 0
    while books.meta[b, M_FAR] > 0 and slot < books.far_key.shape[1]:
        key = books.far_key[b, slot]
        i = (key >> 1) - base
        if key != EMPTY_KEY and 0 <= i < width:
            books.qty[b, key & 1, i] = books.far_qty[b, slot]
            _far_remove(books, b, slot)  # another entry may have moved into this slot
        else:
            slot += 1
    for side in range(2):
        for block in range(width // BLOCK):
            levels = 0
            for i in range(block * BLOCK, (block + 1) * BLOCK):
                levels += int(books.qty[b, side, i] > 0.0)
            books.count[b, side, block] = levels


@kernel
def _follow(books: L2Books, b: int) -> None:
    """Recentre if the touch has left the middle half of the window."""
    bid = int(books.meta[b, M_BEST])
    ask = int(books.meta[b, M_BEST + 1])
    if bid == NO_BID:
        if ask == NO_ASK:
            return
        mid = ask
    elif ask == NO_ASK:
        mid = bid
    else:
        mid = (bid + ask) // 2
    width = books.qty.shape[2]
    i = mid - int(books.meta[b, M_BASE])
    if i < width // 4 or i >= width - width // 4:
        base = (mid - width // 2) // BLOCK * BLOCK
        if base != books.meta[b, M_BASE]:
            _recentre(books, b, base)


@kernel
def update_level(books: L2Books, b: int, side: int, tick: int, qty: float) -> float:
    """Set the quantity of one level and keep the best prices; return the quantity before.

    Parameters
    ----------
    side : BID or ASK
    qty : absolute; below half a lot removes the level
    """
    if qty < books.scale[b, 2]:
        qty = 0.0
    before = _put(books, b, side, tick, qty)
    meta = books.meta
    if side == BID:
        best = int(meta[b, M_BEST])
        if qty > 0.0:
            if tick > best:
                meta[b, M_BEST] = tick
                if tick >= meta[b, M_BEST + 1]:
                    meta[b, M_CROSS] = 1
                    meta[b, M_BEST + 1] = next_above(books, b, ASK, tick)
                _follow(books, b)
        elif tick == best:
            meta[b, M_BEST] = next_below(books, b, BID, tick)
            _follow(books, b)
    else:
        best = int(meta[b, M_BEST + 1])
        if qty > 0.0:
            if tick < best:
                meta[b, M_BEST + 1] = tick
                if tick <= meta[b, M_BEST]:
                    meta[b, M_CROSS] = 1
                    meta[b, M_BEST] = next_below(books, b, BID, tick)
                _follow(books, b)
        elif tick == best:
            meta[b, M_BEST + 1] = next_above(books, b, ASK, tick)
            _follow(books, b)
    return before


@kernel
def apply_level(books: L2Books, b: int, row: Any) -> float:
    """Apply one LOB_LEVEL row; return the quantity that was at the level."""
    flags = int(row.flags)
    meta = books.meta
    if flags & _START:
        if flags & _PARTIAL == 0:
            clear_book(books, b)
        meta[b, M_CURSOR] = NO_ASK
        meta[b, M_CURSOR + 1] = NO_BID
    meta[b, M_SEQ] = row.seq
    meta[b, M_TS_EVENT] = row.ts_event
    meta[b, M_TS_RECV] = row.ts_recv
    if row.side == 0:
        return 0.0
    side = BID if row.side == BUY else ASK
    tick = price_to_tick(books, b, row.price)
    if flags & _PARTIAL:
        _clear_between(books, b, side, tick)
    return update_level(books, b, side, tick, row.qty)


@kernel
def _clear_between(books: L2Books, b: int, side: int, tick: int) -> None:
    """Remove levels of a side between the last row of a partial snapshot and `tick`."""
    cursor = int(books.meta[b, M_CURSOR + side])
    if side == BID:
        level = next_below(books, b, BID, cursor)
        while level > tick:
            update_level(books, b, BID, level, 0.0)
            level = next_below(books, b, BID, level)
    else:
        level = next_above(books, b, ASK, cursor)
        while level < tick:
            update_level(books, b, ASK, level, 0.0)
            level = next_above(books, b, ASK, level)
    books.meta[b, M_CURSOR + side] = tick


@kernel
def is_crossed(books: L2Books, b: int) -> bool:
    """Say, at the end of a message, whether a bid stands at or above an ask; reset the mark.

    Rule 4 keeps the best prices apart, so this looks for the levels that it pushed aside.
    """
    if books.meta[b, M_CROSS] == 0:
        return False
    books.meta[b, M_CROSS] = 0
    lowest_ask = next_above(books, b, ASK, NO_BID)
    highest_bid = next_below(books, b, BID, NO_ASK)
    return highest_bid >= lowest_ask
