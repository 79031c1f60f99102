"""Requests of a handler: ids, intents, limits each by its code, and orders of others unseen."""

from __future__ import annotations

import math

import numpy as np
import pytest

from extrema_nb.events import (
    GTX,
    INTENT,
    Action,
    EventKind,
    OrderEvent,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from extrema_nb.strategy.risk import Reject
from extrema_nb.strategy.state import ROW_LIMIT
from extrema_nb.testing import bbo
from tests.extrema_nb.strategy import puppet as do
from tests.extrema_nb.strategy.puppet import Puppet, Stage


def test_ids_count_from_one_and_an_intent_says_all():
    stage = Stage()
    assert stage.do(do.LIMIT, side=-1, price=100.04, qty=0.5, tif=GTX) == 1
    (intent,) = stage.out.intents
    assert stage.out.intents.dtype == INTENT
    assert {name: intent[name].item() for name in INTENT.names} == {
        "ts_event": 1, "ts_recv": 1, "inst": 0, "kind": EventKind.INTENT, "side": -1, "flags": 1,
        "client_order_id": 1, "price": 100.0, "qty": 0.5, "module": 0, "action": Action.SUBMIT,
        "tif": GTX, "order_type": OrderType.LIMIT, "reserved": 0, "seq": 0,
    }  # fmt: skip
    assert stage.do(do.MARKET, side=1, qty=0.5, inst=1) == 2
    (intent,) = stage.out.intents
    assert (intent["order_type"], intent["tif"]) == (OrderType.MARKET, TimeInForce.IOC)
    assert math.isnan(intent["price"])
    assert (intent["seq"], intent["inst"], stage.order(inst=1).client_order_id) == (1, 1, 2)


def test_a_price_is_the_double_nearest_to_its_decimal():
    stage = Stage()
    stage.do(do.LIMIT, price=61_830.3 + 1e-7, qty=1.0)
    assert stage.out.intents["price"][0] == 61_830.3


@pytest.mark.parametrize(
    ("wanted", "answer"),
    [
        ({"inst": 2}, Reject.UNKNOWN_INSTRUMENT),
        ({"inst": -1}, Reject.UNKNOWN_INSTRUMENT),
        ({"price": math.nan}, Reject.BAD_PRICE),
        ({"price": math.inf}, Reject.BAD_PRICE),
        ({"price": -1e300}, Reject.BAD_PRICE),
        ({"qty": 0.0}, Reject.BAD_QTY),
        ({"qty": -1.0}, Reject.BAD_QTY),
        ({"qty": math.nan}, Reject.BAD_QTY),
        ({"qty": math.inf}, Reject.BAD_QTY),
        ({"action": do.MARKET, "side": 0}, Reject.BAD_SIDE),
        ({"action": do.MARKET, "side": 5}, Reject.BAD_SIDE),
        ({"action": do.CANCEL, "ref": 7}, Reject.UNKNOWN_ORDER),
        ({"action": do.AMEND, "ref": 7}, Reject.UNKNOWN_ORDER),
        ({"action": do.TARGET, "inst": 2}, Reject.UNKNOWN_INSTRUMENT),
        ({"action": do.CANCEL_ALL, "inst": 2}, 0),
    ],
)
def test_what_makes_no_sense_is_answered_with_its_reason(wanted, answer):
    stage = Stage()
    assert stage.do(**{"action": do.LIMIT, "price": 100.0, "qty": 1.0, **wanted}) == answer
    assert len(stage.out.intents) == 0
    assert stage.open() == 0
    assert stage.do(do.LIMIT, price=100.0, qty=1.0) == 1  # no id was used up


def limited(**limits):
    return Stage(risk=limits).quote(99.9, 100.1)


def test_refused_orders_and_amends_are_counted_by_reason_and_nothing_else_is():
    stage = Stage(risk={"max_order_qty": 1.0})
    stage.do(do.LIMIT, price=100.0, qty=1.0)
    stage.ack(1)
    assert set(stage.group.counters()) == {"rows", "odd_reports", "crossed"}
    for qty in (2.0, 3.0, math.nan):
        stage.do(do.LIMIT, price=100.0, qty=qty)
    stage.do(do.MARKET, side=5, qty=1.0)
    stage.do(do.AMEND, ref=1, price=100.0, qty=9.0)
    stage.do(do.AMEND, ref=1, price=math.nan, qty=1.0)
    stage.do(do.AMEND, ref=77, price=100.0, qty=1.0)  # as it happens when orders end
    stage.do(do.CANCEL, ref=77)
    counted = {k: n for k, n in stage.group.counters().items() if k.startswith("refused")}
    assert counted == {
        "refused_max_order_qty": 3, "refused_bad_qty": 1, "refused_bad_side": 1,
        "refused_bad_price": 1,
    }  # fmt: skip


def test_a_quantity_above_the_limit_is_refused():
    stage = limited(max_order_qty=1.0)
    assert stage.do(do.LIMIT, price=100.0, qty=1.0) == 1
    assert stage.do(do.LIMIT, price=100.0, qty=1.001) == Reject.MAX_ORDER_QTY


def test_a_value_above_the_limit_is_refused():
    stage = limited(max_notional=1_000.0)
    assert stage.do(do.LIMIT, price=100.0, qty=10.0) == 1
    assert stage.do(do.LIMIT, price=100.1, qty=10.0) == Reject.MAX_NOTIONAL
    assert stage.do(do.MARKET, qty=10.1) == Reject.MAX_NOTIONAL  # by the mid
    assert stage.do(do.MARKET, qty=9.9) == 2


def test_a_position_above_the_limit_is_refused_counting_open_orders_of_that_side():
    stage = limited(max_position=2.0)
    assert stage.do(do.LIMIT, price=100.0, qty=1.5) == 1
    assert stage.do(do.LIMIT, price=100.0, qty=0.6) == Reject.MAX_POSITION
    assert stage.do(do.LIMIT, side=-1, price=100.2, qty=2.0) == 2  # the other side is free
    stage.fill(1, 1.5, 100.0)
    stage.report(1, OrderEvent.TRADE, OrderStatus.FILLED)
    assert stage.do(do.LIMIT, price=100.0, qty=0.5) == 3
    assert stage.do(do.LIMIT, price=100.0, qty=0.1) == Reject.MAX_POSITION
    assert stage.do(do.LIMIT, price=100.0, qty=0.1, inst=1) == 4  # of each instrument


def test_an_amend_counts_its_new_size_and_not_its_old_one():
    stage = limited(max_position=2.0)
    stage.do(do.LIMIT, price=100.0, qty=1.5)
    stage.ack(1)
    assert stage.do(do.AMEND, ref=1, price=100.0, qty=2.1) == Reject.MAX_POSITION
    assert stage.do(do.AMEND, ref=1, price=100.0, qty=2.0) == 1
    # while it is on its way, the larger of both counts
    assert stage.do(do.LIMIT, price=100.0, qty=0.4) == Reject.MAX_POSITION


def test_more_open_orders_than_there_is_room_for_are_refused():
    stage = limited(max_open_orders=2)
    assert [stage.do(do.LIMIT, price=100.0, qty=1.0) for _ in range(3)] == [
        1, 2, Reject.MAX_OPEN_ORDERS,
    ]  # fmt: skip
    stage.report(1, OrderEvent.REJECTED, OrderStatus.REJECTED)
    assert stage.do(do.LIMIT, price=100.0, qty=1.0) == 3


def test_orders_a_second_come_in_bursts_of_one_second():
    stage = limited(orders_per_second=2.0)
    stage.now = 1_000_000_000
    assert [stage.do(do.LIMIT, price=100.0, qty=1.0, after=0) for _ in range(3)] == [
        1, 2, Reject.ORDERS_PER_SECOND,
    ]  # fmt: skip
    assert stage.do(do.LIMIT, price=100.0, qty=1.0, after=499_000) == Reject.ORDERS_PER_SECOND
    assert stage.do(do.LIMIT, price=100.0, qty=1.0, after=1_000) == 3
    stage.ack(1)
    assert stage.do(do.AMEND, ref=1, price=99.0, qty=1.0, after=0) == Reject.ORDERS_PER_SECOND
    assert stage.do(do.CANCEL, ref=1, after=0) == 1  # cancels cost nothing
    assert [stage.do(do.LIMIT, price=100.0, qty=1.0, after=10**9 * (i == 0)) for i in range(3)] == [
        4, 5, Reject.ORDERS_PER_SECOND,
    ]  # fmt: skip


def test_a_price_on_the_costly_side_of_the_collar_is_refused():
    stage = limited(price_collar=0.01)
    assert stage.do(do.LIMIT, price=101.0, qty=1.0) == 1
    assert stage.do(do.LIMIT, price=101.1, qty=1.0) == Reject.PRICE_COLLAR
    assert stage.do(do.LIMIT, price=50.0, qty=1.0) == 2  # cheap is fine
    assert stage.do(do.LIMIT, side=-1, price=98.9, qty=1.0) == Reject.PRICE_COLLAR
    assert stage.do(do.LIMIT, side=-1, price=99.0, qty=1.0) == 3


@pytest.mark.parametrize("limit", [{"price_collar": 0.01}, {"max_notional": 1e9}])
def test_a_limit_that_needs_a_price_refuses_without_one_and_takes_the_quote_for_a_book(limit):
    stage = Stage(risk=limit)
    assert stage.do(do.LIMIT, price=100.0, qty=1.0) == Reject.NO_REFERENCE
    stage.feed(bbo(99.9, 1.0, 100.1, 1.0))
    assert stage.do(do.LIMIT, price=100.0, qty=1.0) == 1


def test_one_row_sends_so_many_intents_and_no_more():
    stage = Stage(risk={"max_open_orders": 3 * ROW_LIMIT})
    assert stage.do(do.FLOOD, ref=ROW_LIMIT + 5) == Reject.TOO_MANY_INTENTS
    assert len(stage.out.intents) == ROW_LIMIT
    assert stage.do(do.LIMIT, price=1.0, qty=1.0) == ROW_LIMIT + 1


def test_all_orders_of_an_instrument_are_cancelled_in_their_order():
    stage = Stage()
    for inst in (0, 1, 0):
        stage.do(do.LIMIT, price=100.0, qty=1.0, inst=inst)
    stage.do(do.CANCEL, ref=1)
    assert stage.do(do.CANCEL_ALL) == 1  # the first is being cancelled already
    assert stage.out.intents["client_order_id"].tolist() == [3]
    assert stage.do(do.CANCEL_ALL, inst=1) == 1


def test_two_strategies_of_one_class_do_not_see_each_others_orders():
    stage = Stage(Puppet(me=0), Puppet(me=1))
    assert stage.do(do.LIMIT, me=0, price=100.0, qty=1.0) == 1
    assert stage.do(do.LIMIT, me=1, price=101.0, qty=1.0) == 2
    assert stage.out.intents["module"].tolist() == [1]
    assert stage.do(do.CANCEL, me=0, ref=2) == Reject.UNKNOWN_ORDER
    assert stage.do(do.AMEND, me=0, ref=2, price=1.0, qty=1.0) == Reject.UNKNOWN_ORDER
    assert stage.do(do.CANCEL_ALL, me=1) == 1
    seen = [stage.look(me=me, side=1, price=100.0) for me in (0, 1)]
    assert [(one["orders"], one["has_order"]) for one in seen] == [(1, 1), (1, 0)]
    stage.fill(1, 1.0, 100.0)
    assert [stage.look(me=me)["position"] for me in (0, 1)] == [1.0, 0.0]
    assert [stage.look(me=me)["net"] for me in (0, 1)] == [1.0, 1.0]
    assert [stage.state(me).fills for me in (0, 1)] == [1, 0]


def test_an_order_that_is_being_cancelled_does_not_hold_its_place():
    stage = Stage()
    stage.do(do.LIMIT, price=100.0, qty=1.0)
    assert stage.look(side=1, price=100.04)["has_order"] == 1
    assert stage.look(side=1, price=100.1)["has_order"] == 0
    assert stage.look(side=-1, price=100.0)["has_order"] == 0
    stage.do(do.CANCEL, ref=1)
    assert stage.look(side=1, price=100.0)["has_order"] == 0


def test_intents_are_copies():
    stage = Stage()
    stage.do(do.LIMIT, price=100.0, qty=1.0)
    first = stage.out.intents
    stage.do(do.LIMIT, price=50.0, qty=1.0)
    np.testing.assert_array_equal(first["price"], [100.0])
