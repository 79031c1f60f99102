"""Books of single orders: price-time priority, quantities that are conserved, rows that are odd."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.books.l3 import (
    BOTH,
    COUNTERS,
    NO_TICK,
    OLD,
    R_CLEARED,
    R_FROM,
    R_JOINED,
    R_SIDE,
    R_TICK,
    apply_order,
    grow_orders,
    level_qty,
    make_orders,
    orders_room,
    tick_price,
)
from extrema_nb.books.l3_tables import N_LEVELS, N_ORDERS
from extrema_nb.books.layout import ASK, BID
from extrema_nb.events import MBO, Flag
from extrema_nb.instruments import Instrument, InstrumentTable
from tests.naive.l3 import NaiveOrders
from tests.order_rows import ADD, DELETE, EXECUTE, MODIFY, mbo, order_streams

SIDES = {1: BID, -1: ASK}


def table(tick=0.1, lot=0.25, n=2):
    return InstrumentTable(
        Instrument(venue="x", symbol=name, name=name, tick_size=tick, lot_size=lot)
        for name in ("A", "B")[:n]
    )


def feed(books, memory, rows, start=0):
    """Apply rows, growing as the caller of the kernels does; return what each of them did."""
    out = []
    for now, row in enumerate(rows.view(MBO), start):
        while not orders_room(books):
            grow_orders(books, memory)
        apply_order(books, row, now)
        out.append(books.row_did.copy())
    return out


def fresh(**kwargs):
    memory = []
    return make_orders(table().specs(), memory, slots=8, **kwargs), memory


def held(books):
    """Return the orders of a book as the twin has them."""
    orders = books.book_orders[books.book_orders["inst"] >= 0]
    return sorted(
        (int(o["inst"]), int(o["order_id"]), int(o["side"]), int(o["tick"]),
         Fraction(int(o["units"]), 4096), int(o["joined"]))
        for o in orders
    )  # fmt: skip


@given(order_streams(insts=2, most=80))
def test_a_book_is_that_of_the_naive_twin_after_every_row(rows):
    books, memory = fresh()
    twin = NaiveOrders(Fraction(1, 4), 10)
    for now, row in enumerate(rows.view(MBO)):
        did = feed(books, memory, rows[now : now + 1], now)[0]
        before = twin.apply(row, now)
        if before is not None and row["action"] == EXECUTE:
            assert did[R_JOINED] == (OLD if before.joined is None else before.joined)
            assert (did[R_SIDE], did[R_TICK]) == (SIDES[before.side], before.tick)
        assert held(books) == sorted(
            (o.inst, o.id, SIDES[o.side], o.tick, o.left, OLD if o.joined is None else o.joined)
            for o in twin.orders
        )
    counts = {name: int(books.counts[place]) for name, place in COUNTERS.items()}
    assert list(counts.values()) == [
        twin.unknown, twin.unknown_deletes, twin.twice, twin.too_much
    ]  # fmt: skip


@given(order_streams(insts=2, most=80))
def test_a_level_is_at_any_time_the_sum_of_its_orders(rows):
    books, memory = fresh()
    for now in range(len(rows)):
        feed(books, memory, rows[now : now + 1], now)
        sums: dict[tuple, Fraction] = {}
        for inst, _, side, tick, left, _ in held(books):
            sums[inst, side, tick] = sums.get((inst, side, tick), Fraction(0)) + left
        assert books.counts[N_LEVELS] == len(sums)
        assert books.counts[N_ORDERS] == len(held(books))
        for (inst, side, tick), left in sums.items():
            assert level_qty(books, inst, side, tick) == float(left)


def test_quantities_that_no_double_is_equal_to_sum_up_exactly():
    memory = []
    books = make_orders(table(0.01, 0.1).specs(), memory, slots=8)
    rows = np.concatenate([mbo(ADD, i, 1.15, 0.1, 1) for i in range(3)])
    feed(books, memory, rows)
    assert level_qty(books, 0, BID, 115) == 0.3  # not 0.30000000000000004
    feed(books, memory, mbo(DELETE, 0))
    feed(books, memory, mbo(EXECUTE, 1, 1.15, 0.1, 1))
    assert level_qty(books, 0, BID, 115) == 0.1
    assert tick_price(books, 0, 115) == 1.15


def joined(books, order_id):
    orders = books.book_orders
    return int(orders["joined"][(orders["inst"] == 0) & (orders["order_id"] == order_id)][0])


@pytest.mark.parametrize(
    ("row", "place"),
    [
        (mbo(MODIFY, 1, 100.0, 2.0, 1), 0),  # less
        (mbo(MODIFY, 1, 100.0, 3.0, 1), 0),  # the same
        (mbo(MODIFY, 1, np.nan, 1.0, 0), 0),  # less, price and side not said again
        (mbo(MODIFY, 1, 100.0, 3.25, 1), 9),  # more
        (mbo(MODIFY, 1, 99.9, 2.0, 1), 9),  # another price
        (mbo(MODIFY, 1, 100.0, 2.0, -1), 9),  # the other side
        (mbo(EXECUTE, 1, 100.0, 1.0, 1), 0),
        (mbo(ADD, 1, 100.0, 1.0, 1), 9),  # the id again
    ],
)
def test_what_keeps_the_place_and_what_loses_it(row, place):
    books, memory = fresh()
    feed(books, memory, np.concatenate([mbo(ADD, 1, 100.0, 3.0, 1), mbo(ADD, 2, 100.0, 1.0, 1)]))
    feed(books, memory, row, 9)
    assert joined(books, 1) == place
    assert joined(books, 2) == 1


def test_rows_about_orders_older_than_the_data_are_counted_and_stand_ahead():
    books, memory = fresh()
    first = feed(books, memory, mbo(EXECUTE, 7, 100.0, 1.0, 1), 3)[0]
    assert (first[R_TICK], first[R_JOINED]) == (1000, OLD)
    feed(books, memory, mbo(DELETE, 8), 4)
    feed(books, memory, mbo(MODIFY, 9, 100.0, 1.0, 1), 5)
    assert joined(books, 9) == OLD
    counts = [int(books.counts[place]) for place in COUNTERS.values()]
    assert counts == [2, 1, 0, 0]


def test_a_clear_voids_one_instrument_or_one_of_its_sides():
    books, memory = fresh()
    adds = [
        mbo(ADD, 1, 99.0, 1.0, 1),
        mbo(ADD, 2, 101.0, 1.0, -1),
        mbo(ADD, 1, 99.0, 1.0, 1, inst=1),
    ]
    feed(books, memory, np.concatenate(adds))
    flags = int(Flag.START | Flag.SNAPSHOT)
    assert feed(books, memory, mbo(0, side=-1, flags=flags))[0][R_CLEARED] == -1
    assert [(o[0], o[1]) for o in held(books)] == [(0, 1), (1, 1)]
    did = feed(books, memory, mbo(ADD, 5, 98.0, 1.0, 1, flags=flags))[0]
    assert (did[R_CLEARED], did[R_TICK]) == (BOTH, 980)  # the first order of a snapshot
    assert [(o[0], o[1]) for o in held(books)] == [(0, 5), (1, 1)]


@pytest.mark.parametrize(
    "row",
    [
        mbo(ADD, 1, np.nan, 1.0, 1),
        mbo(ADD, 1, 100.0, np.nan, 1),
        mbo(ADD, 1, 100.0, -1.0, 1),
        mbo(ADD, 1, 100.0, 0.1, 1),  # less than half a lot
        mbo(ADD, 1, 100.0, 1.0, 0),
        mbo(ADD, 1, 1e300, 1.0, 1),
        mbo(9, 1, 100.0, 1.0, 1),
        mbo(-1, 1, 100.0, 1.0, 1),
    ],
)
def test_rows_that_no_book_can_hold_leave_it_empty(row):
    books, memory = fresh()
    did = feed(books, memory, row)[0]
    assert (did[R_TICK], did[R_FROM], books.counts[N_ORDERS]) == (NO_TICK, NO_TICK, 0)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, max_size=200))
def test_any_order_id_is_found_again(ids):
    books, memory = fresh()
    for order_id in ids:
        feed(books, memory, mbo(ADD, order_id, 100.0, 1.0, 1))
    assert level_qty(books, 0, BID, 1000) == len(ids)
    for order_id in ids[::2]:
        feed(books, memory, mbo(DELETE, order_id))
    assert level_qty(books, 0, BID, 1000) == len(ids[1::2])
