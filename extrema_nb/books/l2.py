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

from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.books.far import far_put, far_remove, find, refill
from extrema_nb.books.layout import (
    ASK,
    BID,
    BLOCK,
    BLOCK_BITS,
    BOOKS,
    EMPTY_KEY,
    M_BASE,
    M_BEST,
    M_CROSS,
    M_CURSOR,
    M_FAR,
    M_FAR_HIGH,
    M_FAR_LOW,
    M_LEVELS,
    M_SEQ,
    M_STALE,
    M_TS_RECV,
    NO_ASK,
    NO_BID,
    L2Books,
    make_books,
)
from extrema_nb.events import BUY, Flag
from extrema_nb.jit import kernel

__all__ = [
    "ASK",
    "BID",
    "BLOCK",
    "BOOKS",
    "M_LEVELS",
    "M_SEQ",
    "M_STALE",
    "M_TS_RECV",
    "NO_ASK",
    "NO_BID",
    "L2Books",
    "apply_level",
    "best_ask",
    "best_bid",
    "clear_book",
    "follow_touch",
    "grow",
    "is_crossed",
    "make_books",
    "next_above",
    "next_below",
    "price_to_tick",
    "put_level",
    "quantity",
    "room",
    "side_index",
    "update_level",
]

_START = int(Flag.START)
_PARTIAL = int(Flag.PARTIAL)


def grow(books: L2Books, memory: list[npt.NDArray[Any]]) -> None:
    """Double the far tables, in place: `books` stays what it is."""
    keys, values = books.far_key, books.far_qty
    n, capacity = keys.shape
    new_keys = np.full((n, capacity * 2), EMPTY_KEY, np.int64)
    new_values = np.zeros((n, capacity * 2))
    books.hub["capacity"] = capacity * 2
    books.hub["far_key"] = new_keys.ctypes.data
    books.hub["far_qty"] = new_values.ctypes.data
    refill(books, keys.ctypes.data, values.ctypes.data, capacity)
    memory[:] = [
        a for a in memory if a.ctypes.data not in (keys.ctypes.data, values.ctypes.data)
    ] + [new_keys, new_values]


@kernel(part=True)
def side_index(side: int) -> int:
    """Return BID for side BUY, ASK for SELL."""
    return BID if side == BUY else ASK


@kernel(inline=True, part=True)
def price_to_tick(books: L2Books, b: int, price: float) -> int:
    """Return the tick of `price`, half away from zero."""
    scaled = price * books.head[b].inverse
    if scaled >= 0.0:
        return int(np.floor(scaled + 0.5))
    return int(np.ceil(scaled - 0.5))


@kernel(inline=True, part=True)
def room(books: L2Books, b: int) -> bool:
    """Say whether one more row can be applied to book `b` whatever it is."""
    return 10 * (int(books.head[b].levels) + 2) <= 7 * books.far_key.shape[1]


@kernel(part=True)
def _put_far(books: L2Books, b: int, side: int, tick: int, qty: float) -> float:
    """Store the quantity of a level outside the window; return what it was."""
    before = far_put(books, b, side, tick, qty)
    books.head[b].levels += int(qty > 0.0) - int(before > 0.0)
    return before


@kernel(inline=True, part=True)
def put_level(books: L2Books, b: int, side: int, tick: int, qty: float) -> float:
    """Store the quantity of a level, wherever it lies; return what it was."""
    book = books.head[b]
    i = tick - int(book.origin)
    if 0 <= i < books.qty.shape[2]:
        before = books.qty[b, side, i]
        books.qty[b, side, i] = qty
        # no branch: whether a level comes or goes is as good as random
        change = int(qty > 0.0) - int(before > 0.0)
        books.count[b, side, i >> BLOCK_BITS] += change
        book.levels += change
        return before
    return _put_far(books, b, side, tick, qty)


@kernel(part=True)
def quantity(books: L2Books, b: int, side: int, tick: int) -> float:
    """Return the quantity at a tick of side BID or ASK, 0 if there is none."""
    i = tick - int(books.meta[b, M_BASE])
    if 0 <= i < books.qty.shape[2]:
        return books.qty[b, side, i]
    if books.meta[b, M_FAR] == 0:
        return 0.0
    key = tick * 2 + side
    slot = find(books, b, key)
    return books.far_qty[b, slot] if books.far_key[b, slot] == key else 0.0


@kernel(part=True)
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
    if (
        books.meta[b, M_FAR] > 0
        and (found == NO_BID or tick > base + width)
        and books.meta[b, M_FAR_LOW + side] < tick
        and books.meta[b, M_FAR_HIGH + side] > found
    ):
        for slot in range(books.far_key.shape[1]):
            key = books.far_key[b, slot]
            if key != EMPTY_KEY and (key & 1) == side and found < (key >> 1) < tick:
                found = key >> 1
    return found


@kernel(part=True)
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
    if (
        books.meta[b, M_FAR] > 0
        and (found == NO_ASK or tick < base - 1)
        and books.meta[b, M_FAR_HIGH + side] > tick
        and books.meta[b, M_FAR_LOW + side] < found
    ):
        for slot in range(books.far_key.shape[1]):
            key = books.far_key[b, slot]
            if key != EMPTY_KEY and (key & 1) == side and tick < (key >> 1) < found:
                found = key >> 1
    return found


@kernel(inline=True, part=True)
def best_bid(books: L2Books, b: int) -> int:
    """Return the best bid tick, NO_BID if the side is empty."""
    return int(books.head[b].bid)


