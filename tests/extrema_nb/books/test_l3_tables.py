"""The hash tables of L3 books: they grow without losing anything, and clear what they are told to."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.books.l3_tables import (
    N_LEVELS,
    N_ORDERS,
    clear_orders,
    find_level,
    find_order,
    grow_orders,
    make_orders,
    orders_room,
    put_in,
    take_out,
)
from extrema_nb.instruments import Instrument, InstrumentTable

SPECS = InstrumentTable(
    Instrument(venue="x", symbol=name, name=name, tick_size=0.1, lot_size=0.25) for name in "AB"
).specs()

keys = st.tuples(st.integers(0, 1), st.integers(0, 40), st.integers(0, 1), st.integers(95, 105))


def filled(orders):
    memory = []
    books = make_orders(SPECS, memory, slots=8)
    known = {}
    for inst, order_id, side, tick in orders:
        if (inst, order_id) in known:
            continue
        while not orders_room(books):
            grow_orders(books, memory)
        put_in(books, inst, order_id, side, tick, 1024, 0)
        known[inst, order_id] = (side, tick)
    return books, known, memory


@given(st.lists(keys, max_size=60), st.data())
def test_what_was_put_in_is_there_until_it_is_taken_out(orders, data):
    books, known, _alive = filled(orders)
    gone = data.draw(st.sets(st.sampled_from(sorted(known)))) if known else set()
    for key in sorted(gone):
        take_out(books, find_order(books, *key))
        del known[key]
    for key, (side, tick) in known.items():
        order = books.book_orders[find_order(books, *key)]
        assert (order["inst"], order["side"], order["tick"]) == (key[0], side, tick)
        level = books.book_levels[find_level(books, key[0], tick * 2 + side)]
        same = [k for k, place in known.items() if k[0] == key[0] and place == (side, tick)]
        assert (level["orders"], level["units"]) == (len(same), 1024 * len(same))
    for key in gone:
        assert books.book_orders[find_order(books, *key)]["inst"] == -1
    assert books.counts[N_ORDERS] == len(known)
    assert books.counts[N_LEVELS] == len({(k[0], *place) for k, place in known.items()})


@given(st.lists(keys, max_size=60), st.sampled_from([0, 1, -1]))
def test_a_clear_takes_out_one_side_of_one_instrument(orders, side):
    books, known, _alive = filled(orders)
    clear_orders(books, 1, side)
    left = {
        key
        for key, (of, _) in known.items()
        if key[0] != 1 or (side and of != (0 if side > 0 else 1))
    }
    found = books.book_orders[books.book_orders["inst"] >= 0]
    assert {(int(o["inst"]), int(o["order_id"])) for o in found} == left
    assert np.count_nonzero(books.book_levels["inst"] >= 0) == books.counts[N_LEVELS]
