"""Mids at moments against a slow twin that searches all rows for each of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.events import SELL, Flag
from extrema_nb.testing import bbo, book, candle, instrument_table, rows, trade
from replay.statistics import mids_at
from tests.naive import statistics as naive
from tests.small_books import examples

SPECS = instrument_table().specs()
TICKS, LOT = ("0.1", "0.01"), 0.001


def asked(events, insts, moments, cut=None):
    """Return mids; the rows come in batches of `cut`."""
    size = cut or max(len(events), 1)
    batches = [np.ascontiguousarray(events[i : i + size]) for i in range(0, len(events), size)]
    return mids_at(batches, SPECS, np.array(insts), np.array(moments, np.int64))


PRICE = st.integers(90, 110).map(float)


@st.composite
def markets(draw):
    """Draw rows of two instruments: books, quotes, trades, candles; clocks may step back."""
    parts, now = [], 0
    for _ in range(draw(st.integers(0, 14))):
        now += draw(st.integers(0, 3))
        ts, inst = now - draw(st.integers(0, 4)), draw(st.integers(0, 1))
        head = {"inst": inst, "ts_recv": now}
        match draw(st.integers(0, 4)):
            case 0 | 1:
                side = st.lists(st.tuples(PRICE, st.sampled_from([0.0, 1.0])), max_size=3)
                part = book(draw(side), draw(side), ts, snapshot=draw(st.booleans()), **head)
            case 2:
                bid = draw(PRICE)
                part = bbo(bid, 1.0, bid + draw(st.integers(1, 5)), 1.0, ts, **head)
            case 3:
                flags = draw(st.sampled_from([Flag.LAST, Flag.LAST | Flag.OFF_BOOK]))
                part = trade(draw(PRICE), 1.0, SELL, ts, flags=flags, **head)
            case _:
                close = draw(PRICE)
                part = candle(close, close, close, close, 1.0, ts - 5, **head)
        parts.append(part)
    return rows(*parts)


@settings(max_examples=examples(60))
@given(
    markets(),
    st.lists(st.tuples(st.integers(0, 1), st.integers(-5, 45)), max_size=12),
    st.integers(1, 5),
)
def test_mids_equal_their_twin_however_rows_are_cut(events, questions, cut):
    insts, moments = [q[0] for q in questions], [q[1] for q in questions]
    expected = [naive.mid_at(events, i, t, TICKS[i], LOT) for i, t in questions]
    for size in (None, cut):
        assert asked(events, insts, moments, size) == pytest.approx(expected, nan_ok=True)


def test_a_mid_is_that_of_whole_messages_at_or_before_the_moment():
    events = rows(
        book([(100.0, 1.0)], [(101.0, 1.0)], ts=10, snapshot=True),
        book([(100.0, 0.0), (99.0, 1.0)], [], ts=20),
        book([], [(102.0, 1.0)], ts=30),
    )
    found = asked(events, [0] * 5, [9, 10, 19, 20, 31])
    assert found == pytest.approx([math.nan, 100.5, 100.5, 100.0, math.nan], nan_ok=True)


def test_a_better_source_silences_a_worse_one():
    events = rows(
        trade(50.0, 1.0, ts=1),
        bbo(60.0, 1.0, 62.0, 1.0, ts=2),
        trade(50.0, 1.0, ts=3),
        book([(70.0, 1.0)], [(72.0, 1.0)], ts=4, snapshot=True),
        bbo(60.0, 1.0, 62.0, 1.0, ts=5),
    )
    assert asked(events, [0] * 5, [1, 2, 3, 4, 5]).tolist() == [50.0, 61.0, 61.0, 71.0, 71.0]


def test_a_trade_that_comes_ahead_of_an_earlier_book_does_not_move_it():
    events = rows(
        book([(100.0, 1.0)], [(101.0, 1.0)], ts=10, snapshot=True),
        trade(101.0, 1.0, ts=25),
        book([(101.0, 1.0)], [(101.0, 0.0), (102.0, 1.0)], ts=20, ts_recv=30),
    )
    assert asked(events, [0] * 4, [19, 20, 25, 26]) == pytest.approx(
        [100.5, 101.5, 101.5, math.nan], nan_ok=True
    )


def test_a_book_with_more_levels_than_memory_grows():
    levels = [(100.0 - 5 * n, 1.0) for n in range(4_000)]
    deep = [(1e5 + 1000 * n, 1.0) for n in range(4_000)]
    events = rows(book(levels, deep, ts=10, snapshot=True), trade(1.0, 1.0, ts=11))
    assert asked(events, [0], [10])[0] == pytest.approx((100.0 + 1e5) / 2)


def test_no_questions_and_no_rows_are_fine():
    assert len(asked(rows(trade(1.0, 1.0)), [], [])) == 0
    assert np.isnan(asked(rows(), [1], [5])).all()
