"""The memory of books: names and columns mean the same bytes, and a fresh book is empty."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.books import layout
from extrema_nb.instruments import INSTRUMENT


def fresh(memory, **options):
    spec = np.zeros(2, INSTRUMENT)
    spec["tick_size"], spec["lot_size"] = 0.1, 0.001
    return layout.make_books(spec, memory, **options)


def test_the_record_of_a_book_is_its_row_of_columns():
    assert layout.BOOK.itemsize == 8 * layout.M_COLUMNS
    columns = {
        "origin": layout.M_BASE,
        "bid": layout.M_BEST,
        "ask": layout.M_BEST + 1,
        "levels": layout.M_LEVELS,
        "far": layout.M_FAR,
        "seq": layout.M_SEQ,
        "ts_event": layout.M_TS_EVENT,
        "ts_recv": layout.M_TS_RECV,
        "stale": layout.M_STALE,
        "cursor_bid": layout.M_CURSOR,
        "cursor_ask": layout.M_CURSOR + 1,
        "cross": layout.M_CROSS,
        "inverse": layout.M_INVERSE,
        "least": layout.M_LEAST,
        "far_low_bid": layout.M_FAR_LOW,
        "far_low_ask": layout.M_FAR_LOW + 1,
        "far_high_bid": layout.M_FAR_HIGH,
        "far_high_ask": layout.M_FAR_HIGH + 1,
    }
    for name, column in columns.items():
        assert layout.BOOK.fields[name][1] == 8 * column, name


def test_columns_and_records_are_the_same_memory():
    memory = []
    books = fresh(memory)
    books.meta[1, layout.M_SEQ] = 77
    assert books.head[1].seq == 77
    assert books.head[1].inverse == 10.0
    assert books.head[1].least == 0.0005


def test_a_fresh_book_is_empty():
    memory = []
    books = fresh(memory)
    assert books.head[0].bid == layout.NO_BID
    assert books.head[0].ask == layout.NO_ASK
    assert not books.qty.any()
    assert (books.far_key == layout.EMPTY_KEY).all()


@pytest.mark.parametrize(("window", "far"), [(100, 64), (64, 100)])
def test_sizes_that_cannot_be_addressed_are_refused(window, far):
    with pytest.raises(ValueError, match="power of two"):
        fresh([], window=window, far=far)
