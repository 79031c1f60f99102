"""Submits, amends and cancels, accepted and refused."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from extrema_nb.events import (
    Action,
    EventKind,
    Flag,
    OrderEvent,
    OrderStatus,
    TimeInForce,
)
from extrema_nb.wire import LocalCode
from tests.extrema_nb.execution.desk_of import intent, intents, run, settled
from tests.extrema_nb.execution.scripted_venue import Script, refusal


def test_an_accepted_order_is_told_once_though_two_channels_tell_it():
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await venue.until(lambda: route.stats["duplicates"] == 1)
        assert told.events(1) == ["ACCEPTED"]
        row = told.last(1)
        assert (row.status, row.price, row.leaves_qty, row.venue_order_id) == (
            OrderStatus.LIVE, 100.0, 1.0, 1000
        )  # fmt: skip
        assert venue.bad_signatures == 0
        assert venue.orders["xs1-1"]["timeInForce"] == "GTC"

    run(test)


def test_executions_become_one_fill_row_each_and_then_the_order_row():
    async def test(venue, route, told):
        await route.send(intents(intent(1, qty=0.3)))
        await venue.until(lambda: told.events(1) == ["ACCEPTED"])
        frame = venue.fill("xs1-1", 0.1)
        venue.push(frame)  # said twice
        venue.fill("xs1-1", 0.2, 99.9, maker=False, asset="BNB")
        await venue.until(lambda: len(told.fills(1)) == 2)
        first, second = told.fills(1)
        assert (first.price, first.qty, first.fee, first.trade_id) == (100.0, 0.1, 0.01, 1)
        assert first.flags & Flag.MAKER
        assert (second.price, second.qty) == (99.9, 0.2)
        assert np.isnan(second.fee)
        assert not second.flags & Flag.MAKER
        assert told.events(1) == ["ACCEPTED", "TRADE", "TRADE"]
        assert told.orders(1)["leaves_qty"].tolist() == [0.3, 0.2, 0.0]
        assert told.orders(1)["status"].tolist() == [
            OrderStatus.LIVE, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
        ]  # fmt: skip
        rows = told.rows
        at = np.flatnonzero(rows["kind"] == EventKind.FILL)
        assert (rows["kind"][at + 1] == EventKind.ACC_ORDER).all()

    run(test)


def test_a_fill_that_overtakes_its_acknowledgement_is_told_and_the_late_answer_changes_nothing():
    async def test(venue, route, told):
        late = asyncio.Event()
        venue.script("POST", "order", Script(until=late))
        await route.send(intents(intent(1)))
        await venue.until(lambda: "xs1-1" in venue.orders)
        venue.fill("xs1-1", 1.0)
        await venue.until(lambda: len(told.fills(1)) == 1)
        late.set()
        await settled(route)
        assert told.events(1) == ["ACCEPTED", "TRADE"]
        assert told.last(1).status == OrderStatus.FILLED

    run(test)


@pytest.mark.parametrize(
    "code", [-2019, -4164, -1111, -5022, -2010, -2022, -1121, -9999, -1015, -1008]
)
def test_a_refused_order_is_rejected_with_the_code_of_the_venue(code):
    async def test(venue, route, told):
        venue.script("POST", "order", refusal(code))
        await route.send(intents(intent(1, tif=TimeInForce.GTX)))
        await settled(route)
        assert told.events(1) == ["REJECTED"]
        row = told.last(1)
        assert (row.code, row.status, row.leaves_qty) == (code, OrderStatus.REJECTED, 0.0)
        assert venue.count("POST", "/order") == 1

    run(test)


def test_an_order_off_the_grid_never_leaves():
    async def test(venue, route, told):
        await route.send(intents(intent(1, price=100.05), intent(2)))
        await settled(route)
        assert told.last(1).code == LocalCode.INVALID_ORDER
        assert told.last(1).flags & Flag.SYNTHETIC
        assert told.events(2) == ["ACCEPTED"]
        assert list(venue.orders) == ["xs1-2"]

    run(test)


def test_an_amend_asks_for_the_total_and_is_told_once_with_what_is_open():
    async def test(venue, route, told):
        await route.send(intents(intent(1, qty=1.0)))
        await settled(route)
        venue.fill("xs1-1", 0.25)
        await venue.until(lambda: len(told.fills(1)) == 1)
        await route.send(intents(intent(1, Action.AMEND, price=101.5, qty=2.0)))
        await settled(route)
        assert venue.orders["xs1-1"]["origQty"] == "2.25"
        await venue.until(lambda: route.stats["duplicates"] == 2)
        assert told.events(1) == ["ACCEPTED", "TRADE", "AMENDED"]
        row = told.last(1)
        assert (row.price, row.leaves_qty, row.status) == (
            101.5, 2.0, OrderStatus.PARTIALLY_FILLED
        )  # fmt: skip

    run(test)


@pytest.mark.parametrize("code", [-5027, -2019])
def test_a_refused_amend_leaves_the_order_as_it_was(code):
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        venue.script("PUT", "order", refusal(code))
        await route.send(intents(intent(1, Action.AMEND, price=99.0)))
        await settled(route)
        row = told.last(1)
        assert (OrderEvent(row.event).name, row.code, row.price, row.status) == (
            "AMEND_REJECTED", code, 100.0, OrderStatus.LIVE
        )  # fmt: skip

    run(test)


def test_an_amend_off_the_grid_is_refused_here():
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        await route.send(intents(intent(1, Action.AMEND, price=99.04)))
        await settled(route)
        assert told.last(1).code == LocalCode.INVALID_ORDER
        assert venue.count("PUT", "/order") == 0

    run(test)


@pytest.mark.parametrize("arrived", [True, False])
def test_an_amend_with_an_unknown_outcome_is_asked_for(arrived):
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        venue.silent = True
        # twice: aiohttp itself repeats a PUT on a connection that the venue closed, which is
        # harmless, as an amend names the quantity and price that shall be, not a change
        venue.script("PUT", "order", *(Script(cut=True, act=arrived) for _ in range(2)))
        await route.send(intents(intent(1, Action.AMEND, price=99.0)))
        await settled(route)
        assert told.events(1) == ["ACCEPTED", "AMENDED" if arrived else "AMEND_REJECTED"]
        assert told.last(1).price == (99.0 if arrived else 100.0)

    run(test)


def test_an_amend_below_what_is_executed_ends_the_order():
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        venue.fill("xs1-1", 0.5, tell=False)  # not known here yet
        await route.send(intents(intent(1, Action.AMEND, qty=0.4)))
        await settled(route)
        await venue.until(lambda: told.last(1).status == OrderStatus.CANCELED)
        assert told.fills(1)["qty"].tolist() == [0.5]

    run(test)


def test_a_cancel_of_an_order_that_was_filled_is_answered_by_its_fill():
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        venue.fill("xs1-1", 1.0, tell=False)
        await route.send(intents(intent(1, Action.CANCEL)))
        await settled(route)
        await venue.until(lambda: told.last(1).status == OrderStatus.FILLED)
        assert told.events(1) == ["ACCEPTED", "TRADE"]
        assert told.fills(1)["trade_id"].tolist() == [1]

    run(test)


def test_a_refused_cancel_leaves_the_order_open():
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        venue.script("DELETE", "order", refusal(-4531))
        await route.send(intents(intent(1, Action.CANCEL)))
        await settled(route)
        row = told.last(1)
        assert (OrderEvent(row.event).name, row.code, row.status, row.leaves_qty) == (
            "CANCEL_REJECTED", -4531, OrderStatus.LIVE, 1.0
        )  # fmt: skip

    run(test)


@pytest.mark.parametrize("script", [Script(cut=True), Script(cut=True, act=False),
                                    Script(status=503, body={}, act=False)])  # fmt: skip
def test_a_cancel_with_an_unknown_outcome_is_repeated_until_it_is_known(script):
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        venue.silent = True
        venue.script("DELETE", "order", Script(**vars(script)))
        await route.send(intents(intent(1, Action.CANCEL)))
        await settled(route)
        assert told.events(1) == ["ACCEPTED", "CANCELED"]

    run(test)


def test_an_immediate_order_that_finds_nothing_expires():
    async def test(venue, route, told):
        venue.silent = True
        answer = {"symbol": "BTCUSDT", "orderId": 5, "clientOrderId": "xs1-1", "status": "EXPIRED",
                  "side": "BUY", "type": "LIMIT", "timeInForce": "IOC", "price": "100",
                  "origQty": "1", "executedQty": "0", "updateTime": 7}  # fmt: skip
        venue.script("POST", "order", Script(status=200, body=answer))
        await route.send(intents(intent(1, tif=TimeInForce.IOC)))
        await settled(route)
        assert told.events(1) == ["EXPIRED"]
        assert told.last(1).leaves_qty == 0.0

    run(test)


def test_an_amend_of_an_order_that_was_filled_is_answered_by_its_fill():
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        venue.fill("xs1-1", 1.0, tell=False)
        await route.send(intents(intent(1, Action.AMEND, price=99.0)))
        await settled(route)
        await venue.until(lambda: told.last(1).status == OrderStatus.FILLED)
        assert told.events(1)[-1] == "TRADE"

    run(test)


def test_a_batch_of_cancels_tells_each_order_its_own_end():
    async def test(venue, route, told):
        await route.send(intents(*(intent(i) for i in (1, 2, 3))))
        await settled(route)
        venue.silent = True
        venue.fill("xs1-2", 1.0)
        await route.send(intents(*(intent(i, Action.CANCEL) for i in (1, 2, 3))))
        await settled(route)
        await venue.until(lambda: told.last(2).status == OrderStatus.FILLED)
        assert venue.count("DELETE", "/batchOrders") == 1
        assert [told.last(i).status for i in (1, 3)] == [OrderStatus.CANCELED] * 2

    run(test)


def test_a_cancel_that_can_not_be_sent_is_refused_in_the_end_and_the_order_stays_open():
    async def test(_venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        route._http.base_url = "http://127.0.0.1:9"  # nobody listens
        await route.send(intents(intent(1, Action.CANCEL)))
        await settled(route)
        row = told.last(1)
        assert told.events(1) == ["ACCEPTED", "CANCEL_REJECTED"]
        assert (row.code, row.status) == (LocalCode.OUTCOME_UNKNOWN, OrderStatus.LIVE)

    run(test)


def test_a_cancel_and_an_amend_of_an_order_that_can_not_be_looked_up_are_refused():
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        for method, action in (("DELETE", Action.CANCEL), ("PUT", Action.AMEND)):
            venue.script(method, "order", refusal(-2011))
            venue.script("GET", "order", Script(status=503, body={}))
            await route.send(intents(intent(1, action, price=99.0)))
            await settled(route)
        assert told.events(1) == ["ACCEPTED", "CANCEL_REJECTED", "AMEND_REJECTED"]
        assert told.orders(1)["code"].tolist() == [0, -2011, -2011]

    run(test)


def test_a_request_about_an_order_that_is_over_is_not_sent():
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        venue.fill("xs1-1", 1.0)
        await venue.until(lambda: told.last(1).status == OrderStatus.FILLED)
        await route.send(intents(intent(1, Action.CANCEL)))
        await route.send(intents(intent(1, Action.AMEND)))
        await settled(route)
        assert venue.count("DELETE", "/order") == venue.count("PUT", "/order") == 0
        assert told.last(1).status == OrderStatus.FILLED

    run(test)


def test_nothing_new_leaves_while_everything_is_being_cancelled():
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        gate = asyncio.Event()
        venue.script("DELETE", "allOpenOrders", Script(until=gate, act=False))
        cancelling = asyncio.ensure_future(route.cancel_everything())
        await venue.until(lambda: venue.count("DELETE", "/allOpenOrders") == 1)
        await route.send(intents(intent(2), intent(1, Action.AMEND, price=99.0)))
        await asyncio.sleep(0.02)
        gate.set()
        await cancelling
        assert (told.events(2), told.last(2).code) == (["REJECTED"], LocalCode.STOPPING)
        assert told.events(1) == ["ACCEPTED", "AMEND_REJECTED", "CANCELED"]
        assert venue.count("POST", "/order") == 1

    run(test)
