"""Reconciliation: what start and reconnect tell, and what they find."""

from __future__ import annotations

from extrema_nb.events import (
    SELL,
    Action,
    EventKind,
    OrderEvent,
    OrderStatus,
    StatusCode,
)
from extrema_nb.wire import LocalCode
from tests.extrema_nb.execution.desk_of import faster, intent, intents, run, settled
from tests.extrema_nb.execution.scripted_venue import Script


def test_start_tells_clock_connection_and_snapshots_in_that_order():
    def prepare(venue):
        venue.clock_ahead_ms = 1270
        venue.positions["ETHUSDT"] = -0.5
        venue.post_order({"newClientOrderId": "by-hand", "symbol": "BTCUSDT", "price": "90",
                          "quantity": "2", "side": "SELL", "type": "LIMIT"})  # fmt: skip

    async def test(venue, _route, told):
        assert told.statuses() == [StatusCode.CLOCK, StatusCode.ACCOUNT_UP]
        assert told.rows["kind"].tolist() == [
            EventKind.STATUS, EventKind.ACC_ORDER, EventKind.ACC_POS,
            EventKind.ACC_POS, EventKind.ACC_BAL, EventKind.STATUS,
        ]  # fmt: skip
        clock = told.of(EventKind.STATUS)[0]
        assert abs(clock.found - 1_270_000) < 250_000
        order = told.of(EventKind.ACC_ORDER, snapshot=True)[0]
        assert (order.client_order_id, order.price, order.leaves_qty, order.side) == (
            -1, 90.0, 2.0, SELL
        )  # fmt: skip
        assert told.of(EventKind.ACC_POS, snapshot=True)["qty"].tolist() == [0.0, -0.5]
        asked = [path.rsplit("/", 1)[1] for _, path, _ in venue.requests]
        assert asked == [
            "time", "exchangeInfo", "listenKey", "listenKey", "ws", "openOrders", "positionRisk",
            "balance",
        ]  # fmt: skip

    run(test, prepare=prepare)


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


def test_fills_missed_while_the_stream_was_down_are_told_after_the_reconnect():
    async def test(venue, route, told):
        await route.send(intents(intent(1), intent(2), intent(3)))
        await settled(route)
        venue.refuse_streams = 2
        await venue.drop_streams()
        venue.fill("xs1-1", 0.5)
        venue.fill("xs1-2", 1.0)
        venue.end("xs1-3")
        await venue.until(lambda: told.statuses().count(StatusCode.ACCOUNT_UP) == 2)
        assert told.statuses()[2:] == [StatusCode.ACCOUNT_DOWN, StatusCode.ACCOUNT_UP]
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
        await venue.until(lambda: told.statuses().count(StatusCode.ACCOUNT_UP) == 2)
        await venue.until(lambda: len(told.fills(1)) == 1)
        await venue.until(lambda: told.of(EventKind.ACC_POS, snapshot=True)["qty"][-2] == 1.0)

    run(test)


def test_the_audit_finds_what_a_connected_but_silent_stream_keeps_to_itself():
    settings = faster(audit_s=0.1)  # fmt: skip

    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        venue.silent = True
        venue.fill("xs1-1", 0.5)
        await venue.until(lambda: len(told.fills(1)) == 1)
        venue.silent = False
        await venue.until(lambda: venue.stream_connects == 2)  # the stream is not trusted any more
        await venue.until(lambda: told.statuses().count(StatusCode.ACCOUNT_UP) == 2)

    run(test, settings)


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


def test_a_reconciliation_that_fails_is_tried_until_it_works():
    async def test(venue, route, told):
        venue.script("GET", "openOrders", Script(status=503, body={}), Script(cut=True))
        await venue.drop_streams()
        await venue.until(lambda: told.statuses().count(StatusCode.ACCOUNT_UP) == 2)
        assert route.stats["reconciliations"] == 2

    run(test)


def test_an_audit_that_fails_ends_nothing():
    async def test(venue, route, told):
        await route.send(intents(intent(1)))
        await settled(route)
        venue.script("GET", "openOrders", Script(status=503, body={}))
        await venue.until(lambda: venue.count("GET", "/openOrders") >= 4)
        assert told.events(1) == ["ACCEPTED"]

    run(test, faster(audit_s=0.05))


def test_filters_of_today_win_and_a_change_is_said(caplog):
    def prepare(venue):
        info = venue.get_exchangeInfo({})
        info["symbols"][0]["filters"][0]["tickSize"] = "0.5"
        info["symbols"].append({**info["symbols"][0], "symbol": "XRPUSDT", "baseAsset": "XRP"})
        venue.get_exchangeInfo = lambda _: info

    async def test(_venue, route, told):
        await route.send(intents(intent(1, price=100.1), intent(2, price=100.5)))
        await settled(route)
        assert told.last(1).code == LocalCode.INVALID_ORDER
        assert told.events(2) == ["ACCEPTED"]
        assert "BTC_USDT_PERP: tick and lot are 0.5 and 0.001 at the venue" in caplog.text

    run(test, prepare=prepare)
