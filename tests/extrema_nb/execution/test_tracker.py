"""Two channels tell it, the strategy hears it once."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import Flag, OrderEvent, OrderStatus
from extrema_nb.execution import tracker as tracker_module
from extrema_nb.execution.tracker import OrderTracker
from extrema_nb.wire import OrderReport
from tests.extrema_nb.execution.desk_of import intent, intents, table

LIVE, PART = OrderStatus.LIVE, OrderStatus.PARTIALLY_FILLED
FILLED, CANCELED = OrderStatus.FILLED, OrderStatus.CANCELED


def report(event, status, cum=0.0, *, ts=1, qty=1.0, price=100.0, order_id=1, **more):
    return OrderReport(0, order_id, 50, event, status, 1, price, qty, cum, ts, **more)


def execution(trade_id, qty, cum, total=1.0, ts=1):
    status = FILLED if cum >= total - 1e-9 else PART
    return report(OrderEvent.TRADE, status, cum, ts=ts, qty=total, last_qty=qty, last_price=100.0,
                  trade_id=trade_id, fee=0.01, avg_price=100.0)  # fmt: skip


def state(status, cum=0.0, **more):
    event = {
        LIVE: OrderEvent.ACCEPTED, PART: OrderEvent.TRADE, FILLED: OrderEvent.TRADE,
        CANCELED: OrderEvent.CANCELED, OrderStatus.EXPIRED: OrderEvent.EXPIRED,
    }[status]  # fmt: skip
    return report(event, status, cum, avg_price=100.0, **more)


ACCEPTED = report(OrderEvent.ACCEPTED, LIVE)


@pytest.fixture
def tracker():
    made = OrderTracker(table())
    made.submit(intents(intent(1))[0])
    return made


def events(reports):
    return [OrderEvent(r.event).name for r in reports]


def test_the_first_of_two_acknowledgements_counts(tracker):
    assert events(tracker.event(ACCEPTED)) == ["ACCEPTED"]
    assert tracker.state(state(LIVE)) == []
    assert tracker.duplicates == 1


def test_an_answer_that_says_filled_is_held_until_the_execution_is_known(tracker):
    assert events(tracker.state(state(FILLED, 1.0))) == ["ACCEPTED"]
    assert tracker[1].missing == 1.0
    told = tracker.event(execution(7, 1.0, 1.0))
    assert events(told) == ["TRADE"]
    assert (told[0].status, told[0].last_qty, told[0].leaves_qty) == (FILLED, 1.0, 0.0)
    assert tracker.open == []


def test_a_cancel_with_an_untold_execution_waits_for_it(tracker):
    tracker.event(ACCEPTED)
    assert tracker.state(state(CANCELED, 0.25)) == []
    told = tracker.event(execution(7, 0.25, 0.25))
    assert events(told) == ["TRADE", "CANCELED"]
    assert [r.status for r in told] == [PART, CANCELED]


def test_an_execution_is_told_once_whether_by_id_or_by_sum(tracker):
    assert len(tracker.event(execution(7, 0.5, 0.5))) == 1
    assert tracker.event(execution(7, 0.5, 0.5)) == []
    assert tracker.executions(tracker[1], [execution(7, 0.5, math.nan)]) == []
    assert len(tracker.executions(tracker[1], [execution(8, 0.25, math.nan)])) == 1
    assert tracker.event(execution(8, 0.25, 0.75)) == []
    assert tracker[1].cum_qty == 0.75


def test_an_execution_made_up_is_not_told_again_by_the_real_one(tracker):
    tracker.state(state(PART, 0.5))
    (made_up,) = tracker.fill_in(tracker[1], ts=9)
    assert (made_up.last_qty, made_up.last_price, made_up.flags) == (0.5, 100.0, Flag.SYNTHETIC)
    assert math.isnan(made_up.fee)
    assert tracker.event(execution(7, 0.5, 0.5)) == []
    assert tracker.fill_in(tracker[1], ts=9) == []


def test_a_made_up_execution_without_an_average_has_the_limit_price(tracker):
    tracker.state(state(PART, 0.5)._replace(avg_price=math.nan))
    assert tracker.fill_in(tracker[1], ts=9)[0].last_price == 100.0


def test_a_gap_before_an_execution_leaves_the_missing_part_open(tracker):
    told = tracker.event(execution(8, 0.5, 1.0))  # 0.5 went before, unseen
    assert [r.status for r in told] == [PART]
    assert tracker[1].missing == 0.5
    told = tracker.executions(tracker[1], [execution(7, 0.5, math.nan)])
    assert [r.status for r in told] == [FILLED]


def test_an_old_answer_changes_nothing(tracker):
    tracker.event(ACCEPTED)
    tracker.event(execution(7, 0.5, 0.5, ts=5))
    assert tracker.state(state(LIVE, 0.0)) == []
    assert tracker[1].cum_qty == 0.5
    tracker.event(report(OrderEvent.CANCELED, CANCELED, 0.5, ts=6))
    for late in (state(LIVE), state(PART, 0.5), state(FILLED, 1.0), state(CANCELED)):
        assert tracker.state(late) == []
    assert tracker.event(execution(9, 0.5, 1.0)) == []


def amendment(price, qty, ts, cum=0.0):
    return report(OrderEvent.AMENDED, LIVE, cum, ts=ts, price=price, qty=qty)


def test_an_amend_is_told_once_by_stream_and_answer(tracker):
    tracker.event(ACCEPTED)
    order = tracker[1]
    order.amend = (99.0 + 1e-12, 2.0)
    assert events(tracker.event(amendment(99.0, 2.0, 5))) == ["AMENDED"]
    assert order.amend is None
    assert tracker.amended(order, amendment(99.0, 2.0, 5)) == []


def test_the_late_echo_of_an_earlier_amend_does_not_answer_the_next(tracker):
    tracker.event(ACCEPTED)
    order = tracker[1]
    order.amend = (99.0, 1.0)
    assert events(tracker.amended(order, amendment(99.0, 1.0, 5))) == ["AMENDED"]
    order.amend = (98.0, 1.0)
    assert tracker.event(amendment(99.0, 1.0, 5)) == []
    assert order.amend == (98.0, 1.0)
    assert events(tracker.event(amendment(98.0, 1.0, 6))) == ["AMENDED"]
    assert tracker.event(amendment(99.0, 1.0, 5)) == []  # older than what is known


def test_an_amend_by_somebody_else_is_told(tracker):
    tracker.event(ACCEPTED)
    (told,) = tracker.event(amendment(97.0, 3.0, 5))
    assert (told.price, told.leaves_qty) == (97.0, 3.0)


def test_a_query_shows_an_amend_whose_answer_was_lost(tracker):
    tracker.event(ACCEPTED)
    tracker[1].amend = (99.0, 1.0)
    assert events(tracker.state(state(LIVE, price=99.0, ts=5))) == ["AMENDED"]
    assert tracker[1].amend is None


def test_a_refusal_of_an_order_that_was_accepted_is_not_believed(tracker):
    tracker.event(ACCEPTED)
    assert tracker.reject(tracker[1], 5, -2010) == []
    assert not tracker[1].over


def test_refusals_put_the_order_back_where_it_was(tracker):
    tracker.event(ACCEPTED)
    tracker[1].amend = (99.0, 1.0)
    (told,) = tracker.refused(tracker[1], OrderEvent.AMEND_REJECTED, 5, -5027)
    assert (told.status, told.code, told.price) == (LIVE, -5027, 100.0)
    assert tracker[1].amend is None
    tracker.event(execution(7, 0.5, 0.5))
    (told,) = tracker.refused(tracker[1], OrderEvent.CANCEL_REJECTED, 5, -2011)
    assert (told.status, told.leaves_qty) == (PART, 0.5)
    tracker.event(report(OrderEvent.CANCELED, CANCELED, 0.5))
    assert tracker.refused(tracker[1], OrderEvent.CANCEL_REJECTED, 5, -2011) == []


def test_a_smaller_total_that_somebody_else_set_still_ends_the_order(tracker):
    tracker.event(execution(7, 0.5, 0.5))
    (told,) = tracker.event(report(OrderEvent.TRADE, FILLED, 0.5, qty=0.5))
    assert (told.status, told.leaves_qty) == (FILLED, 0.0)


def test_orders_of_others_pass_with_id_minus_one(tracker):
    for order_id in (-1, 99):
        (told,) = tracker.event(execution(7, 1.0, 1.0)._replace(client_order_id=order_id))
        assert told.client_order_id == -1


def test_orders_that_ended_long_ago_are_let_go_and_their_echoes_dropped(monkeypatch):
    monkeypatch.setattr(tracker_module, "KEPT", 2)
    tracker = OrderTracker(table())
    for order_id in (1, 2, 3):
        tracker.submit(intents(intent(order_id))[0])
        tracker.reject(tracker[order_id], 1, -2010)
    assert tracker.get(1) is None
    assert tracker.get(2) is not None
    assert tracker.event(execution(7, 1.0, 1.0)) == []


@st.composite
def histories(draw):
    """What happened at the venue, and in which mix the two channels tell it."""
    parts = draw(st.lists(st.integers(1, 400), max_size=5))
    total = 1.0 if draw(st.booleans()) else sum(parts) / 1000
    stream, answers, cum = [ACCEPTED], [state(LIVE)], 0
    for i, part in enumerate(parts):
        if cum + part > 1000 * total + 1e-6:
            break
        cum += part
        stream.append(execution(i + 1, part / 1000, cum / 1000, total or 1.0))
        done = cum / 1000 >= total - 1e-9
        answers.append(state(FILLED if done else PART, cum / 1000))
    over = stream[-1].status == FILLED
    if not over and draw(st.booleans()):
        stream.append(report(OrderEvent.CANCELED, CANCELED, cum / 1000, qty=total))
        answers.append(state(CANCELED, cum / 1000))
    told, at = [], -1
    for i, frame in enumerate(stream):
        if draw(st.booleans()) or i == len(stream) - 1:  # else the stream was down
            told += [("stream", frame)] * draw(st.integers(1, 2))
        for _ in range(draw(st.integers(0, 2))):  # answers tell any moment up to now
            told.append(("answer", answers[draw(st.integers(0, i))]))
        at = i
    trades = [frame for frame in stream if frame.event == OrderEvent.TRADE]
    return total or 1.0, stream[at].status, told, trades


@given(histories())
def test_any_mix_of_the_channels_tells_each_execution_once_and_the_right_end(history):
    total, end, told, trades = history
    tracker = OrderTracker(table())
    order = tracker.submit(intents(intent(1, qty=total))[0])
    out = []
    for channel, frame in told:
        what = frame._replace(qty=total)
        out += tracker.event(what) if channel == "stream" else tracker.state(what)
    out += tracker.executions(order, trades)
    assert sorted(r.trade_id for r in out if r.last_qty > 0) == [t.trade_id for t in trades]
    assert order.status == end
    assert not order.missing
    assert [r.event for r in out].count(OrderEvent.ACCEPTED) <= 1
    overs = [i for i, r in enumerate(out) if r.status in (FILLED, CANCELED)]
    assert overs in ([], [len(out) - 1])  # nothing after the end, and one end
    leaves = [r.leaves_qty for r in out]
    assert leaves == sorted(leaves, reverse=True)
