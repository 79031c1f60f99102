"""What handlers look at: by names, in helpers, closures and modules as well."""

from __future__ import annotations

import types

import pytest

from extrema_nb.events import GTC
from extrema_nb.jit import kernel
from extrema_nb.strategy.uses import (
    looks_at_books,
    looks_at_quotes,
    looks_behind_the_touch,
    names_in,
)


def by_mid(ctx, p, s, tick):
    s.x = ctx.book(0).mid


def by_depth(ctx, p, s, tick):
    s.x = ctx.book(0).depth(1, 5)


def by_array(ctx, p, s, tick):
    s.x = ctx.books.qty[0, 0, 0]


def by_quote(ctx, p, s, bbo):
    s.x = ctx.bbo(0).bid_qty


def by_row(ctx, p, s, bbo):
    s.x = bbo.bid_qty


def by_order(ctx, p, s, trade):
    ctx.buy(0, trade.price, 1.0, GTC)


@kernel
def thick(book):
    return book.bid_qty > 1.0


def by_helper(ctx, p, s, tick):
    s.x = thick(ctx.book(0))


def made(helper):
    def by_closure(ctx, p, s, tick):
        s.x = helper(ctx.book(0))

    return by_closure


helpers = types.ModuleType("helpers")
helpers.thick = thick


def by_module(ctx, p, s, tick):
    s.x = helpers.thick(ctx.book(0))


def by_list(ctx, p, s, tick):
    s.x = sum([ctx.book(i).imbalance(3) for i in range(2)])


@pytest.mark.parametrize(
    ("handler", "books", "deep", "quotes"),
    [
        (by_mid, True, False, False),
        (by_depth, True, True, False),
        (by_array, True, True, False),
        (by_quote, False, False, True),
        (by_row, False, False, False),
        (by_order, True, False, False),
        (by_helper, True, True, False),
        (made(thick), True, True, False),
        (by_module, True, True, False),
        (by_list, True, True, False),
    ],
)
def test_what_a_handler_looks_at(handler, books, deep, quotes):
    handlers = [{"on_schedule": handler}]
    assert looks_at_books(handlers) == books
    assert looks_behind_the_touch(handlers) == deep
    assert looks_at_quotes(handlers) == quotes


def test_a_handler_of_books_is_given_one():
    def on_lob(ctx, p, s, book):
        s.x = book.bid_price

    def deeper(ctx, p, s, book):
        s.x = book.ask_qty

    assert looks_at_books([{"on_lob": on_lob}])
    assert not looks_behind_the_touch([{"on_lob": on_lob}])
    assert looks_behind_the_touch([{}, {"on_lob": deeper}])


def test_one_strategy_that_looks_is_enough():
    assert looks_behind_the_touch([{"on_schedule": by_mid}, {"on_schedule": by_depth}])


def test_the_librarys_own_code_is_not_looked_into():
    def on_schedule(ctx, p, s, tick):
        thick(ctx.book(0))

    names = names_in([{"on_schedule": on_schedule}])
    assert {"thick", "book", "bid_qty"} <= names
    assert "quantity" not in names  # of `extrema_nb.strategy.book_view`
