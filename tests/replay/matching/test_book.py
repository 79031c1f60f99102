"""The memory of a market."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from extrema_nb import jit
from extrema_nb.errors import ConfigError
from replay.matching.book import BEST, COLUMNS, FREE, make_book


def test_an_empty_book_has_no_best_prices():
    book = make_book(16, 4)
    assert (book.n[BEST], book.n[BEST + 1]) == (-1, 16)
    assert (book.head == -1).all()


def test_every_place_of_the_pool_is_free_once():
    book = make_book(16, 5)
    place, seen = int(book.n[FREE]), []
    while place >= 0:
        seen.append(place)
        place = int(book.nxt[place])
    assert seen == [0, 1, 2, 3, 4]


def test_rows_have_room_for_a_taker_that_meets_everybody():
    book = make_book(16, 100)
    assert book.out.shape[0] > 2 * 100
    assert book.out.shape[1] == COLUMNS
    assert {a.dtype for a in book[:-1]} == {np.dtype(np.int64)}


@pytest.mark.parametrize(("width", "capacity"), [(1, 10), (10, 1)])
def test_a_market_without_room_is_refused(width, capacity):
    with pytest.raises(ConfigError, match="needs 2 ticks"):
        make_book(width, capacity)


@jit.kernel
def first_head(book):
    return book.head[0, 0]


def test_fields_are_fields_where_strategies_attach_attributes_of_the_same_name():
    # `head` is an attached attribute of the books that strategies see, and a field here
    importlib.import_module("extrema_nb.strategy.group")
    importlib.import_module("replay.exchange.live")
    assert "head" in jit._attributes
    assert first_head(make_book(16, 4)) == -1
