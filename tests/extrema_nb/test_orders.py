"""Orders: what the transition table promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import OrderEvent, OrderStatus, Row
from extrema_nb.orders import BACK, NEXT_STATUS, OPEN, ORDER, TERMINAL, TRANSITIONS, transition_rows

S, E = OrderStatus, OrderEvent
PENDING_BY_REQUEST = {S.PENDING_NEW, S.PENDING_CANCEL, S.PENDING_AMEND}  # reached by asking
ends = {E.CANCELED: S.CANCELED, E.EXPIRED: S.EXPIRED}


def follow(status, event, *, filled=False):
    """Apply the table to one report; None where it makes no sense."""
    found = int(NEXT_STATUS[status, event])
    if found == BACK:
        return S.PARTIALLY_FILLED if filled else S.LIVE
    return None if found < 0 else S(found)


def test_every_status_is_open_or_terminal():
    assert {*OPEN, *TERMINAL, S.NONE} == set(S)
    assert not {*OPEN} & {*TERMINAL}


@pytest.mark.parametrize("status", [*TERMINAL, S.NONE])
@pytest.mark.parametrize("event", E)
def test_a_finished_order_never_changes(status, event):
    assert follow(status, event) is None


def test_every_status_can_be_reached():
    targets = {S(n) for n in TRANSITIONS.values() if n >= 0} | {S.LIVE, S.PARTIALLY_FILLED}
    # FILLED is PARTIALLY_FILLED with nothing left; it has no event of its own
    assert targets | PENDING_BY_REQUEST | {S.FILLED} == set(S) - {S.NONE}


@pytest.mark.parametrize("status", OPEN)
def test_every_open_order_can_trade_and_can_end(status):
    assert follow(status, E.TRADE) in OPEN
    for event, end in ends.items():
        assert follow(status, event) is end


@pytest.mark.parametrize("status", OPEN)
def test_a_repeated_acknowledgement_is_harmless(status):
    once = follow(status, E.ACCEPTED)
    assert once is (S.LIVE if status is S.PENDING_NEW else status)
    assert follow(once, E.ACCEPTED) is once


@pytest.mark.parametrize("filled", [False, True])
@pytest.mark.parametrize(
    ("status", "event"),
    [
        (S.PENDING_CANCEL, E.CANCEL_REJECTED),
        (S.PENDING_AMEND, E.AMEND_REJECTED),
        (S.PENDING_AMEND, E.AMENDED),
    ],
)
def test_an_answered_request_puts_the_order_back(status, event, filled):
    assert follow(status, event, filled=filled) is (S.PARTIALLY_FILLED if filled else S.LIVE)


@pytest.mark.parametrize("event", [E.CANCEL_REJECTED, E.AMEND_REJECTED])
def test_a_refusal_of_what_nobody_asked_for_is_no_transition(event):
    assert follow(S.LIVE, event) is None


@pytest.mark.parametrize("event", E)
def test_a_pending_cancel_survives_everything_but_its_end_and_its_refusal(event):
    found = follow(S.PENDING_CANCEL, event)
    assert found in {None, S.PENDING_CANCEL, *TERMINAL} or event is E.CANCEL_REJECTED


@given(st.lists(st.sampled_from(list(E)), max_size=30))
def test_an_order_that_ended_stays_ended_whatever_is_reported(events):
    status, filled, ended = S.PENDING_NEW, False, None
    for event in events:
        found = follow(status, event, filled=filled)
        assert ended is None or found is None
        if found is not None:
            status = found
            filled = filled or event is E.TRADE
            ended = status if status in TERMINAL else None
    assert status in {*OPEN, *TERMINAL}


def test_the_array_says_what_the_table_says():
    assert NEXT_STATUS.shape == (len(S), len(E))
    assert not NEXT_STATUS.flags.writeable
    listed = {(int(s), int(e)): int(n) for (s, e), n in TRANSITIONS.items()}
    held = {(int(s), int(e)): int(NEXT_STATUS[s, e]) for s, e in np.argwhere(NEXT_STATUS != -1)}
    assert held == listed


def test_the_documented_rows_are_the_table():
    rows = transition_rows()
    assert len(rows) == len(TRANSITIONS)
    assert ("PENDING_NEW", "ACCEPTED", "LIVE") in rows
    assert ("PENDING_AMEND", "AMENDED", "LIVE or PARTIALLY_FILLED") in rows


def test_an_order_is_a_signed_record_without_hidden_padding():
    fields = [ORDER.fields[name][0] for name in ORDER.names]
    assert ORDER.type is Row
    assert ORDER.itemsize == sum(field.itemsize for field in fields) == 80
    assert {field.kind for field in fields} <= {"i", "f"}
