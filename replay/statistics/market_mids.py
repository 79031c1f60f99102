"""The market's mid at given moments of the exchange's clock, from the rows of a run, in one pass.

Rules
-----
1. The clock is ``ts_event``; rows of one instrument that step back count as of the latest before
   that could say its price: a trade that comes ahead of an earlier book does not move the book.
2. At a moment the mid is that of the last whole message stamped at or before it.
3. The best source that an instrument has decides: book, else BBO rows, else trades, else candles,
   of which price or close stands for the mid. Once a better one has come, the others are ignored.
4. A candle tells its close when it is received: its ``ts_event`` is when it opened.
5. Beyond the last row of the instrument nothing is known: NaN. Nor is it while a side is empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.books.l2 import (
    NO_ASK,
    NO_BID,
    L2Books,
    apply_level,
    best_ask,
    best_bid,
    grow,
    make_books,
    room,
)
from extrema_nb.events import BBO, CANDLE, EVENT, LOB_LEVEL, TRADE, EventKind, Flag
from extrema_nb.jit import kernel, view_at
from replay.statistics.frames import Floats, Ints

__all__ = ["mids_at"]

# kinds 1 to 4 are the market's prices
_TRADE, _LOB = int(EventKind.TRADE), int(EventKind.LOB)
_BBO, _CANDLE = int(EventKind.BBO), int(EventKind.CANDLE)
_LAST, _OFF_BOOK = int(Flag.LAST), int(Flag.OFF_BOOK)
ROW_BYTES = EVENT.itemsize
FIRST = -(1 << 62)

# columns of what is known of an instrument
K_TS = 0  # latest ts_event
K_RANK = 1  # of the best source so far
K_NEXT = 2  # next question
K_END = 3  # one after its last question
K_SEEN = 4  # latest ts_event of any row: beyond it nothing is known
K_SIZE = 5


@kernel
def _book_mid(books: Any, b: int) -> float:
    bid, ask = best_bid(books, b), best_ask(books, b)
    if bid == NO_BID or ask == NO_ASK:
        return np.nan
    return float(0.5 * (bid + ask) / books.head[b].inverse)


@kernel
def _answer(known: Any, inst: int, asked: Any, out: Any, mid: float, before: int) -> None:
    """Answer the questions of an instrument about moments before `before`."""
    place = int(known[inst, K_NEXT])
    while place < known[inst, K_END] and asked[place] < before:
        out[place] = mid
        place += 1
    known[inst, K_NEXT] = place


@kernel
def _set(known: Any, mids: Any, inst: int, rank: int, mid: float) -> None:
    if rank >= known[inst, K_RANK]:
        known[inst, K_RANK] = rank
        mids[inst] = mid


@kernel
def _rank(kind: int) -> int:
    """Return how good a source a kind of row is, the better the higher."""
    if kind == _LOB:
        return 4
    if kind == _BBO:
        return 3
    return 2 if kind == _TRADE else 1


@kernel
def _hear(books: L2Books, at: int, inst: int, kind: int, known: Any, mids: Any) -> None:
    """Take what a row says about the price of its instrument."""
    if kind == _LOB:
        row = view_at(at, 1, LOB_LEVEL)[0]
        apply_level(books, inst, row)
        if row.flags & _LAST != 0:
            _set(known, mids, inst, 4, _book_mid(books, inst))
    elif kind == _BBO:
        quote = view_at(at, 1, BBO)[0]
        _set(known, mids, inst, 3, 0.5 * (quote.bid_price + quote.ask_price))
    elif kind == _TRADE:
        _set(known, mids, inst, 2, view_at(at, 1, TRADE)[0].price)
    else:
        _set(known, mids, inst, 1, view_at(at, 1, CANDLE)[0].close)


@kernel
def _walk(
    books: L2Books, at: int, start: int, n: int, known: Any, mids: Any, asked: Any, out: Any
) -> int:
    """Follow rows from `start`; return n, or the place of a row for which the book must grow."""
    for k in range(start, n):
        place = at + k * ROW_BYTES
        row = view_at(place, 1, EVENT)[0]
        inst, kind = int(row.inst), int(row.kind)
        if not _TRADE <= kind <= _CANDLE or not 0 <= inst < len(mids):
            continue
        if kind == _TRADE and row.flags & _OFF_BOOK != 0:
            continue
        ts = int(row.ts_event)
        if kind == _CANDLE:
            if known[inst, K_RANK] > 1:
                continue
            ts = int(row.ts_recv)
        known[inst, K_SEEN] = max(known[inst, K_SEEN], ts)
        if _rank(kind) < known[inst, K_RANK]:
            continue
        if ts > known[inst, K_TS]:
            if known[inst, K_NEXT] < known[inst, K_END]:
                _answer(known, inst, asked, out, mids[inst], ts)
            known[inst, K_TS] = ts
        if kind == _LOB and not room(books, inst):
            return k
        _hear(books, place, inst, kind, known, mids)
    return n


def mids_at(
    batches: Iterable[npt.NDArray[Any]],
    specs: npt.NDArray[Any],
    insts: npt.NDArray[Any],
    moments: Ints,
) -> Floats:
    """Return the mid of each instrument at each moment, NaN where it is not known.

    Parameters
    ----------
    batches : EVENT rows in local order
    specs : (n,) INSTRUMENT, by instrument id
    insts, moments : (q,) instrument ids and µs of the exchange's clock, in any order
    """
    moments = np.asarray(moments, np.int64)
    insts = np.asarray(insts, np.int64)
    order = np.lexsort((moments, insts))
    asked, answers = moments[order], np.full(len(moments), np.nan)
    numbers = np.arange(len(specs))
    known = np.zeros((len(specs), K_SIZE), np.int64)
    known[:, K_TS] = known[:, K_SEEN] = FIRST
    known[:, K_NEXT] = np.searchsorted(insts[order], numbers, side="left")
    known[:, K_END] = np.searchsorted(insts[order], numbers, side="right")
    mids = np.full(len(specs), np.nan)
    memory: list[npt.NDArray[Any]] = []
    if len(moments):
        books = make_books(specs, memory)
        for rows in batches:
            done = 0
            while True:
                done = int(
                    _walk(books, rows.ctypes.data, done, len(rows), known, mids, asked, answers)
                )
                if done == len(rows):
                    break
                grow(books, memory)
            if np.all(known[:, K_NEXT] == known[:, K_END]):
                break
    for inst in range(len(specs)):
        _answer(known, inst, asked, answers, mids[inst], int(known[inst, K_SEEN]) + 1)
    out = np.empty(len(moments))
    out[order] = answers
    return out
