"""The book as a handler sees it: prices in quote units, quantities, levels from the touch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from extrema_nb.books.l2 import (
    ASK,
    BID,
    M_SEQ,
    M_STALE,
    NO_ASK,
    NO_BID,
    L2Books,
    best_ask,
    best_bid,
    next_above,
    next_below,
    price_to_tick,
    quantity,
    side_index,
)
from extrema_nb.events import BUY
from extrema_nb.jit import attach, attach_attribute, kernel

__all__ = ["Book", "tick_to_price"]


class Book(NamedTuple):
    """One instrument's book: the argument of `on_lob`, and what `ctx.book(inst)` returns.

    Attributes (all cost a few loads): ``inst``, ``bid_price``, ``bid_qty``, ``ask_price``,
    ``ask_qty``, ``mid``, ``spread``, ``is_valid`` (both sides there, not stale), ``stale``,
    ``seq``. A side that is empty has price NaN and quantity 0.
    Methods: ``qty_at(side, price)``, ``level_price(side, k)``, ``depth(side, levels)``,
    ``imbalance(levels)``.
    """

    books: L2Books
    inst: int


@kernel(part=True)
def tick_to_price(books: L2Books, b: int, tick: int) -> float:
    """Return the price of a tick: the double nearest to the decimal where ticks a unit are whole."""
    inverse = books.scale[b, 1]
    if inverse == np.floor(inverse):
        return tick / inverse
    return tick * books.scale[b, 0]


def bid_price(book: Book) -> float:
    tick = best_bid(book.books, book.inst)
    return np.nan if tick == NO_BID else tick_to_price(book.books, book.inst, tick)


def ask_price(book: Book) -> float:
    tick = best_ask(book.books, book.inst)
    return np.nan if tick == NO_ASK else tick_to_price(book.books, book.inst, tick)


def bid_qty(book: Book) -> float:
    tick = best_bid(book.books, book.inst)
    return 0.0 if tick == NO_BID else quantity(book.books, book.inst, BID, tick)


def ask_qty(book: Book) -> float:
    tick = best_ask(book.books, book.inst)
    return 0.0 if tick == NO_ASK else quantity(book.books, book.inst, ASK, tick)


def mid(book: Book) -> float:
    return 0.5 * (book.bid_price + book.ask_price)


def spread(book: Book) -> float:
    return book.ask_price - book.bid_price


def stale(book: Book) -> bool:
    return book.books.meta[book.inst, M_STALE] != 0


def is_valid(book: Book) -> bool:
    return (
        best_bid(book.books, book.inst) != NO_BID
        and best_ask(book.books, book.inst) != NO_ASK
        and book.books.meta[book.inst, M_STALE] == 0
    )


def seq(book: Book) -> int:
    return book.books.meta[book.inst, M_SEQ]


def qty_at(book: Book, side: int, price: float) -> float:
    """Return the quantity at `price` of side BUY (bids) or SELL (asks)."""
    tick = price_to_tick(book.books, book.inst, price)
    return quantity(book.books, book.inst, side_index(side), tick)


def level_price(book: Book, side: int, k: int) -> float:
    """Return the price of the k-th level from the touch, 0 the best; NaN beyond the last."""
    books, inst = book.books, book.inst
    if side == BUY:
        tick = best_bid(books, inst)
        for _ in range(k):
            if tick != NO_BID:
                tick = next_below(books, inst, BID, tick)
        return np.nan if tick == NO_BID else tick_to_price(books, inst, tick)
    tick = best_ask(books, inst)
    for _ in range(k):
        if tick != NO_ASK:
            tick = next_above(books, inst, ASK, tick)
    return np.nan if tick == NO_ASK else tick_to_price(books, inst, tick)


def depth(book: Book, side: int, levels: int) -> float:
    """Return the quantity of the first `levels` levels of a side."""
    books, inst = book.books, book.inst
    total = 0.0
    if side == BUY:
        tick = best_bid(books, inst)
        for _ in range(levels):
            if tick != NO_BID:
                total += quantity(books, inst, BID, tick)
                tick = next_below(books, inst, BID, tick)
        return total
    tick = best_ask(books, inst)
    for _ in range(levels):
        if tick != NO_ASK:
            total += quantity(books, inst, ASK, tick)
            tick = next_above(books, inst, ASK, tick)
    return total


def imbalance(book: Book, levels: int) -> float:
    """Return (bids - asks) / (bids + asks) of the first `levels` levels, 0 in an empty book."""
    bids = book.depth(1, levels)
    asks = book.depth(-1, levels)
    total = bids + asks
    return (bids - asks) / total if total > 0.0 else 0.0


attach_attribute(Book, bid_price, ask_price, bid_qty, ask_qty, mid, spread, stale, is_valid, seq)
attach(Book, qty_at, level_price, depth, imbalance)
