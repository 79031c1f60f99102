"""The book as a handler sees it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from extrema_nb.books.l2 import make_books
from extrema_nb.events import BUY, LOB_LEVEL, SELL
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.jit import kernel
from extrema_nb.strategy.book_view import Book, tick_to_price
from extrema_nb.testing import book, instrument_table
from tests.extrema_nb.books.test_l2 import Fed


@kernel
def look(book, out):
    """Read everything that a book offers; `out` (20,) float64 is **written**."""
    out[0] = book.bid_price
    out[1] = book.bid_qty
    out[2] = book.ask_price
    out[3] = book.ask_qty
    out[4] = book.mid
    out[5] = book.spread
    out[6] = book.is_valid
    out[7] = book.stale
    out[8] = book.seq
    out[9] = book.qty_at(1, 99.7)
    out[10] = book.qty_at(-1, 99.7)
    out[11] = book.level_price(1, 1)
    out[12] = book.level_price(-1, 1)
    out[13] = book.level_price(1, 9)
    out[14] = book.depth(1, 2)
    out[15] = book.depth(-1, 9)
    out[16] = book.imbalance(1)
    out[17] = book.imbalance(9)


def seen(fed):
    out = np.full(20, -7.0)
    look(Book(fed.books, 0), out)
    return out[:18].tolist()


def test_everything_of_a_whole_book():
    fed = Fed().feed(book([(99.9, 2.0), (99.7, 3.0)], [(100.1, 1.0), (100.4, 5.0)], seq=42))
    found = seen(fed)
    assert found[:4] == [99.9, 2.0, 100.1, 1.0]
    assert found[4:6] == [pytest.approx(100.0), pytest.approx(0.2)]
    assert found[6:9] == [1, 0, 42]
    assert found[9:13] == [3.0, 0.0, 99.7, 100.4]
    assert math.isnan(found[13])
    assert found[14:16] == [5.0, 6.0]
    assert found[16:] == [pytest.approx(1 / 3), pytest.approx(-1 / 11)]


def test_an_empty_side_has_no_price_and_no_quantity():
    found = seen(Fed().feed(book([(99.9, 2.0)], [])))
    assert found[:2] == [99.9, 2.0]
    assert math.isnan(found[2])
    assert found[3] == 0.0
    assert math.isnan(found[4])
    assert found[6] == 0
    assert found[17] == 1.0
    empty = seen(Fed())
    assert (empty[6], empty[17]) == (0, 0.0)


@pytest.mark.parametrize(
    ("tick_size", "tick", "price"),
    [(0.1, 618_303, 61_830.3), (0.01, 123, 1.23), (0.25, 3, 0.75), (5.0, 3, 15.0), (1e-8, 1, 1e-8)],
)
def test_a_tick_is_the_double_nearest_to_its_price(tick_size, tick, price):
    table = InstrumentTable([Instrument(venue="x", symbol="x", name="x", tick_size=tick_size)])
    memory = []
    assert tick_to_price(make_books(table.specs(), memory), 0, tick) == price


def test_reading_a_book_changes_nothing():
    fed = Fed().feed(book([(99.9, 2.0)], [(100.1, 1.0)]))
    before = fed.books.meta.tobytes()
    seen(fed)
    assert fed.books.meta.tobytes() == before
    assert (BUY, SELL, LOB_LEVEL.itemsize, len(instrument_table())) == (1, -1, 64, 2)
