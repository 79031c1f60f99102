"""The far table of a book: levels outside the dense window, in an open-addressing hash table."""

from __future__ import annotations

import numpy as np

from extrema_nb.books.layout import EMPTY_KEY, M_FAR, M_FAR_HIGH, M_FAR_LOW, L2Books
from extrema_nb.jit import kernel, view_at

__all__ = ["far_put", "far_remove", "find", "refill"]


@kernel(part=True)
def find(books: L2Books, b: int, key: int) -> int:
    """Return the slot of `key` in the far table, or the free slot where it belongs."""
    mask = books.far_key.shape[1] - 1
    slot = (((int(key) & 0x7FFFFFFF) * 0x9E3779B1) >> 20) & mask
    while books.far_key[b, slot] != EMPTY_KEY and books.far_key[b, slot] != key:
        slot = (slot + 1) & mask
    return slot


@kernel(part=True)
def far_remove(books: L2Books, b: int, slot: int) -> None:
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


@kernel(part=True)
def far_put(books: L2Books, b: int, side: int, tick: int, qty: float) -> float:
    """Store the quantity of a level, 0 for none; return what it was."""
    key = tick * 2 + side
    slot = find(books, b, key)
    known = books.far_key[b, slot] == key
    before = books.far_qty[b, slot] if known else 0.0
    if qty > 0.0:
        if not known:
            books.far_key[b, slot] = key
            books.meta[b, M_FAR] += 1
            books.meta[b, M_FAR_LOW + side] = min(tick, books.meta[b, M_FAR_LOW + side])
            books.meta[b, M_FAR_HIGH + side] = max(tick, books.meta[b, M_FAR_HIGH + side])
        books.far_qty[b, slot] = qty
    elif known:
        far_remove(books, b, slot)
    return before


@kernel(part=True)
def refill(books: L2Books, keys: int, values: int, capacity: int) -> None:
    """Put all levels of the tables at two addresses, of `capacity` slots a book, into new ones.

    In Python this took a third of a backtest over a book of ten thousand levels.
    """
    n = books.far_key.shape[0]
    old_keys = view_at(keys, (n, capacity), np.int64)
    old_values = view_at(values, (n, capacity), np.float64)
    for b in range(n):
        for i in range(capacity):
            key = old_keys[b, i]
            if key != EMPTY_KEY:
                slot = find(books, b, key)
                books.far_key[b, slot] = key
                books.far_qty[b, slot] = old_values[b, i]
