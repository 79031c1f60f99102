"""Arrival of orders: partial fills, self-trades, reduce-only and orders with an end."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.events import (
    ACC_ORDER,
    BUY,
    SELL,
    Action,
    Flag,
    OrderEvent,
    OrderStatus,
    TimeInForce,
)
from extrema_nb.testing import book, trade
from replay.exchange.reports import CANNOT_REDUCE, SELF_TRADE
from tests.naive.exchange import MARKET, Wanted
from tests.replay.exchange.test_live import intent
from tests.replay.exchange.test_matching import Market, told

E, T = OrderEvent, TimeInForce


def test_a_partial_taker_walks_to_its_limit_and_what_is_left_rests():
    market = Market(partial=True)
    assert market.ask(1, tick=1002, qty=5.0) == [
        (1, 100.1, 2.0), (1, E.TRADE), (1, 100.2, 2.0), (1, E.TRADE), (1, E.ACCEPTED),
    ]  # fmt: skip
    (left,) = market.live.open_orders(0)
    assert (left["tick"], left["leaves_qty"], left["qty"]) == (1002, 1.0, 5.0)


def test_both_walks_include_the_limit_level():
    market = Market(partial=True)
    assert market.ask(1, tick=1001, qty=9.0, tif=T.IOC) == [
        (1, 100.1, 2.0), (1, E.TRADE), (1, E.EXPIRED),
    ]  # fmt: skip
    assert market.ask(2, side=-1, tick=999, qty=9.0, tif=T.IOC) == [
        (2, 99.9, 2.0), (2, E.TRADE), (2, E.EXPIRED),
    ]  # fmt: skip


@pytest.mark.parametrize(("qty", "fills"), [(4.0, 2), (4.25, 0)])
def test_a_fill_or_kill_needs_the_visible_quantity(qty, fills):
    found = Market(partial=True).ask(1, tick=1002, qty=qty, tif=T.FOK)
    assert len([x for x in found if len(x) == 3]) == fills
    assert found[-1] == (1, E.TRADE if fills else E.EXPIRED)


def test_a_partial_market_order_takes_the_book_and_the_rest_expires():
    found = Market(partial=True).ask(1, MARKET, qty=50.0)
    assert [x for x in found if len(x) == 3] == [(1, 100.1, 2.0), (1, 100.2, 2.0)]
    assert found[-1] == (1, E.EXPIRED)


def test_a_complete_partial_fill_ends_the_order_and_the_run_goes_on():
    """The next touch finds nobody: elsewhere this ended whole runs."""
    market = Market(partial=True)
    market.ask(1, tick=999, qty=1.0)
    assert market.rows(trade(99.9, 3.0, -1)) == [(1, 99.9, 1.0), (1, E.TRADE)]
    assert market.rows(trade(99.9, 3.0, -1)) == []
    assert len(market.live.open_orders(0)) == 0


def test_a_resting_order_fills_by_lots_and_every_part_is_reported():
    market = Market(partial=True)
    market.ask(1, tick=999, qty=2.0)
    assert market.rows(trade(99.9, 2.5, -1)) == [(1, 99.9, 0.5), (1, E.TRADE)]
    assert market.rows(trade(99.9, 0.25, -1)) == [(1, 99.9, 0.25), (1, E.TRADE)]
    assert market.rows(trade(99.9, 9.0, -1)) == [(1, 99.9, 1.25), (1, E.TRADE)]


def test_own_takers_use_up_the_book_until_it_is_refreshed():
    market = Market(partial=True, consume=True)
    assert market.ask(1, tick=1001, qty=1.5, tif=T.IOC) == [(1, 100.1, 1.5), (1, E.TRADE)]
    assert market.ask(2, tick=1001, qty=1.5, tif=T.IOC) == [
        (2, 100.1, 0.5), (2, E.TRADE), (2, E.EXPIRED),
    ]  # fmt: skip
    assert market.ask(3, tick=1001, qty=1.0, tif=T.IOC) == [(3, E.EXPIRED)]
    market.rows(book([], [(100.1, 3.0)]))
    assert market.ask(4, tick=1001, qty=1.0, tif=T.IOC) == [(4, 100.1, 1.0), (4, E.TRADE)]


def test_own_makers_share_a_trade_the_best_price_first():
    market = Market(partial=True, consume=True)
    market.ask(1, tick=999, qty=1.0)
    market.ask(2, tick=1000, qty=1.0)
    market.ask(3, tick=1000, qty=1.0)
    found = market.rows(trade(99.9, 4.0, -1))
    fills = [x for x in found if len(x) == 3]
    assert fills == [(2, 100.0, 1.0), (3, 100.0, 1.0), (1, 99.9, 1.0)]
    assert sum(x[2] for x in fills) <= 4.0


@pytest.mark.parametrize(
    ("rule", "events"),
    [
        ("cancel_newest", [(2, E.EXPIRED)]),
        ("cancel_oldest", [(1, E.CANCELED), (2, E.ACCEPTED)]),
        ("cancel_both", [(1, E.CANCELED), (2, E.EXPIRED)]),
    ],
)
def test_orders_of_ours_never_trade_with_each_other(rule, events):
    market = Market(consume=True, self_trade=rule)
    market.ask(1, tick=1000)
    assert market.ask(2, side=-1, tick=1000) == events


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_market_order_fills_where_no_order_of_ours_stands_against_it(side):
    market = Market(consume=True)
    price = 100.1 if side == BUY else 99.9
    assert market.ask(1, MARKET, side=side) == [(1, price, 1.0), (1, E.TRADE)]


@pytest.mark.parametrize(
    ("rule", "events"),
    [
        ("cancel_newest", [(2, E.EXPIRED)]),
        ("cancel_oldest", [(1, E.CANCELED), (2, E.AMENDED)]),
        ("cancel_both", [(1, E.CANCELED), (2, E.EXPIRED)]),
    ],
)
def test_an_amend_does_not_bring_an_order_against_another_of_ours(rule, events):
    market = Market(consume=True, self_trade=rule)
    market.ask(1, tick=1000)
    market.ask(2, side=SELL, tick=1003)
    assert market.ask(2, Action.AMEND, side=SELL, tick=1000) == events


def test_a_post_only_order_that_would_meet_one_of_ours_expires_whatever_the_rule():
    market = Market(consume=True, self_trade="cancel_oldest")
    market.ask(1, tick=1000)
    assert market.ask(2, side=SELL, tick=1000, tif=T.GTX) == [(2, E.EXPIRED)]
    assert len(market.live.open_orders(0)) == 1


def raw(market, id_, **kwargs):
    """Send an intent with flags; return its reports as ACC_ORDER rows."""
    flags = kwargs.pop("flags", 0)
    market.now += 1
    wanted = Wanted(0, kwargs.pop("action", 1), **{"qty": 1.0, **kwargs})
    rows = intent(id_, wanted, market.now)
    rows["flags"] |= flags
    return market.live.submit(rows, market.now)


def test_a_reduce_only_order_is_cut_to_the_position_and_needs_one():
    market = Market()
    (refused,) = raw(market, 1, action=MARKET, side=SELL, flags=int(Flag.REDUCE_ONLY))
    report = np.array([refused]).view(ACC_ORDER)[0]
    assert (report["status"], report["code"]) == (OrderStatus.REJECTED, CANNOT_REDUCE)
    market.ask(2, MARKET, qty=1.5)
    found = told(raw(market, 3, action=MARKET, side=SELL, qty=4.0, flags=int(Flag.REDUCE_ONLY)))
    assert found == [(3, 99.9, 1.5), (3, E.TRADE)]


def test_a_resting_reduce_only_order_fills_no_more_than_there_is_to_reduce():
    market = Market()
    market.ask(1, MARKET, qty=2.0)
    raw(market, 2, side=SELL, tick=1001, qty=2.0, flags=int(Flag.REDUCE_ONLY))
    market.ask(3, MARKET, side=SELL, qty=1.5)
    # with nothing left to reduce, what is left of it ends
    assert market.rows(book([(100.3, 1.0)], [])) == [(2, 100.1, 0.5), (2, E.TRADE), (2, E.EXPIRED)]


def test_of_several_reduce_only_orders_the_later_ones_end_when_the_position_is_closed():
    market = Market()
    market.ask(1, MARKET, qty=2.0)
    for id_ in (2, 3, 4):
        raw(market, id_, side=SELL, tick=1001, qty=1.5, flags=int(Flag.REDUCE_ONLY))
    assert market.rows(book([(100.3, 1.0)], [])) == [
        (2, 100.1, 1.5), (2, E.TRADE), (3, 100.1, 0.5), (3, E.TRADE), (3, E.EXPIRED),
        (4, E.EXPIRED),
    ]  # fmt: skip
    assert len(market.live.open_orders(0)) == 0


def test_a_self_trade_is_told_with_its_code():
    market = Market(consume=True)
    market.ask(1, tick=1000)
    (row,) = raw(market, 2, side=SELL, tick=1000)
    assert np.array([row]).view(ACC_ORDER)["code"][0] == SELF_TRADE
    assert BUY == -SELL
