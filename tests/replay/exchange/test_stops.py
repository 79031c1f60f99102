"""Stop orders wait, are cancelled, expire, and need a trigger."""

from __future__ import annotations

import numpy as np

from extrema_nb.events import (
    ACC_ORDER,
    Action,
    Flag,
    OrderEvent,
    OrderStatus,
    OrderType,
    TimeInForce,
    TriggerBy,
)
from extrema_nb.testing import book, trade
from replay.exchange.model import X_STOPS
from replay.exchange.reports import BAD_TRIGGER
from tests.naive.exchange import Wanted
from tests.replay.exchange.test_live import intent
from tests.replay.exchange.test_matching import Market, told

E = OrderEvent


def stop(
    market, id_, *, trigger, side=1, tick=None, qty=1.0, by=TriggerBy.TRADE, expires=np.nan, flags=0
):
    """Send a stop order, TERMS first; return what is told at once."""
    market.now += 1
    terms = intent(id_, Wanted(0, 1, side=side, qty=qty), market.now)
    terms["action"], terms["price"], terms["qty"] = Action.TERMS, trigger, expires
    terms["reserved"] = by
    order = intent(id_, Wanted(0, 1, side=side, tick=tick or 0, qty=qty), market.now)
    order["order_type"] = OrderType.STOP_MARKET if tick is None else OrderType.STOP_LIMIT
    order["flags"] |= flags
    if not np.isnan(expires):
        order["tif"] = TimeInForce.GTD
    return told(market.live.submit(np.concatenate([terms, order]), market.now))


def test_a_stop_is_live_until_it_is_cancelled():
    market = Market()
    assert stop(market, 1, trigger=101.0) == [(1, E.ACCEPTED)]
    assert market.live._x.clock[X_STOPS] == 1
    assert market.ask(1, action=Action.CANCEL) == [(1, E.CANCELED)]
    assert market.rows(trade(105.0, 1.0)) == []


def test_a_stop_expires_at_its_time():
    market = Market()
    stop(market, 1, trigger=101.0, expires=50.0)
    market.now = 60
    assert market.rows(trade(105.0, 1.0)) == [(1, E.EXPIRED)]


def test_an_amend_changes_limit_and_quantity_of_a_stop_and_keeps_its_trigger():
    market = Market()
    stop(market, 1, trigger=101.0, tick=1003)
    assert market.ask(1, action=Action.AMEND, tick=1000, qty=2.0) == [(1, E.AMENDED)]
    assert market.rows(trade(100.9, 1.0)) == []
    assert market.rows(trade(101.0, 1.0)) == [(1, E.ACCEPTED)]
    (order,) = market.live.open_orders(0)
    assert (order["tick"], order["qty"], order["leaves_qty"]) == (1000, 2.0, 2.0)


def test_a_stop_that_finds_nothing_when_it_fires_expires_as_it_was_accepted_before():
    market = Market()
    stop(market, 1, trigger=101.0)
    stop(market, 2, trigger=101.0, flags=int(Flag.REDUCE_ONLY))
    gone = book([], [(100.1, 0.0), (100.2, 0.0)])
    assert market.rows(gone, trade(101.0, 1.0)) == [(1, E.EXPIRED), (2, E.EXPIRED)]


def test_a_stop_without_terms_is_rejected_with_a_code():
    market = Market()
    order = intent(1, Wanted(0, 1), 5)
    order["order_type"] = OrderType.STOP_MARKET
    (row,) = market.live.submit(order, 5)
    report = np.array([row]).view(ACC_ORDER)[0]
    assert (report["status"], report["code"]) == (OrderStatus.REJECTED, BAD_TRIGGER)
