"""The exchange's order is a stable sort by its own clock and instrument, however it is made."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.events import EVENT, EventKind
from replay.tape.order import exchange_order
from tests.small_books import examples

KINDS = [EventKind.LOB, EventKind.TRADE, EventKind.FUNDING, EventKind.BBO, EventKind.STATUS]


@settings(max_examples=examples(60))
@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.sampled_from(KINDS), st.integers(-1, 2), st.booleans()),
        max_size=80,
    )
)
def test_market_rows_that_are_new_come_by_the_venues_clock_then_by_instrument_then_by_place(drawn):
    rows = np.zeros(len(drawn), EVENT)
    for row, (ts, kind, inst, _) in zip(rows, drawn, strict=True):
        row["ts_event"], row["kind"], row["inst"] = ts, kind, inst
    unseen = np.array([new for *_, new in drawn], np.bool_)
    expected = sorted(
        (
            i
            for i, (_, kind, inst, new) in enumerate(drawn)
            if new and inst in (0, 1) and kind in KINDS[:3]
        ),
        key=lambda i: (drawn[i][0], drawn[i][2]),
    )
    assert exchange_order(rows, unseen, 2).tolist() == expected


def test_rows_in_any_order_are_sorted_all_the_same():
    """So far out of order that insertion gives up."""
    rows = np.zeros(3_000, EVENT)
    rows["kind"] = EventKind.TRADE
    rows["ts_event"] = np.random.default_rng(5).permutation(3_000) // 2
    rows["inst"] = np.arange(3_000) % 3
    found = exchange_order(rows, np.ones(3_000, np.bool_), 3)
    assert found.tolist() == np.lexsort((rows["inst"], rows["ts_event"])).tolist()