@kernel(inline=True, part=True)
def best_ask(books: L2Books, b: int) -> int:
    """Return the best ask tick, NO_ASK if the side is empty."""
    return int(books.head[b].ask)


@kernel(part=True)
def clear_book(books: L2Books, b: int) -> None:
    """Forget all levels."""
    for side in range(2):
        for block in range(books.count.shape[2]):
            if books.count[b, side, block] > 0:
                books.qty[b, side, block * BLOCK : (block + 1) * BLOCK] = 0.0
                books.count[b, side, block] = 0
    if books.meta[b, M_FAR] > 0:
        books.far_key[b, :] = EMPTY_KEY
        books.far_qty[b, :] = 0.0
    books.meta[b, M_FAR] = 0
    books.meta[b, M_FAR_LOW : M_FAR_LOW + 2] = NO_ASK
    books.meta[b, M_FAR_HIGH : M_FAR_HIGH + 2] = NO_BID
    books.meta[b, M_LEVELS] = 0
    books.meta[b, M_BEST] = NO_BID
    books.meta[b, M_BEST + 1] = NO_ASK
    books.meta[b, M_CROSS] = 0


@kernel(part=True)
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
                        far_put(books, b, side, old + i, qty)
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
            far_remove(books, b, slot)  # another entry may have moved into this slot
        else:
            slot += 1
    books.meta[b, M_FAR_LOW : M_FAR_LOW + 2] = NO_ASK
    books.meta[b, M_FAR_HIGH : M_FAR_HIGH + 2] = NO_BID
    for slot in range(books.far_key.shape[1]):
        key = books.far_key[b, slot]
        if key != EMPTY_KEY:
            side = key & 1
            books.meta[b, M_FAR_LOW + side] = min(key >> 1, books.meta[b, M_FAR_LOW + side])
            books.meta[b, M_FAR_HIGH + side] = max(key >> 1, books.meta[b, M_FAR_HIGH + side])
    for side in range(2):
        for block in range(width // BLOCK):
            levels = 0
            for i in range(block * BLOCK, (block + 1) * BLOCK):
                levels += int(books.qty[b, side, i] > 0.0)
            books.count[b, side, block] = levels


@kernel(part=True)
def follow_touch(books: L2Books, b: int) -> None:
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


@kernel(part=True)
def _move_touch(books: L2Books, b: int, side: int, tick: int, qty: float) -> None:
    """Move the best price of a side: `tick` is better than it, or was it and is gone."""
    book = books.head[b]
    if side == BID:
        if qty > 0.0:
            book.bid = tick
            if tick >= book.ask:
                book.cross = 1
                book.ask = next_above(books, b, ASK, tick)
        else:
            book.bid = next_below(books, b, BID, tick)
    elif qty > 0.0:
        book.ask = tick
        if tick <= book.bid:
            book.cross = 1
            book.bid = next_below(books, b, BID, tick)
    else:
        book.ask = next_above(books, b, ASK, tick)
    follow_touch(books, b)


@kernel(inline=True, part=True)
def _update(books: L2Books, b: int, side: int, tick: int, qty: float) -> float:
    """Do what `update_level` says; inlined where each row passes."""
    book = books.head[b]
    if qty < book.least:
        qty = 0.0
    before = put_level(books, b, side, tick, qty)
    # one comparison settles most rows; a level at the touch that only changes needs no move
    if side == BID:
        if tick >= book.bid and (qty == 0.0) == (tick == book.bid):
            _move_touch(books, b, BID, tick, qty)
    elif tick <= book.ask and (qty == 0.0) == (tick == book.ask):
        _move_touch(books, b, ASK, tick, qty)
    return before


@kernel(part=True)
def update_level(books: L2Books, b: int, side: int, tick: int, qty: float) -> float:
    """Set the quantity of one level and keep the best prices; return the quantity before.

    Parameters
    ----------
    side : BID or ASK
    qty : absolute; below half a lot removes the level
    """
    return _update(books, b, side, tick, qty)


@kernel(part=True)
def _begin(books: L2Books, b: int, flags: int) -> None:
    """Start a snapshot, whole or partial."""
    if flags & _PARTIAL == 0:
        clear_book(books, b)
    books.head[b].cursor_bid = NO_ASK
    books.head[b].cursor_ask = NO_BID


@kernel(inline=True, part=True)
def apply_level(books: L2Books, b: int, row: Any) -> float:
    """Apply one LOB_LEVEL row; return the quantity that was at the level."""
    flags = int(row.flags)
    if flags & _START:
        _begin(books, b, flags)
    book = books.head[b]
    book.seq = row.seq
    book.ts_event = row.ts_event
    book.ts_recv = row.ts_recv
    if row.side == 0:
        return 0.0
    side = BID if row.side == BUY else ASK
    tick = price_to_tick(books, b, row.price)
    if flags & _PARTIAL:
        _clear_between(books, b, side, tick)
    return _update(books, b, side, tick, row.qty)


@kernel(part=True)
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


@kernel(inline=True, part=True)
def is_crossed(books: L2Books, b: int) -> bool:
    """Say, at the end of a message, whether a bid stands at or above an ask; reset the mark.

    Rule 4 keeps the best prices apart, so this looks for the levels that it pushed aside.
    """
    if books.head[b].cross == 0:
        return False
    return _still_crossed(books, b)


@kernel(part=True)
def _still_crossed(books: L2Books, b: int) -> bool:
    books.head[b].cross = 0
    lowest_ask = next_above(books, b, ASK, NO_BID)
    highest_bid = next_below(books, b, BID, NO_ASK)
    return highest_bid >= lowest_ask
