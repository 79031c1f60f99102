"""The local side: orders through their states, positions through fills, books in doubt."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.books.l2 import M_STALE
from extrema_nb.events import (
    Action,
    EventKind,
    Flag,
    OrderEvent,
    OrderStatus,
    StatusCode,
    status_row,
)
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.orders import BACK, NEXT_STATUS
from extrema_nb.strategy.local import apply_reports
from extrema_nb.strategy.risk import Reject
from extrema_nb.strategy.state import C_FINISHED, C_ODD_REPORTS, C_ROWS
from extrema_nb.testing import row, rows
from tests.extrema_nb.strategy import puppet as do
from tests.extrema_nb.strategy.puppet import Puppet, Stage
from tests.small_books import examples

E, S = OrderEvent, OrderStatus


def sent(**kwargs):
    """Return a stage on which order 1 was sent and is not answered yet."""
    stage = Stage(**kwargs)
    assert stage.do(do.LIMIT, price=100.0, qty=1.0) == 1
    return stage


def test_an_order_goes_from_sent_to_live_to_partly_to_fully_filled():
    stage = sent()
    assert (stage.order().status, stage.order().leaves_qty) == (S.PENDING_NEW, 1.0)
    stage.report(1, E.ACCEPTED, S.LIVE, leaves=1.0, venue_order_id=77)
    assert (stage.order().status, stage.order().venue_order_id) == (S.LIVE, 77)
    stage.fill(1, 0.4, 100.0)
    stage.report(1, E.TRADE, S.PARTIALLY_FILLED, leaves=0.6)
    assert (stage.order().status, stage.order().leaves_qty) == (S.PARTIALLY_FILLED, 0.6)
    stage.fill(1, 0.6, 100.0)
    stage.report(1, E.TRADE, S.FILLED)
    assert stage.open() == 0
    assert stage.look()["position"] == 1.0
    assert stage.group.counters()["odd_reports"] == 0
    assert (stage.state().fills, stage.state().reports) == (2, 3)


@pytest.mark.parametrize(
    ("event", "status"),
    [(E.REJECTED, S.REJECTED), (E.CANCELED, S.CANCELED), (E.EXPIRED, S.EXPIRED)],
)
def test_an_order_that_ends_is_open_no_more(event, status):
    stage = sent()
    stage.report(1, event, status)
    assert stage.open() == 0
    assert stage.do(do.CANCEL, ref=1) == Reject.UNKNOWN_ORDER


def test_a_cancel_that_is_refused_puts_the_order_back_to_what_it_was():
    stage = sent()
    stage.ack(1)
    assert stage.do(do.CANCEL, ref=1) == 1
    assert stage.order().status == S.PENDING_CANCEL
    assert stage.do(do.CANCEL, ref=1) == Reject.PENDING
    stage.report(1, E.CANCEL_REJECTED, S.REJECTED)
    assert stage.order().status == S.LIVE
    stage.fill(1, 0.25, 100.0)
    stage.report(1, E.TRADE, S.PARTIALLY_FILLED, leaves=0.75)
    assert stage.do(do.CANCEL, ref=1) == 1
    stage.report(1, E.CANCEL_REJECTED, S.REJECTED)
    assert stage.order().status == S.PARTIALLY_FILLED


def test_an_amend_takes_effect_when_it_is_acknowledged():
    stage = sent()
    assert stage.do(do.AMEND, ref=1, price=101.0, qty=2.0) == Reject.PENDING  # not live yet
    stage.ack(1)
    assert stage.do(do.AMEND, ref=1, price=101.04, qty=2.0) == 1
    order = stage.order()
    assert (order.status, order.price, order.new_price, order.new_qty) == (
        S.PENDING_AMEND, 100.0, 101.0, 2.0,
    )  # fmt: skip
    stage.report(1, E.AMENDED, S.LIVE, leaves=2.0, price=101.0)
    order = stage.order()
    assert (order.status, order.price, order.qty, order.leaves_qty) == (S.LIVE, 101.0, 2.0, 2.0)


def test_an_amend_that_is_refused_changes_nothing():
    stage = sent()
    stage.ack(1)
    stage.do(do.AMEND, ref=1, price=101.0, qty=2.0)
    stage.report(1, E.AMEND_REJECTED, S.REJECTED)
    assert (stage.order().status, stage.order().price, stage.order().qty) == (S.LIVE, 100.0, 1.0)


def test_a_report_that_makes_no_sense_is_counted_and_not_obeyed():
    stage = sent()
    stage.ack(1)
    stage.report(1, E.REJECTED, S.REJECTED)  # a live order cannot be refused any more
    assert stage.order().status == S.LIVE
    assert stage.group.counters()["odd_reports"] == 1
    assert stage.state().reports == 2  # but it is shown


def test_reports_of_orders_that_are_not_ours_change_no_order():
    stage = sent()
    stage.report(-1, E.CANCELED, S.CANCELED)
    stage.report(9, E.CANCELED, S.CANCELED)
    stage.report(1, E.CANCELED, S.CANCELED, inst=1)  # ours, but of the other instrument
    assert stage.open() == 1
    assert stage.group.counters()["odd_reports"] == 0


@settings(max_examples=examples(60))
@given(st.lists(st.tuples(st.sampled_from(list(E)[1:]), st.integers(0, 3)), max_size=8))
def test_any_reports_lead_where_the_table_says(reports):
    """Requests in between, too: 1 cancels, 2 amends."""
    stage = sent()
    status, filled = S.PENDING_NEW, False
    for event, request in reports:
        if status is None:
            break
        if request == 1 and stage.do(do.CANCEL, ref=1) == 1:
            status = S.PENDING_CANCEL
        elif request == 2 and stage.do(do.AMEND, ref=1, price=99.0, qty=1.0) == 1:
            status = S.PENDING_AMEND
        following = int(NEXT_STATUS[status, event])
        leaves = float(stage.order().leaves_qty)
        if event == E.TRADE and following != -1:
            stage.fill(1, 0.001, 100.0)
            filled = True
            leaves -= 0.001
        stage.report(1, event, S.NONE, leaves=leaves, price=99.0)
        if following == -1:
            continue
        if following == BACK:
            following = S.PARTIALLY_FILLED if filled else S.LIVE
        status = None if following >= S.FILLED else S(following)
        assert stage.open() == int(status is not None)
        if status is not None:
            assert stage.order().status == status


def test_several_orders_stay_in_order_of_their_ids():
    stage = Stage()
    for _ in range(5):
        stage.do(do.LIMIT, price=100.0, qty=1.0)
    stage.report(3, E.CANCELED, S.CANCELED)
    stage.report(1, E.CANCELED, S.CANCELED)
    assert [int(stage.order(i).client_order_id) for i in range(3)] == [2, 4, 5]


def trades(*fills, **kwargs):
    """Return what a stage sees after market orders with these fills (side, qty, price)."""
    stage = Stage(**kwargs)
    for i, (side, qty, price) in enumerate(fills, 1):
        assert stage.do(do.MARKET, side=side, qty=qty) == i
        stage.fill(i, qty, price, side=side, fee=0.01)
        stage.report(i, E.TRADE, S.FILLED)
    return stage.look()


def test_fills_make_an_average_price_and_a_profit():
    seen = trades((1, 1.0, 100.0), (1, 3.0, 104.0))
    assert (seen["position"], seen["avg_price"]) == (4.0, 103.0)
    assert (seen["realized"], seen["cash"]) == (0.0, -412.0)
    seen = trades((1, 1.0, 100.0), (1, 3.0, 104.0), (-1, 3.0, 105.0))
    assert (seen["position"], seen["avg_price"], seen["realized"]) == (1.0, 103.0, 6.0)
    assert (seen["volume"], seen["trades"], seen["fee"]) == (
        pytest.approx(727.0), 3, pytest.approx(0.03),
    )  # fmt: skip


def test_a_fill_through_flat_opens_at_its_own_price():
    seen = trades((1, 1.0, 100.0), (-1, 3.0, 90.0))
    assert (seen["position"], seen["avg_price"], seen["realized"]) == (-2.0, 90.0, -10.0)


def test_a_position_that_is_closed_has_no_average_price():
    seen = trades((-1, 0.3, 100.0), (1, 0.1, 90.0), (1, 0.2, 90.0))
    assert (seen["position"], seen["avg_price"]) == (0.0, 0.0)
    assert seen["realized"] == pytest.approx(3.0)
    assert seen["cash"] == pytest.approx(3.0)


INVERSE = InstrumentTable(
    [Instrument(venue="x", symbol="I", name="I", contract_value=100.0, inverse=True, tick_size=0.5)]
)


def test_inverse_contracts_pay_in_base():
    """100 quote units a contract: 10 bought at 50,000 and 10 at 25,000, sold at 40,000."""
    seen = trades((1, 10.0, 50_000.0), (1, 10.0, 25_000.0), table=INVERSE)
    assert seen["avg_price"] == pytest.approx(20.0 / (10 / 50_000 + 10 / 25_000))
    assert seen["cash"] == pytest.approx(-(1_000 / 50_000 + 1_000 / 25_000))
    seen = trades((1, 10.0, 50_000.0), (1, 10.0, 25_000.0), (-1, 20.0, 40_000.0), table=INVERSE)
    # a long position of an inverse contract gains 1/entry - 1/exit
    assert seen["realized"] == pytest.approx(1_000 / 50_000 + 1_000 / 25_000 - 2_000 / 40_000)
    assert seen["position"] == 0.0


def position(qty, entry=float("nan"), *, flags=Flag.SNAPSHOT | Flag.LAST, inst=0):
    return row(EventKind.ACC_POS, 0, qty=qty, entry_price=entry, flags=flags, inst=inst)


def test_a_reconciled_position_is_the_accounts_and_what_nobody_owns_is_the_firsts():
    stage = Stage(Puppet(me=0), Puppet(me=1))
    stage.feed(position(2.0, 100.0))
    assert (stage.look(me=0)["position"], stage.look(me=1)["position"]) == (2.0, 0.0)
    assert stage.look(me=1)["net"] == 2.0
    assert (stage.look()["avg_price"], stage.look()["trades"], stage.look()["volume"]) == (
        100,
        0,
        0,
    )
    stage.feed(position(2.0, 105.0))  # again: nothing changes
    assert stage.look()["avg_price"] == 100.0
    stage.feed(position(-1.0))
    assert (stage.look()["position"], stage.look()["net"], stage.look()["realized"]) == (-1, -1, 0)
    assert stage.state().positions == 3


def test_an_unflagged_position_tells_but_changes_nothing():
    stage = Stage()
    stage.feed(position(2.0, 100.0, flags=Flag.LAST))
    assert stage.look()["net"] == 0.0
    assert stage.state().positions == 1


def test_an_inverse_position_without_an_entry_price_leaves_no_infinite_cash():
    stage = Stage(table=INVERSE)
    stage.feed(position(2.0))
    seen = stage.look()
    assert seen["position"] == 2.0
    assert all(math.isfinite(value) for name, value in seen.items() if name != "bid")


def test_a_fill_of_an_order_that_is_not_ours_moves_the_account_alone():
    stage = Stage()
    stage.fill(-1, 2.0, 100.0, side=-1)
    assert (stage.look()["position"], stage.look()["net"]) == (0.0, -2.0)


def test_a_fill_that_comes_after_its_order_ended_still_moves_its_owners_position():
    stage = Stage(Puppet(me=0), Puppet(me=1))
    assert stage.do(do.LIMIT, me=1, price=100.0, qty=1.0) == 1
    stage.ack(1)
    stage.report(1, E.CANCELED, S.CANCELED)
    stage.fill(1, 0.4, 100.0)
    assert stage.look(me=1)["position"] == 0.4
    assert stage.look(me=0)["position"] == 0.0
    assert stage.look(me=1)["net"] == 0.4
    assert (stage.state(0).fills, stage.state(1).fills) == (0, 1)
    assert stage.group.counters()["odd_reports"] == 1


def test_the_kill_switch_stops_orders_and_amends_but_not_cancels():
    stage = sent()
    stage.ack(1)
    stage.feed(status_row(StatusCode.KILL, 5))
    assert stage.do(do.LIMIT, price=100.0, qty=1.0) == Reject.KILLED
    assert stage.do(do.MARKET, qty=1.0) == Reject.KILLED
    assert stage.do(do.AMEND, ref=1, price=99.0, qty=1.0) == Reject.KILLED
    assert stage.do(do.CANCEL, ref=1) == 1
    assert stage.out.intents["action"].tolist() == [Action.CANCEL]


@pytest.mark.parametrize("code", [StatusCode.STALE, StatusCode.DISCONNECTED])
def test_a_book_in_doubt_is_marked_until_it_is_whole_again(code):
    stage = Stage().quote().quote(inst=1)
    stale = stage.group.ctx.books.meta[:, M_STALE]
    stage.feed(status_row(code, 5, inst=1))
    assert stale.tolist() == [0, 1]
    stage.feed(status_row(StatusCode.RESYNCED, 6, inst=1))
    assert stale.tolist() == [0, 0]
    stage.feed(status_row(code, 7))
    assert stale.tolist() == [1, 1]
    stage.feed(status_row(StatusCode.RESYNCED, 8))  # of no book: says nothing about any
    assert stale.tolist() == [1, 1]


def test_rows_about_instruments_that_are_not_in_the_table_change_nothing():
    stage = Stage()
    for inst in (2, 99, -5):
        stage.feed(
            do.fill(1, 1.0, 100.0, inst=inst),
            do.report(1, E.CANCELED, S.CANCELED, inst=inst),
            position(1.0, inst=inst),
            row(EventKind.LOB, 0, price=1.0, qty=1.0, side=1, inst=inst),
        )
    assert stage.group.counters()["rows"] == 12
    assert (stage.state().fills, stage.state().reports, stage.state().positions) == (0, 0, 0)


def balance(change, inst=0, flags=Flag.LAST | Flag.SYNTHETIC):
    return row(EventKind.ACC_BAL, 9, inst=inst, change=change, flags=flags)


def test_funding_is_shared_by_positions_and_the_rest_of_a_closed_one_goes_to_the_first_module():
    stage = Stage(Puppet(me=0), Puppet(me=1))
    for module, (side, qty) in enumerate([(-1, 1.0), (1, 4.0)]):
        order = stage.do(do.MARKET, me=module, side=side, qty=qty)
        stage.fill(order, qty, 100.0, side=side)
    stage.feed(balance(-0.6))
    paid = stage.group.ctx.positions["funding"][:, 0]
    assert paid.tolist() == pytest.approx([-0.2, 0.8, 0.6])
    order = stage.do(do.MARKET, me=1, side=-1, qty=3.0)
    stage.fill(order, 3.0, 100.0, side=-1)
    stage.feed(balance(0.1))
    assert paid.tolist() == pytest.approx([-0.3, 0.8, 0.5])


@pytest.mark.parametrize(
    "told",
    [
        balance(-0.6, flags=Flag.LAST),  # the venue's own word about a wallet
        balance(-0.6, inst=-1),
        balance(-0.6, flags=Flag.LAST | Flag.SYNTHETIC | Flag.SNAPSHOT),
        balance(math.nan),
    ],
)
def test_other_balances_are_no_funding(told):
    stage = Stage()
    stage.fill(stage.do(do.MARKET, qty=1.0), 1.0, 100.0)
    stage.feed(told)
    assert not stage.group.ctx.positions["funding"].any()


@settings(max_examples=examples(60))
@given(
    st.lists(
        st.tuples(
            st.integers(1, 10),
            st.sampled_from([E.ACCEPTED, E.CANCELED, E.REJECTED, E.EXPIRED, E.TRADE, E.TRADE]),
            st.booleans(),
        ),
        max_size=20,
    )
)
def test_reports_at_once_do_what_they_do_one_by_one(reports):
    """Orders 1 to 8 belong to two strategies in two instruments, 9 and 10 to nobody."""
    stages = [Stage(Puppet(me=0), Puppet(me=1, name="other")) for _ in range(2)]
    for stage in stages:
        for i in range(8):
            stage.do(do.LIMIT, me=i % 2, inst=i // 2 % 2, price=100.0, qty=1.0)
    told = []
    for ts, (order_id, event, filled) in enumerate(reports, stages[0].now):
        inst = (order_id - 1) // 2 % 2
        status = S.FILLED if filled else S.PARTIALLY_FILLED
        if event == E.TRADE:
            told.append(do.fill(order_id, 1.0 if filled else 0.25, 100.0, ts, inst=inst))
        told.append(do.report(order_id, event, status, ts, inst=inst))
    for one in told:
        stages[0].group.step(one)
    if told:
        together = rows(*told)
        apply_reports(stages[1].group.ctx, together.ctypes.data, len(together))
    one_by_one, at_once = (stage.group.ctx for stage in stages)
    assert at_once.n_open.tolist() == one_by_one.n_open.tolist()
    for module in range(2):
        for inst in range(2):
            n = one_by_one.n_open[module, inst]
            left, right = (c.open_orders[module, inst, :n] for c in (at_once, one_by_one))
            assert left.tobytes() == right.tobytes()
    assert at_once.positions.tobytes() == one_by_one.positions.tobytes()
    assert at_once.finished.tobytes() == one_by_one.finished.tobytes()
    for count in (C_FINISHED, C_ODD_REPORTS, C_ROWS):
        assert at_once.clock[count] == one_by_one.clock[count]
