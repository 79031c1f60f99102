"""The far table: what is put in is found, and removing one level hides no other."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.books.far import far_put, far_remove, find, refill
from extrema_nb.books.layout import EMPTY_KEY, make_books
from extrema_nb.instruments import INSTRUMENT


def empty_books(memory):
    spec = np.zeros(1, INSTRUMENT)
    spec["tick_size"] = spec["lot_size"] = 1.0
    return make_books(spec, memory, window=64, far=64)


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1]), st.integers(-40, 40), st.sampled_from([0.0, 1.0, 2.5])),
        max_size=60,
    )
)
def test_the_far_table_equals_a_dictionary(changes):
    memory = []
    books = empty_books(memory)
    told = {}
    for side, step, qty in changes:
        tick = step * 100_003
        assert far_put(books, 0, side, tick, qty) == told.pop((side, tick), 0.0)
        if qty > 0.0:
            told[side, tick] = qty
    keys = books.far_key[0]
    kept = {
        (int(k) & 1, int(k) >> 1): float(q)
        for k, q in zip(keys, books.far_qty[0], strict=True)
        if k != EMPTY_KEY
    }
    assert kept == told


def test_a_removed_level_is_not_found():
    memory = []
    books = empty_books(memory)
    far_put(books, 0, 1, 9_000, 2.0)
    slot = find(books, 0, 9_000 * 2 + 1)
    assert books.far_key[0, slot] == 9_000 * 2 + 1
    far_remove(books, 0, slot)
    assert books.far_key[0, find(books, 0, 9_000 * 2 + 1)] == EMPTY_KEY


def test_growing_moves_every_level_into_the_larger_table():
    memory = []
    books = empty_books(memory)
    told = {tick: float(tick) for tick in range(100_000, 100_040)}
    for tick, qty in told.items():
        far_put(books, 0, 1, tick, qty)
    keys, values = books.far_key.copy(), books.far_qty.copy()
    books.far_key[:] = EMPTY_KEY
    refill(books, keys.ctypes.data, values.ctypes.data, keys.shape[1])
    slots = [find(books, 0, tick * 2 + 1) for tick in told]
    assert [float(books.far_qty[0, slot]) for slot in slots] == list(told.values())
