"""Unknown outcomes and missing executions."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from extrema_nb.events import (
    Action,
    Flag,
    OrderStatus,
    OrderType,
)
from extrema_nb.wire import LocalCode
from tests.extrema_nb.execution.desk_of import FAST, intent, intents, run, settled
from tests.extrema_nb.execution.scripted_venue import Script


@pytest.mark.parametrize(
    "script",
    [
        Script(delay=0.6), Script(cut=True), Script(status=503, body={}),
        Script(status=500, body={"code": -1000, "msg": "?"}),
        Script(status=408, body={"code": -1007, "msg": "timeout"}),
        Script(status=400, body={"code": -1006, "msg": "unexpected response"}),
        Script(status=200, body={"not": "an order"}),
    ],
    ids=["no answer in time", "connection cut", "503", "-1000", "-1007", "-1006", "unreadable"],
)  # fmt: skip
@pytest.mark.parametrize("silent", [True, False], ids=["silent stream", "stream"])
def test_an_unknown_outcome_that_arrived_is_found_and_never_sent_twice(script, silent):
    async def test(venue, route, told):
        venue.silent = silent
        venue.script("POST", "order", Script(**vars(script)))
        await route.send(intents(intent(1)))
        await settled(route)
        assert told.events(1) == ["ACCEPTED"]
        assert venue.count("POST", "/order") == 1

    run(test)


@pytest.mark.parametrize(
    "script", [Script(cut=True, act=False), Script(status=502, body={}, act=False)]
)
def test_an_unknown_outcome_that_did_not_arrive_is_rejected_once_it_can_not_arrive(script):
    async def test(venue, route, told):
        loop = asyncio.get_running_loop()
        venue.script("POST", "order", Script(**vars(script)))
        before = loop.time()
        await route.send(intents(intent(1)))
        await settled(route)
        assert loop.time() - before > FAST.recv_window_ms / 1000
        assert told.events(1) == ["REJECTED"]
        assert told.last(1).code == LocalCode.NEVER_ARRIVED
        assert venue.count("POST", "/order") == 1
        assert venue.count("GET", "/order") > 1

    run(test)


def test_a_submit_that_arrives_late_is_found_and_not_declared_lost():
    async def test(venue, route, told):
        venue.silent = True
        venue.script("POST", "order", Script(cut=True, act=False))
        await route.send(intents(intent(1)))
        await venue.until(lambda: venue.count("GET", "/order") >= 2)
        _, _, params = next(r for r in venue.requests if r[0] == "POST" and r[1].endswith("/order"))
        venue.post_order(params)  # it was under way all the time
        await settled(route)
        assert told.events(1) == ["ACCEPTED"]

    run(test)


def test_a_venue_that_can_not_be_asked_leaves_the_order_open_and_says_so():
    async def test(venue, route, told):
        venue.silent = True
        venue.script("POST", "order", Script(cut=True))
        venue.script("GET", "order", *(Script(status=503, body={}) for _ in range(12)))
        await route.send(intents(intent(1)))
        await venue.until(lambda: told.events(1))
        assert told.events(1) == ["NONE"]
        row = told.last(1)
        assert (row.code, row.status) == (LocalCode.OUTCOME_UNKNOWN, OrderStatus.PENDING_NEW)
        await settled(route)
        assert told.events(1) == ["NONE", "ACCEPTED"]

    run(test)


def test_an_unknown_batch_is_asked_for_order_by_order():
    async def test(venue, route, told):
        venue.silent = True
        venue.script("POST", "batchOrders", Script(cut=True))
        await route.send(intents(intent(1), intent(2), intent(3)))
        await settled(route)
        assert [told.events(i) for i in (1, 2, 3)] == [["ACCEPTED"]] * 3
        assert venue.count("POST", "/batchOrders") == 1

    run(test)


def test_a_market_order_filled_in_the_answer_gets_its_fills_from_the_stream_or_the_trade_list():
    async def test(venue, route, told):
        venue.silent = True

        def trade():
            venue.fill("xs1-1", 0.4, 100.1)
            venue.fill("xs1-1", 0.6, 100.2)

        venue.script("POST", "order", Script(then=trade))
        venue.scripts["GET", "/fapi/v1/userTrades"].append(Script(status=503, body={}))
        await route.send(intents(intent(1, order_type=OrderType.MARKET, price=np.nan)))
        await venue.until(lambda: len(told.fills(1)) == 2)
        assert told.fills(1)["price"].tolist() == [100.1, 100.2]
        assert told.fills(1)["trade_id"].tolist() == [1, 2]
        assert told.last(1).status == OrderStatus.FILLED
        assert route.stats["recovered"] == 2

    run(test)


def test_where_trades_are_not_listed_a_missing_execution_is_made_up_and_flagged():
    async def test(venue, route, told):
        venue.has_trades = False
        await route.send(intents(intent(1)))
        await settled(route)
        venue.fill("xs1-1", 0.25, 100.0)
        await venue.until(lambda: len(told.fills(1)) == 1)
        frame = venue.fill("xs1-1", 0.75, 96.0, tell=False)
        await route.send(intents(intent(1, Action.CANCEL)))
        await venue.until(lambda: len(told.fills(1)) == 2)
        made_up = told.fills(1)[1]
        assert (made_up.qty, made_up.price, made_up.trade_id) == (0.75, pytest.approx(96.0), -1)
        assert np.isnan(made_up.fee)
        assert made_up.flags & Flag.SYNTHETIC
        venue.push(frame)  # the real one, late
        await asyncio.sleep(0.05)
        assert told.fills(1)["qty"].sum() == 1.0

    run(test)
