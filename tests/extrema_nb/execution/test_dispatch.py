"""Which requests go at once, together, or one after the other."""

from __future__ import annotations

import asyncio

import pytest

from extrema_nb.events import (
    Action,
)
from extrema_nb.wire import LocalCode
from tests.extrema_nb.execution.desk_of import faster, intent, intents, run, settled
from tests.extrema_nb.execution.scripted_venue import Script, refusal


def test_a_batch_of_seven_goes_in_two_requests_and_a_refused_item_stands_alone():
    async def test(venue, route, told):
        venue.post_order({"newClientOrderId": "xs1-3", "symbol": "BTCUSDT", "quantity": "1",
                          "side": "BUY", "type": "LIMIT", "price": "1"}, quiet=True)  # fmt: skip
        venue.orders["xs1-3"]["status"] = "REJECTED"
        await route.send(intents(*(intent(i, inst=i % 2) for i in range(1, 8))))
        await settled(route)
        assert venue.count("POST", "/batchOrders") == 2
        assert venue.count("POST", "/order") == 0
        assert all(told.events(i) == ["ACCEPTED"] for i in (1, 2, 4, 5, 6, 7))
        assert told.events(3) == ["REJECTED"]  # an id in use: asked for, not sent again

    run(test)


def test_a_batch_refused_as_a_whole_rejects_each_order():
    async def test(venue, route, told):
        venue.script("POST", "batchOrders", refusal(-2015))
        await route.send(intents(intent(1), intent(2)))
        await settled(route)
        assert [told.last(i).code for i in (1, 2)] == [-2015, -2015]

    run(test)


def test_a_slow_answer_holds_up_nobody_else():
    async def test(venue, route, told):
        slow = asyncio.Event()
        venue.silent = True
        venue.script("POST", "order", Script(until=slow, delay=0))
        await route.send(intents(intent(1)))
        await route.send(intents(intent(2)))
        await venue.until(lambda: told.events(2) == ["ACCEPTED"])
        assert told.events(1) == []
        slow.set()
        await settled(route)
        assert told.events(1) == ["ACCEPTED"]

    run(test, faster(timeout_s=5.0))  # fmt: skip


def test_a_cancel_waits_for_the_answer_to_its_own_submit_and_for_no_other():
    async def test(venue, route, told):
        slow = asyncio.Event()
        await route.send(intents(intent(1)))
        await settled(route)
        venue.script("POST", "order", Script(until=slow))
        await route.send(intents(intent(2)))
        await route.send(intents(intent(2, Action.CANCEL), intent(1, Action.CANCEL)))
        await venue.until(lambda: "CANCELED" in told.events(1))
        assert "CANCELED" not in told.events(2)
        slow.set()
        await settled(route)
        await venue.until(lambda: told.events(2) == ["ACCEPTED", "CANCELED"])
        assert told.last(2).leaves_qty == 0.0

    run(test)


def test_cancels_leave_before_amends_and_amends_before_submits():
    async def test(venue, route, _told):
        await route.send(intents(*(intent(i) for i in range(1, 5))))
        await settled(route)
        del venue.requests[:]
        await route.send(
            intents(
                intent(9), intent(1, Action.AMEND, price=99.0), intent(2, Action.CANCEL),
                intent(3, Action.CANCEL), intent(4, Action.CANCEL, inst=0),
            )
        )  # fmt: skip
        await settled(route)
        assert [(m, p) for m, p, _ in venue.requests] == [
            ("DELETE", "/fapi/v1/batchOrders"), ("PUT", "/fapi/v1/order"),
            ("POST", "/fapi/v1/order"),
        ]  # fmt: skip

    run(test)


def test_requests_about_one_order_in_one_burst_keep_their_order():
    async def test(venue, route, told):
        await route.send(
            intents(intent(1), intent(1, Action.AMEND, price=99.0, qty=1.0),
                    intent(1, Action.CANCEL))
        )  # fmt: skip
        await settled(route)
        assert told.events(1) == ["ACCEPTED", "AMENDED", "CANCELED"]
        assert [m for m, p, _ in venue.requests if p.endswith("/order")] == [
            "POST",
            "PUT",
            "DELETE",
        ]

    run(test)


@pytest.mark.parametrize("action", [Action.CANCEL, Action.AMEND])
def test_a_request_about_an_order_nobody_sent_is_refused_here(action):
    async def test(venue, route, told):
        before = len(venue.requests)
        await route.send(intents(intent(77, action)))
        assert told.events(77) == [f"{action.name}_REJECTED"]
        assert told.last(77).code == LocalCode.UNKNOWN_ORDER
        assert len(venue.requests) == before

    run(test)


def test_cancel_all_takes_the_orders_of_this_session_and_instrument():
    async def test(venue, route, told):
        venue.post_order({"newClientOrderId": "by-hand", "symbol": "BTCUSDT", "price": "90",
                          "quantity": "2", "side": "SELL", "type": "LIMIT"})  # fmt: skip
        await route.send(intents(intent(1), intent(2, inst=1), intent(3)))
        await settled(route)
        await route.send(intents(intent(-1, Action.CANCEL_ALL, inst=0)))
        await settled(route)
        await venue.until(lambda: told.events(3) == ["ACCEPTED", "CANCELED"])
        assert told.events(1) == ["ACCEPTED", "CANCELED"]
        assert told.events(2) == ["ACCEPTED"]
        assert venue.orders["by-hand"]["status"] == "NEW"

    run(test)


def test_an_id_used_twice_is_not_sent_twice(caplog):
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await route.send(intents(intent(1)))
        await settled(route)
        assert venue.count("POST", "/order") == 1
        assert told.events(1) == ["ACCEPTED"]
        assert "submitted before" in caplog.text

    run(test)
