"""Fills that are told twice change an order once, whatever comes between."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.sources import order_sizes
from replay.sources.order_sizes import (
    ADD,
    CANCEL,
    CLEAR,
    EXECUTE,
    MODIFY,
    NOTHING,
    OrderSizes,
)
from tests.naive.order_sizes import NaiveSizes


def told(*events):
    sizes = OrderSizes()
    return [sizes.take(0, *event) for event in events]


def test_fills_of_one_order_in_parts():
    assert told(
        (ADD, 1, 10), (EXECUTE, 1, 3), (EXECUTE, 1, 2), (CANCEL, 1, 3), (CANCEL, 1, 2),
        (CANCEL, 1, 1), (CANCEL, 1, 4),
    ) == [(ADD, 10), (EXECUTE, 3), (EXECUTE, 2), (NOTHING, 0), (NOTHING, 0), (MODIFY, 4), (CANCEL, 4)]  # fmt: skip


def test_a_cancel_of_more_than_was_filled_takes_the_rest_too():
    assert told((ADD, 1, 10), (EXECUTE, 1, 3), (CANCEL, 1, 10))[2] == (CANCEL, 7)
    assert told((ADD, 1, 10), (EXECUTE, 1, 3), (CANCEL, 1, 5))[2] == (MODIFY, 5)


def test_orders_that_were_never_added():
    assert told((EXECUTE, 7, 3), (CANCEL, 7, 3), (CANCEL, 7, 1), (CANCEL, 8, 2)) == [
        (EXECUTE, 3), (NOTHING, 0), (CANCEL, 1), (CANCEL, 2),
    ]  # fmt: skip


def test_a_modify_and_a_clear_settle_what_was_owed():
    assert told((ADD, 1, 10), (EXECUTE, 1, 3), (MODIFY, 1, 7), (CANCEL, 1, 3))[3] == (MODIFY, 4)
    sizes = OrderSizes()
    for event in ((0, ADD, 1, 5), (1, ADD, 1, 5), (0, CLEAR, 0, 0)):
        sizes.take(*event)
    assert sizes.take(0, CANCEL, 1, 2) == (CANCEL, 2)  # nobody knows of how many
    assert sizes.take(1, CANCEL, 1, 2) == (MODIFY, 3)


@given(st.lists(st.tuples(st.sampled_from("FFCM"), st.integers(1, 5)), max_size=12))
def test_what_is_left_is_the_same_by_fills_and_by_cancels(steps):
    """A venue that fills, then cancels what was filled; we follow the fills."""
    sizes = OrderSizes()
    venue = ours = 40
    sizes.take(0, ADD, 1, 40)
    for what, size in steps:
        events = {"F": [(EXECUTE, size), (CANCEL, size)], "C": [(CANCEL, size)],
                  "M": [(MODIFY, venue + size)]}[what]  # fmt: skip
        if what == "M":
            venue += size
        elif size < venue:
            venue -= size
        else:
            continue
        for action, n in events:
            done, qty = sizes.take(0, action, 1, n)
            if done == EXECUTE:
                ours -= qty
            elif done == MODIFY:
                ours = qty
        assert ours == venue


@given(
    events=st.lists(
        st.tuples(
            st.integers(0, 2), st.sampled_from([ADD, MODIFY, CANCEL, EXECUTE, CLEAR, NOTHING]),
            st.sampled_from([1, 2, 3, -5, 2**62]), st.integers(0, 9),
        ),
        max_size=60,
    ),
    cut=st.integers(0, 60),
)  # fmt: skip
def test_all_at_once_is_one_after_the_other_as_dictionaries_have_it(events, cut):
    naive = NaiveSizes()
    wanted = [naive.take(*event) for event in events]
    sizes, got = OrderSizes(), []
    for part in (events[:cut], events[cut:]):
        columns = np.array(part, np.int64).reshape(-1, 4).T.copy()
        got += zip(*(each.tolist() for each in sizes.take_all(*columns)), strict=True)
    assert got == wanted


@pytest.mark.parametrize("live", [1, 3000])
def test_the_table_grows_with_the_orders_that_live(live, monkeypatch):
    monkeypatch.setattr(order_sizes, "FIRST_SLOTS", 8)
    sizes, naive = OrderSizes(), NaiveSizes()
    for at in range(4000):
        for event in ((0, ADD, at, 5), (0, CANCEL, at - live, 2), (0, CANCEL, at - live, 3)):
            assert sizes.take(*event) == naive.take(*event)
    assert len(sizes._table) <= 8 * max(8, live)
