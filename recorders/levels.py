"""The levels of many books, followed row by row in compiled code, without an order among them.

Rules
-----
1. A book is a hash table from a level's key to its quantity. The key is the bits of the price,
   which rise with it, times the side; a level that is gone keeps its place with quantity 0.
2. `follow` stops before a row for which a table has no room; the caller makes some and goes on with
   the same row. So memory is bounded by the levels that there are.
3. What makes a book doubtful, and what begins it, is said in `recorders.books`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from extrema_nb.events import EventArray, EventKind, Flag, StatusCode, empty_events
from extrema_nb.jit import kernel, record_at, view_at

__all__ = ["BOOK", "Levels", "follow"]

FIRST = 256  # places of a table at first
LOB, STATUS = int(EventKind.LOB), int(EventKind.STATUS)
START, PARTIAL, STALE = int(Flag.START), int(Flag.PARTIAL), int(Flag.STALE)
LAGGED = int(StatusCode.LAGGED)
SAID_STALE, SAID_GAP, SAID_CROSSED = (
    int(code) for code in (StatusCode.STALE, StatusCode.GAP, StatusCode.CROSSED)
)
# words of a row: inst (4 bytes), kind, side (1 each) and flags (2) are one
TS_EVENT, HEAD, PRICE, QTY, SEQ, CODE = 0, 2, 3, 4, 5, 3
WORDS, BOOK_SIZE = 8, 64
NO_KEYS: npt.NDArray[np.int64] = np.zeros(0, np.int64)
NO_AMOUNTS: npt.NDArray[np.float64] = np.zeros(0)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BOOK = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("begun", "<i8"),
                ("table", "<i8"),  # address of its keys and quantities, side by side
                ("places", "<i8"),  # of the table, a power of two
                ("used", "<i8"),  # places with a key
                ("half_lot", "<f8"),
                ("seq", "<i8"),  # of the last row
                ("ts_event", "<i8"),
                ("spare", "<i8"),
            ],
            align=True,
        ),
    )
)


@kernel
def _put(address: int, key: int, qty: float) -> None:
    """Set the quantity of a level; there is room for one more."""
    book = record_at(address, BOOK)
    size = int(book.places)
    keys, amounts = (
        view_at(book.table, (size, 2), np.int64),
        view_at(book.table, (size, 2), np.float64),
    )
    slot = ((((key ^ (key >> 32)) & 0xFFFFFFFF) * 0x1E3779B1) >> 24) & (size - 1)
    while keys[slot, 0] != 0 and keys[slot, 0] != key:
        slot = (slot + 1) & (size - 1)
    if keys[slot, 0] == 0:
        if qty == 0.0:
            return
        keys[slot, 0] = key
        book.used += 1
    amounts[slot, 1] = qty


@kernel(inline=True)
def _doubt(books: int, count: int, inst: int, code: int) -> None:
    """Take a STATUS row."""
    if code == LAGGED:
        for b in range(count):
            record_at(books + b * BOOK_SIZE, BOOK).begun = 0
    elif 0 <= inst < count and code in (SAID_STALE, SAID_GAP, SAID_CROSSED):
        record_at(books + inst * BOOK_SIZE, BOOK).begun = 0


@kernel(inline=True)
def _begin(address: int, flags: int) -> bool:
    """Begin or end a book where the flags of its row say so; say whether it has begun."""
    book = record_at(address, BOOK)
    if flags & (START | PARTIAL) == START:
        keys = view_at(book.table, (int(book.places), 2), np.int64)
        for slot in range(int(book.places)):
            keys[slot, 0] = 0
        book.used, book.begun = 0, 1
    elif flags & (STALE | PARTIAL):
        book.begun = 0
    return bool(book.begun)


@kernel
def follow(books: int, count: int, rows: int, n: int, at: int) -> int:
    """Apply rows from `at` on; return the place of the first that was not, `n` if there is none.

    Parameters
    ----------
    books : address of `count` BOOK records, by instrument id
    rows : address of `n` EVENT rows
    """
    words, prices = view_at(rows, (n, WORDS), np.int64), view_at(rows, (n, WORDS), np.float64)
    for i in range(at, n):
        head = words[i, HEAD]
        kind, inst, side = head << 24 >> 56, head << 32 >> 32, head << 16 >> 56
        address = books + inst * BOOK_SIZE
        if kind == STATUS:
            _doubt(books, count, inst, int(words[i, CODE]))
        elif kind == LOB and 0 <= inst < count and _begin(address, head >> 48):
            book = record_at(address, BOOK)
            if side != 0:
                if prices[i, PRICE] <= 0.0:  # of a spread, say; its keys would not be in order
                    book.begun = 0
                elif 2 * int(book.used) >= int(book.places):
                    return i
                else:
                    qty = prices[i, QTY]
                    _put(address, words[i, PRICE] * side, qty if qty >= book.half_lot else 0.0)
            book.seq, book.ts_event = words[i, SEQ], words[i, TS_EVENT]
    return n


@kernel
def _fill(address: int, keys: Ints, amounts: Floats) -> None:
    """Put levels into a table that has room for them."""
    for i in range(len(keys)):
        _put(address, keys[i], amounts[i])


class Levels:
    """The books of a recording, by instrument id.

    Attributes
    ----------
    books : (instruments,) BOOK
    """

    def __init__(self) -> None:
        self.books = np.zeros(0, BOOK)
        self._tables: list[Ints] = []  # of each book
        self.apply(empty_events(0))  # compiles now
        _fill(0, NO_KEYS, NO_AMOUNTS)

    def extend(self, half_lots: Sequence[float]) -> None:
        """Have a book for each instrument; those that are known stay as they are."""
        known = len(self.books)
        books = np.zeros(len(half_lots), BOOK)
        books[:known] = self.books
        self.books = books
        for inst in range(known, len(books)):
            books["half_lot"][inst] = half_lots[inst]
            self._tables.append(np.zeros((0, 2), np.int64))
            self._room(inst, 0)

    def apply(self, rows: EventArray) -> None:
        """Follow the next rows of the recording."""
        rows = np.ascontiguousarray(rows)
        n, at = int(rows.size), 0
        address, books = int(rows.ctypes.data), int(self.books.ctypes.data)
        while True:
            at = follow(books, len(self.books), address, n, at)
            if at == n:
                return
            inst = int(rows["inst"][at])
            self._room(inst, int(self.books["used"][inst]))

    def of(self, inst: int) -> tuple[Ints, Floats]:
        """Return keys, rising, and quantities of the levels of a book."""
        keys, amounts = self._tables[inst][:, 0], self._tables[inst].view(np.float64)[:, 1]
        there = (keys != 0) & (amounts > 0.0)
        keys, amounts = keys[there], amounts[there]
        order = np.argsort(keys)
        return keys[order], amounts[order]

    def _room(self, inst: int, used: int) -> None:
        """Make a table with room for more; levels that are gone are left out."""
        keys, amounts = self.of(inst) if used else (NO_KEYS, NO_AMOUNTS)
        size = FIRST
        while size < 3 * len(keys):
            size *= 2
        self._tables[inst] = table = np.zeros((size, 2), np.int64)
        book = self.books[inst]
        book["table"], book["places"], book["used"] = table.ctypes.data, size, 0
        address = int(self.books.ctypes.data) + inst * BOOK_SIZE
        _fill(address, keys, amounts)
