"""Levels in compiled code: what a dict would hold, whatever the table has to do for it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.events import BUY, SELL, StatusCode, status_row
from extrema_nb.testing import book, rows
from recorders import levels as module
from recorders.levels import Levels

changes = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from([BUY, SELL]), st.integers(1, 300), st.integers(0, 2)
    ),
    max_size=200,
)


@settings(max_examples=80, deadline=None)
@given(changes=changes, tick=st.sampled_from([1.0, 0.1, 1e-8]))
def test_tables_hold_what_dicts_hold(changes, tick):
    was, module.FIRST = module.FIRST, 4
    try:
        levels = Levels()
        levels.extend([0.5, 0.5])
        levels.extend([0.5] * 3)  # the table of instruments has grown
        known = [{}, {}, {}]
        for inst in range(3):
            levels.apply(book([(1e9, 0.0)], [], ts=0, snapshot=True, inst=inst))
        events = []
        for inst, side, place, qty in changes:
            price = place * tick
            known[inst][side, price] = float(qty)
            level = [(price, float(qty))]
            events.append(book(*((level, []) if side == BUY else ([], level)), ts=1, inst=inst))
        if events:
            levels.apply(np.concatenate(events))
    finally:
        module.FIRST = was
    for inst in range(3):
        keys, qty = levels.of(inst)
        assert (keys[1:] > keys[:-1]).all()
        got = dict(
            zip(zip(np.sign(keys), np.abs(keys).view(np.float64), strict=True), qty, strict=True)
        )
        assert got == {key: qty for key, qty in known[inst].items() if qty}
        assert levels.books["places"][inst] <= max(4, 16 * (len(got) + 2))


def test_rows_of_nobody_do_no_harm():
    levels = Levels()
    levels.apply(book([(1.0, 1.0)], [], ts=0, snapshot=True, inst=3))
    levels.extend([0.5])
    levels.apply(
        rows(
            book([(1.0, 1.0)], [], ts=0, snapshot=True, inst=7),
            book([(1.0, 1.0)], [], ts=0, snapshot=True, inst=-1),
            status_row(StatusCode.STALE, 0, inst=9),
        )
    )
    assert levels.books["begun"].tolist() == [0]
