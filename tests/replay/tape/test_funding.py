"""Funding that falls due: what rows state, held against every time by itself, however they are cut."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.events import FUNDING, EventKind
from extrema_nb.testing import row, rows, trade
from replay.tape.funding import PAYMENT, due_until, new_pending, state_funding
from replay.tape.tapes import stretches
from tests.naive.funding import payments
from tests.replay.exchange.scripted import T0, table
from tests.small_books import examples

nan = math.nan


def stated(at, rate=1e-4, mark=100.0, due=nan, inst=0, lag=0):
    return row(
        EventKind.FUNDING, T0 + at + lag, ts_event=T0 + at, inst=inst, rate=rate, mark_price=mark,
        next_ts=-1 if math.isnan(due) else T0 + int(due),
    )  # fmt: skip


def due_of(*parts, cuts=None, longest=0):
    """Return what falls due, as (time after T0, instrument, rate, price)."""
    events = rows(*parts)
    batches = [events] if cuts is None else np.split(events, cuts)
    out = []
    for data, _ in stretches([b.copy() for b in batches], table().specs(), longest):
        tape = data.tape
        out += [tuple(p.tolist()) for p in tape.payment[: tape.hub.payments]]
    return [(ts - T0, inst, rate, price) for ts, rate, price, inst in out]


END = trade(100.0, 1.0, ts=T0 + 100)


def test_the_last_rate_and_mark_before_the_time_are_paid_once():
    told = [stated(0, 1e-4, 100.0, 50), stated(49, 2e-4, 101.0, 50), stated(51, 9e-4, 110.0, 99)]
    assert due_of(*told, END) == [(50, 0, 2e-4, 101.0), (99, 0, 9e-4, 110.0)]


def test_a_row_of_the_very_time_counts_until_one_states_a_later_time():
    before = stated(0, 1e-4, 100.0, 50)
    same = stated(50, 3e-4, 103.0, 50)
    later = stated(50, 4e-4, 104.0, 200)
    assert due_of(before, same, later, END) == [(50, 0, 3e-4, 103.0)]
    assert due_of(before, later, same, END) == [(50, 0, 1e-4, 100.0)]


def test_a_time_that_is_moved_is_paid_at_the_new_time_only():
    assert due_of(stated(0, due=50), stated(40, due=70), END) == [(70, 0, 1e-4, 100.0)]
    assert due_of(stated(0, due=70), stated(40, due=50), END) == [(50, 0, 1e-4, 100.0)]


def test_a_time_that_has_passed_is_not_stated_any_more():
    assert due_of(stated(60, due=50), END) == []
    assert due_of(stated(0, due=50), stated(60, due=50), END) == [(50, 0, 1e-4, 100.0)]


def test_a_payment_after_the_last_row_is_not_made_and_one_at_it_is():
    assert due_of(stated(0, due=101), END) == []
    assert due_of(stated(0, due=100), END) == [(100, 0, 1e-4, 100.0)]


def test_a_mark_price_may_come_by_itself_or_never():
    told = [stated(0, 1e-4, nan, 50), stated(10, nan, 105.0), END]
    assert due_of(*told) == [(50, 0, 1e-4, 105.0)]
    ((ts, inst, rate, price),) = due_of(stated(0, 1e-4, nan, 50), END)
    assert (ts, inst, rate) == (50, 0, 1e-4)
    assert math.isnan(price)


def test_a_rate_holds_where_rows_state_the_next_time_and_no_other_rate():
    told = [stated(0, 1e-4, 100.0, 30), stated(31, nan, 101.0, 60), stated(61, nan, 102.0, 90), END]
    assert due_of(*told) == [(30, 0, 1e-4, 100.0), (60, 0, 1e-4, 101.0), (90, 0, 1e-4, 102.0)]
    assert due_of(stated(0, nan, 100.0, 30), END) == []  # none was ever stated


def test_rows_that_state_a_rate_and_no_time_are_counted():
    for cuts in (None, [1], [1, 2, 3]):
        batches = np.split(rows(stated(0), stated(1), stated(2, nan), END), cuts or [])
        tapes = list(stretches([b.copy() for b in batches], table().specs(), 0))
        assert sum(data.untimed for data, _ in tapes) == 2
        assert sum(int(data.tape.hub.payments) for data, _ in tapes) == 0


def test_instruments_that_are_due_together_come_by_number():
    told = [stated(0, 1e-4, 100.0, 50, inst=1), stated(0, 2e-4, 90.0, 50, inst=0)]
    assert due_of(*told, END) == [(50, 0, 2e-4, 90.0), (50, 1, 1e-4, 100.0)]


MAYBE = st.sampled_from([nan, 1e-4, -2e-4])


@st.composite
def statements(draw):
    parts = []
    at = 0
    for _ in range(draw(st.integers(1, 12))):
        at += draw(st.integers(0, 12))
        parts.append(
            stated(
                at, draw(MAYBE), draw(st.sampled_from([nan, 99.0, 101.5])),
                draw(st.sampled_from([nan, -5, 0, 10, 20, 20, 30, 40, 60, 90])),
                draw(st.integers(0, 1)), draw(st.integers(0, 9)),
            )
        )  # fmt: skip
    events = rows(*parts, trade(100.0, 1.0, ts=T0 + draw(st.integers(0, 120))), sort=True)
    cuts = draw(st.lists(st.integers(1, len(events) - 1), max_size=3, unique=True))
    return events, sorted(cuts)


@settings(max_examples=examples(300))
@given(statements())
def test_what_falls_due_is_what_every_time_by_itself_says_however_rows_are_cut(drawn):
    events, cuts = drawn
    expected = [(p.ts - T0, *p[1:]) for p in payments(events, int(events["ts_recv"][-1]))]
    assert repr(due_of(events, cuts=cuts, longest=9)) == repr(expected)
    assert repr(due_of(events)) == repr(expected)


def test_one_row_after_the_other_says_when_a_payment_was_due():
    pending, payment = new_pending(1), np.zeros(1, PAYMENT).view(PAYMENT)
    told = [stated(0, due=50).view(FUNDING)[0], stated(60, due=90).view(FUNDING)[0]]
    assert not state_funding(pending[0], told[0], told[0].ts_event, payment[0])
    assert state_funding(pending[0], told[1], told[1].ts_event, payment[0])
    assert payment["ts"][0] == T0 + 50
    assert due_until(pending, payment[:0], T0 + 89).tolist() == []
    (last,) = due_until(pending, payment[:0], T0 + 90)
    assert last["ts"] == T0 + 90
    assert due_until(pending, payment[:0], T0 + 10**9).tolist() == []


@pytest.mark.parametrize("name", ["next_ts", "paid"])
def test_nothing_is_stated_at_first(name):
    assert new_pending(3)[name].tolist() == [-1, -1, -1]
