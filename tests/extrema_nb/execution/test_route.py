"""The order route against a venue that refuses, delays, forgets and repeats itself."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from extrema_nb.errors import ConfigError, VenueError
from extrema_nb.events import (
    SELL,
    Action,
    EventKind,
    Flag,
    OrderEvent,
    OrderStatus,
    OrderType,
    StatusCode,
    TimeInForce,
)
from extrema_nb.execution.route import new_session
from extrema_nb.wire import LocalCode
from tests.extrema_nb.execution.desk_of import FAST, intent, intents, trading
from tests.extrema_nb.execution.scripted_venue import Script, refusal


def run(test, *args, **kwargs):
    """Run `test(venue, route, told)` against a started route."""

    async def main():
        async with trading(*args, **kwargs) as (venue, route, told):
            await test(venue, route, told)

    asyncio.run(main())


async def settled(route):
    """Wait until no request is in flight."""
    async with asyncio.timeout(5):
        while route.stats["in_flight"]:
            await asyncio.sleep(0.005)


def test_start_tells_clock_connection_and_snapshots_in_that_order():
    def prepare(venue):
        venue.clock_ahead_ms = 1270
        venue.positions["ETHUSDT"] = -0.5
        venue.post_order({"newClientOrderId": "by-hand", "symbol": "BTCUSDT", "price": "90",
                          "quantity": "2", "side": "SELL", "type": "LIMIT"})  # fmt: skip

    async def test(venue, _route, told):
        assert told.statuses() == [StatusCode.CLOCK, StatusCode.CONNECTED, StatusCode.RESYNCED]
        assert told.rows["kind"].tolist() == [
            EventKind.STATUS, EventKind.STATUS, EventKind.ACC_ORDER, EventKind.ACC_POS,
            EventKind.ACC_POS, EventKind.ACC_BAL, EventKind.STATUS,
        ]  # fmt: skip
        clock = told.of(EventKind.STATUS)[0]
        assert abs(clock.found - 1_270_000) < 250_000
        order = told.of(EventKind.ACC_ORDER, snapshot=True)[0]
        assert (order.client_order_id, order.price, order.leaves_qty, order.side) == (
            -1, 90.0, 2.0, SELL
        )  # fmt: skip
        assert told.of(EventKind.ACC_POS, snapshot=True)["qty"].tolist() == [0.0, -0.5]
        connected = [path for _, path, _ in venue.requests].index("/fapi/v1/openOrders")
        assert venue.stream_connects == 1
        assert connected > 0

    run(test, prepare=prepare)


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


def test_a_refused_clock_is_measured_anew_and_the_order_sent_once_more():
    async def test(venue, route, told):
        venue.clock_ahead_ms = 90_000
        await route.send(intents(intent(1)))
        await settled(route)
        assert told.events(1) == ["ACCEPTED"]
        assert venue.count("POST", "/order") == 2
        assert route.stats["clock_resyncs"] == 1
        assert abs(route.stats["clock_offset_us"] - 90_000_000) < 500_000

    run(test)


def test_a_clock_that_stays_refused_rejects_the_order():
    async def test(venue, route, told):
        venue.script("POST", "order", refusal(-1021), refusal(-1021))
        await route.send(intents(intent(1)))
        await settled(route)
        assert (told.events(1), told.last(1).code) == (["REJECTED"], -1021)

    run(test)


def test_after_429_nothing_leaves_until_the_venue_allows_it_and_cancels_are_sent_again():
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        loop = asyncio.get_running_loop()
        pause = Script(status=429, body={"code": -1003, "msg": "slow down"}, act=False,
                       headers={"Retry-After": "0.4"})  # fmt: skip
        venue.script("DELETE", "order", pause)
        before = loop.time()
        await route.send(intents(intent(1, Action.CANCEL)))
        await settled(route)
        assert loop.time() - before > 0.35
        assert told.events(1) == ["ACCEPTED", "CANCELED"]
        assert venue.count("DELETE", "/order") == 2

    run(test)


def test_a_submit_that_would_wait_too_long_for_the_rate_limit_is_refused_here():
    async def test(venue, route, told):
        pause = Script(status=429, body={"code": -1003, "msg": "slow down"}, act=False,
                       headers={"Retry-After": "30"})  # fmt: skip
        venue.script("POST", "order", pause)
        await route.send(intents(intent(1)))
        await settled(route)
        await route.send(intents(intent(2)))
        await settled(route)
        assert [told.last(i).code for i in (1, 2)] == [-1003, LocalCode.RATE_LIMITED]
        assert venue.count("POST", "/order") == 1

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

    run(test, FAST.__class__(**{f: getattr(FAST, f) for f in FAST.__struct_fields__}
                             | {"timeout_s": 5.0}))  # fmt: skip


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


def test_an_order_that_the_venue_forgot_is_told_as_cancelled():
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        del venue.orders["xs1-1"]
        await route.send(intents(intent(1, Action.CANCEL)))
        await settled(route)
        row = told.last(1)
        assert (OrderEvent(row.event).name, row.code) == ("CANCELED", LocalCode.NEVER_ARRIVED)

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


def test_fills_missed_while_the_stream_was_down_are_told_after_the_reconnect():
    async def test(venue, route, told):
        await route.send(intents(intent(1), intent(2), intent(3)))
        await settled(route)
        venue.refuse_streams = 2
        await venue.drop_streams()
        venue.fill("xs1-1", 0.5)
        venue.fill("xs1-2", 1.0)
        venue.end("xs1-3")
        await venue.until(lambda: told.statuses().count(StatusCode.RESYNCED) == 2)
        assert told.statuses()[3:] == [
            StatusCode.DISCONNECTED, StatusCode.CONNECTED, StatusCode.RESYNCED
        ]  # fmt: skip
        assert told.fills(1)["qty"].tolist() == [0.5]
        assert told.fills(2)["qty"].tolist() == [1.0]
        assert told.last(2).status == OrderStatus.FILLED
        assert told.events(3) == ["ACCEPTED", "CANCELED"]
        snapshot = told.of(EventKind.ACC_ORDER, snapshot=True)
        assert snapshot["client_order_id"].tolist() == [1]
        assert snapshot["leaves_qty"].tolist() == [0.5]
        assert told.of(EventKind.ACC_POS, snapshot=True)["qty"][-2] == 1.5

    run(test)


def test_a_fill_on_the_new_stream_is_not_lost_while_reconciling():
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        await venue.drop_streams()
        await venue.until(lambda: venue.stream_connects == 2)
        venue.fill("xs1-1", 1.0)
        await venue.until(lambda: told.statuses().count(StatusCode.RESYNCED) == 2)
        await venue.until(lambda: len(told.fills(1)) == 1)
        await venue.until(lambda: told.of(EventKind.ACC_POS, snapshot=True)["qty"][-2] == 1.0)

    run(test)


def test_an_expired_listen_key_makes_a_new_one_and_reconciles():
    async def test(venue, _route, told):
        made = venue.keys_made
        venue.key = "listenkey2"
        venue.push({"e": "listenKeyExpired", "E": 1, "listenKey": "listenkey1"})
        await venue.until(lambda: told.statuses().count(StatusCode.RESYNCED) == 2)
        assert venue.keys_made > made
        assert venue.stream_connects == 2

    run(test)


def test_the_listen_key_is_renewed_and_a_lost_one_is_replaced():
    settings = FAST.__class__(**{f: getattr(FAST, f) for f in FAST.__struct_fields__}
                              | {"key_renew_s": 0.05})  # fmt: skip

    async def test(venue, _route, told):
        await venue.until(lambda: venue.count("PUT", "/listenKey") >= 2)
        assert venue.stream_connects == 1
        venue.script("PUT", "listenKey", refusal(-1125))
        await venue.until(lambda: venue.stream_connects == 2)
        await venue.until(lambda: told.statuses().count(StatusCode.RESYNCED) == 2)

    run(test, settings)


def test_the_audit_finds_what_a_connected_but_silent_stream_keeps_to_itself():
    settings = FAST.__class__(**{f: getattr(FAST, f) for f in FAST.__struct_fields__}
                              | {"audit_s": 0.1})  # fmt: skip

    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        venue.silent = True
        venue.fill("xs1-1", 0.5)
        await venue.until(lambda: len(told.fills(1)) == 1)
        venue.silent = False
        await venue.until(lambda: venue.stream_connects == 2)  # the stream is not trusted any more
        await venue.until(lambda: told.statuses().count(StatusCode.RESYNCED) == 2)

    run(test, settings)


def test_a_frame_that_can_not_be_read_is_counted_and_ends_nothing():
    async def test(venue, route, told):
        for frame in ({"e": "ORDER_TRADE_UPDATE"}, [], {"e": "TRADE_LITE"}, {"e": "ALGO_UPDATE"}):
            venue.push(frame)
        await route.send(intents(intent(1)))
        await venue.until(lambda: route.stats["duplicates"] == 1)
        assert route.stats["decode_errors"] == 2
        assert venue.stream_connects == 1
        assert told.events(1) == ["ACCEPTED"]

    run(test)


def test_balances_and_positions_of_the_stream_are_rows_without_the_snapshot_flag():
    async def test(venue, _route, told):
        venue.push({"e": "ACCOUNT_UPDATE", "E": 5, "T": 5, "a": {"m": "ORDER",
                    "B": [{"a": "USDT", "wb": "99", "bc": "0"}],
                    "P": [{"s": "BTCUSDT", "pa": "1", "ep": "100", "ps": "BOTH"}]}})  # fmt: skip
        await venue.until(lambda: len(told.of(EventKind.ACC_POS, snapshot=False)) == 1)
        assert told.of(EventKind.ACC_BAL, snapshot=False)["balance"].tolist() == [99.0]

    run(test)


def test_orders_of_another_session_pass_as_not_ours():
    async def test(venue, _route, told):
        venue.post_order({"newClientOrderId": "xother-1", "symbol": "BTCUSDT", "price": "90",
                          "quantity": "2", "side": "SELL", "type": "LIMIT"})  # fmt: skip
        venue.fill("xother-1", 1.0)
        await venue.until(lambda: len(told.fills()) == 1)
        assert told.fills()["client_order_id"].tolist() == [-1]

    run(test)


def test_cancel_everything_leaves_nothing_open_and_tells_each_end():
    async def test(venue, route, told):
        await route.send(intents(*(intent(i, inst=i % 2) for i in range(1, 6))))
        await settled(route)
        await route.cancel_everything()
        assert all(order["status"] == "CANCELED" for order in venue.orders.values())
        assert all(told.events(i) == ["ACCEPTED", "CANCELED"] for i in range(1, 6))
        assert venue.count("DELETE", "/allOpenOrders") >= 2

    run(test)


def test_cancel_everything_gets_the_order_whose_answer_is_still_out():
    async def test(venue, route, told):
        slow = asyncio.Event()
        venue.silent = True
        venue.script("POST", "order", Script(cut=True, act=False, until=slow))
        await route.send(intents(intent(1)))
        await venue.until(lambda: venue.count("POST", "/order") == 1)
        cancelling = asyncio.ensure_future(route.cancel_everything())
        await venue.until(lambda: venue.count("DELETE", "/allOpenOrders") == 1)
        _, _, params = next(r for r in venue.requests if r[0] == "POST" and r[1].endswith("/order"))
        venue.post_order(params)
        slow.set()
        await cancelling
        assert venue.orders["xs1-1"]["status"] == "CANCELED"
        assert told.events(1)[-1] == "CANCELED"

    run(test)


def test_cancel_everything_that_can_not_be_confirmed_is_an_error():
    settings = FAST.__class__(**{f: getattr(FAST, f) for f in FAST.__struct_fields__}
                              | {"cancel_all_s": 0.2})  # fmt: skip

    async def test(venue, route, _told):
        await route.send(intents(intent(1)))
        await settled(route)
        venue.script("DELETE", "allOpenOrders",
                     *(Script(status=503, body={}, act=False) for _ in range(99)))  # fmt: skip

        with pytest.raises(VenueError, match=r"not confirmed within 0\.2 s.*1 may be open"):
            await route.cancel_everything()

    run(test, settings)


def test_without_a_connection_a_submit_is_rejected_at_once():
    async def test(_venue, route, told):
        route._http.base_url = "http://127.0.0.1:9"  # nobody listens
        await route.send(intents(intent(1)))
        await settled(route)
        assert (told.events(1), told.last(1).code) == (["REJECTED"], LocalCode.NOT_SENT)

    run(test)


@pytest.mark.parametrize("code", [-2015, -2014])
def test_refused_keys_are_the_users_error_and_name_the_remedy(code):
    def prepare(venue):
        venue.script("POST", "listenKey", refusal(code, 401))

    async def main():
        async with trading(prepare=prepare, start=False) as (_, route, told):
            with pytest.raises(ConfigError, match=r"refuses the credentials.*permission"):
                await route.start(told.publish)

    asyncio.run(main())


def test_a_user_stream_that_never_connects_ends_the_start_with_its_reason():
    def prepare(venue):
        venue.refuse_streams = 10_000

    settings = FAST.__class__(**{f: getattr(FAST, f) for f in FAST.__struct_fields__}
                              | {"start_s": 0.3})  # fmt: skip

    async def main():
        async with trading(settings, prepare=prepare, start=False) as (venue, route, told):
            with pytest.raises(VenueError, match=r"not connected within 0\.3 s: .*503") as error:
                await route.start(told.publish)
            assert venue.key not in str(error.value)

    asyncio.run(main())


def test_a_route_that_is_not_open_takes_no_orders():
    async def main():
        async with trading() as (_, route, _told):
            await route.close()
            await route.close()
            with pytest.raises(VenueError, match="not open"):
                await route.send(intents(intent(1)))

    asyncio.run(main())


def test_an_id_used_twice_is_not_sent_twice(caplog):
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await route.send(intents(intent(1)))
        await settled(route)
        assert venue.count("POST", "/order") == 1
        assert told.events(1) == ["ACCEPTED"]
        assert "submitted before" in caplog.text

    run(test)


def test_no_log_line_holds_a_key_a_secret_a_signature_or_a_listen_key(caplog):
    async def test(venue, route, _told):
        venue.script("POST", "order", Script(cut=True), refusal(-2015))
        venue.script("PUT", "order", Script(status=503, body={"msg": "signature=abcdef"}))
        await route.send(intents(intent(1)))
        await settled(route)
        await route.send(intents(intent(1, Action.AMEND, price=99.0), intent(2)))
        await settled(route)
        venue.refuse_streams = 1
        await venue.drop_streams()
        await venue.until(lambda: venue.stream_connects == 2)

    caplog.set_level("DEBUG")
    run(test)
    from tests.extrema_nb.execution.scripted_venue import KEY, SECRET

    assert "outcome unknown" in caplog.text
    for secret in (KEY, SECRET, "listenkey1", "signature=a", "signature=f"):
        assert secret not in caplog.text


def test_sessions_are_short_base36_and_differ():
    session = new_session()
    assert session.isalnum()
    assert session == session.lower()
    assert len(session) <= 16
