"""The order desk over the wire: what is placed, amended, cancelled, refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from replay.local_venue.account import Account
from replay.local_venue.desk import OrderDesk
from replay.local_venue.orders import UserOrder
from replay.local_venue.params import Params
from replay.local_venue.port import Report, ReportKind
from replay.local_venue.simulate import SimulatedMarket
from replay.local_venue.users import ListenKeys
from tests.replay.local_venue.client import against

ORDER = "/fapi/v1/order"
WHICH = {"symbol": "BTCUSDT", "origClientOrderId": "a"}


def test_a_resting_order_is_amended_and_cancelled():
    async def test(client):
        bid, _ = await client.best()
        _, placed = await client.order(price=bid - 10, newClientOrderId="a")
        assert (placed["status"], placed["price"]) == ("NEW", f"{bid - 10:.2f}")
        change = {"side": "BUY", "quantity": "0.02", "price": bid - 20, **WHICH}
        amended = await client.ok("PUT", ORDER, **change)
        assert (amended["origQty"], amended["orderId"]) == ("0.020", placed["orderId"])
        assert await client.code("PUT", ORDER, **change) == -5027
        assert await client.code("PUT", ORDER, **{**change, "side": "SELL"}) == -1117
        canceled = await client.ok("DELETE", ORDER, **WHICH)
        assert canceled["status"] == "CANCELED"
        assert await client.code("DELETE", ORDER, **WHICH) == -2011
        assert await client.code("PUT", ORDER, **{**change, "price": bid - 5}) == -2013

    against(test)


def test_an_unknown_order_has_its_codes():
    async def test(client):
        assert await client.code("GET", ORDER, **WHICH) == -2013
        assert await client.code("DELETE", ORDER, **WHICH) == -2011
        assert await client.code("GET", ORDER, symbol="BTCUSDT") == -1102
        assert await client.code("GET", ORDER, symbol="NOPE", orderId=1) == -1121

    against(test)


def test_post_only_that_would_take_is_refused_and_leaves_no_trace():
    async def test(client):
        _, ask = await client.best()
        status, found = await client.order(price=ask, timeInForce="GTX", newClientOrderId="a")
        assert (status, found["code"]) == (400, -5022)
        assert await client.code("GET", ORDER, **WHICH) == -2013

    against(test)


def test_post_only_that_is_amended_into_the_other_side_is_cancelled():
    async def test(client):
        bid, ask = await client.best()
        await client.order(price=bid - 10, timeInForce="GTX", newClientOrderId="a")
        found = await client.ok("PUT", ORDER, side="BUY", quantity="0.01", price=ask, **WHICH)
        assert found["status"] == "CANCELED"

    against(test)


def test_a_client_id_may_come_again_only_when_its_order_ended():
    async def test(client):
        bid, _ = await client.best()
        await client.order(price=bid - 10, newClientOrderId="a")
        status, found = await client.order(price=bid - 10, newClientOrderId="a")
        assert (status, found["code"]) == (400, -4116)
        await client.ok("DELETE", ORDER, **WHICH)
        assert (await client.order(price=bid - 10, newClientOrderId="a"))[0] == 200

    against(test)


def test_immediate_and_fill_or_kill_never_rest():
    async def test(client):
        bid, _ = await client.best()
        for tif in ("IOC", "FOK"):
            _, found = await client.order(
                price=bid - 10, timeInForce=tif, newOrderRespType="RESULT"
            )
            assert (found["status"], found["executedQty"]) == ("EXPIRED", "0.000")
        assert await client.ok("GET", "/fapi/v1/openOrders") == []

    against(test)


def test_an_acknowledgement_knows_of_no_execution_but_a_result_does():
    async def test(client):
        _, ack = await client.order(type="MARKET")
        assert (ack["status"], ack["executedQty"]) == ("NEW", "0.000")
        _, result = await client.order(type="MARKET", newOrderRespType="RESULT")
        assert (result["status"], result["executedQty"]) == ("FILLED", "0.010")

    against(test)


def test_reduce_only_closes_and_never_opens():
    async def test(client):
        _bid, _ = await client.best()
        await client.order(type="MARKET", quantity="0.01")
        status, found = await client.order(type="MARKET", quantity="0.01", reduceOnly="true")
        assert (status, found["code"]) == (400, -2022)
        _, result = await client.order(
            type="MARKET", side="SELL", quantity="5", reduceOnly="true", newOrderRespType="RESULT"
        )
        assert result["origQty"] == "0.010"
        assert await client.ok("GET", "/fapi/v3/positionRisk") == []

    against(test)


def test_own_orders_do_not_trade_with_each_other():
    async def test(client):
        best = await client.get("/fapi/v1/ticker/bookTicker", symbol="BTCUSDT")
        await client.order(side="SELL", price=best["askPrice"], newClientOrderId="a")
        quantity = Decimal(best["askQty"]) + Decimal("0.005")  # reaches the own order, and beyond
        _, taker = await client.order(type="MARKET", quantity=quantity, newOrderRespType="RESULT")
        assert taker["executedQty"] == str(quantity)
        own = await client.ok("GET", ORDER, **WHICH)
        assert (own["status"], own["executedQty"]) == ("EXPIRED_IN_MATCH", "0.000")
        trades = await client.ok("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")
        assert {t["orderId"] for t in trades} == {taker["orderId"]}

    against(test)


def test_margin_is_asked_for_what_an_order_opens():
    async def test(client):
        bid, _ = await client.best()
        await client.ok("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=1)
        quantity = f"{100_000 / bid:.3f}"
        status, found = await client.order(price=bid, quantity=float(quantity) + 0.01)
        assert (status, found["code"]) == (400, -2019)
        assert (await client.order(price=bid - 10, quantity="1"))[0] == 200
        status, found = await client.order(price=bid - 10, quantity="1")
        assert (status, found["code"]) == (400, -2019)

    against(test)


class Deaf:
    """A market that takes everything and trades nothing by itself."""

    def __init__(self, market):
        self.specs, self.tapes = market.specs, market.tapes
        self.mark, self.best = market.mark, market.best
        self.on_reports = None
        self.pending = []

    def refresh(self, symbol):
        pending, self.pending = self.pending, []
        self.on_reports(pending)

    def submit(self, order: UserOrder):
        return [Report(order.order_id, ReportKind.NEW)]

    def amend(self, order, _ticks, leaves):
        return [Report(order.order_id, ReportKind.AMENDED, lots=leaves)]

    def cancel(self, order):
        return [Report(order.order_id, ReportKind.CANCELED)]


@pytest.fixture(name="desk")
def made_desk():
    market = Deaf(SimulatedMarket(seed=1, symbols=["BTCUSDT"]))
    account = Account(market.specs)
    return OrderDesk(market, account, ListenKeys(), lambda: 1)


def placed(desk, quantity="0.010"):
    words = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
             "quantity": quantity, "price": "59000"}  # fmt: skip
    return desk.place(Params(words))


def test_reports_that_no_request_waits_for_are_applied(desk):
    order = placed(desk)
    desk.market.on_reports([Report(order.order_id, ReportKind.TRADE, 590_000, 4, True, 7)])
    assert (order.status, order.leaves) == ("PARTIALLY_FILLED", 6)
    desk.market.on_reports([Report(order.order_id, ReportKind.TRADE, 590_000, 6, True, 8)])
    assert (order.status, desk.open_orders()) == ("FILLED", [])
    assert [f.trade_id for f in desk.account.fills] == [7, 8]
    desk.market.on_reports([Report(order.order_id, ReportKind.CANCELED)])
    assert order.status == "FILLED"  # what ended does not change


def test_an_amend_to_no_more_than_was_done_cancels(desk):
    order = placed(desk)
    desk.market.on_reports([Report(order.order_id, ReportKind.TRADE, 590_000, 4, True, 7)])
    words = {"symbol": "BTCUSDT", "orderId": str(order.order_id), "side": "BUY", "price": "59000"}
    desk.amend(Params({**words, "quantity": "0.008"}))
    assert (order.lots, order.leaves) == (8, 4)
    desk.amend(Params({**words, "quantity": "0.004"}))
    assert order.status == "CANCELED"


def test_an_amend_counts_what_was_executed_on_its_way(desk):
    order = placed(desk)
    desk.market.pending = [Report(order.order_id, ReportKind.TRADE, 590_000, 4, True, 7)]
    words = {"symbol": "BTCUSDT", "orderId": str(order.order_id), "side": "BUY"}
    desk.amend(Params({**words, "price": "58000", "quantity": "0.012"}))
    assert (order.lots, order.done, order.leaves) == (12, 4, 8)


def test_cancelling_all_goes_on_when_an_order_ends_by_itself(desk):
    first, second, third = placed(desk), placed(desk), placed(desk)
    cancel = desk.market.cancel

    def and_fill(order):
        if order is second:
            return []
        return cancel(order)

    desk.market.cancel = and_fill
    desk.cancel_all(first.spec)
    assert (first.status, second.status, third.status) == ("CANCELED", "NEW", "CANCELED")
