"""What the exchange does with one row or one request: each rule by an example of its own."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.events import ACC_ORDER, FILL, EventKind, OrderEvent, OrderStatus, TimeInForce
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.testing import book, trade
from replay.exchange.config import ExchangeConfig
from replay.exchange.live import LiveExchange
from replay.exchange.reports import NO_LIQUIDITY, UNKNOWN_ORDER
from tests.naive.exchange import MARKET, Wanted
from tests.replay.exchange.scripted import table
from tests.replay.exchange.test_live import intent

E, S, T = OrderEvent, OrderStatus, TimeInForce


class Market:
    """An exchange with bids 2.0 at 99.9 and 99.8, asks 2.0 at 100.1 and 100.2."""

    def __init__(self, instruments=None, **kwargs):
        self.live = LiveExchange(instruments or table(), ExchangeConfig(**kwargs))
        self.now = 0
        self.rows(
            book([(99.9, 2.0), (99.8, 2.0)], [(100.1, 2.0), (100.2, 2.0)], self.now, snapshot=True)
        )

    def rows(self, *parts):
        self.now += 1
        events = np.concatenate(parts)
        events["ts_recv"] = events["ts_event"] = self.now
        reports = self.live.step(events)
        # what is due at this moment waits for its last row
        return told(np.concatenate([reports, self.live.advance(self.now)]))

    def ask(self, id_, action=1, **kwargs):
        self.now += 1
        want = Wanted(0, action, **{"qty": 1.0, **kwargs})
        return told(self.live.submit(intent(id_, want, self.now), self.now))


def told(reports):
    """Return fills as (id, price, qty) and order reports as (id, event)."""
    out = []
    for row in reports:
        one = np.array([row])
        if row["kind"] == EventKind.FILL:
            fill = one.view(FILL)[0]
            out.append((int(fill.client_order_id), round(float(fill.price), 9), float(fill.qty)))
        else:
            report = one.view(ACC_ORDER)[0]
            out.append((int(report.client_order_id), E(int(report.event))))
    return out


def test_an_order_at_the_price_of_a_trade_waits_until_the_queue_before_it_is_gone():
    market = Market()
    assert market.ask(1, tick=999) == [(1, E.ACCEPTED)]
    assert market.rows(trade(99.9, 1.5, -1)) == []
    assert market.rows(trade(99.9, 0.5, -1)) == []  # exactly exhausted
    assert market.rows(trade(99.9, 0.25, -1)) == [(1, 99.9, 1.0), (1, E.TRADE)]
    assert market.rows(trade(99.9, 5.0, -1)) == []


def test_an_order_better_than_a_trade_fills_whole_whatever_the_trades_size():
    market = Market()
    market.ask(1, tick=1000, qty=7.0)
    assert market.rows(trade(99.9, 0.25, -1)) == [(1, 100.0, 7.0), (1, E.TRADE)]


@pytest.mark.parametrize(
    ("price", "side"),
    [
        (99.9, 1),  # on the aggressor's own side
        (100.1, -1),  # a sell at the best ask
        (100.3, -1),  # a sell beyond it
        (99.8, 0),  # nobody says who hit whom
    ],
)
def test_trades_that_cannot_have_met_an_order_do_nothing(price, side):
    market = Market()
    market.ask(1, tick=1000)
    assert market.rows(trade(price, 50.0, side)) == []


def test_a_book_that_comes_through_an_order_fills_it_at_its_own_price():
    market = Market()
    market.ask(1, tick=1000)
    market.ask(2, tick=999)
    market.ask(3, side=-1, tick=1001)
    assert market.rows(book([], [(100.0, 1.0)])) == [(1, 100.0, 1.0), (1, E.TRADE)]
    assert market.rows(book([], [(99.7, 1.0)])) == [(2, 99.9, 1.0), (2, E.TRADE)]
    assert market.rows(book([(100.2, 1.0)], [])) == [(3, 100.1, 1.0), (3, E.TRADE)]


def test_a_best_price_that_only_gives_way_fills_nobody():
    """The ask is pushed from 100.1 to 100.2 by a bid: it did not improve."""
    market = Market()
    market.ask(1, tick=1000)
    assert market.rows(book([(100.1, 1.0)], [])) == []


def test_orders_do_not_see_each_other_nor_use_up_a_trade():
    market = Market()
    for id_ in (1, 2, 3):
        market.ask(id_, tick=1000, qty=5.0)
    fills = [x for x in market.rows(trade(100.0, 0.25, -1)) if len(x) == 3]
    assert fills == [(1, 100.0, 5.0), (2, 100.0, 5.0), (3, 100.0, 5.0)]


@pytest.mark.parametrize("tif", [T.GTC, T.IOC, T.FOK])
@pytest.mark.parametrize("qty", [1.0, 500.0])
def test_a_crossing_order_takes_all_of_it_at_the_opposite_best(tif, qty):
    assert Market().ask(1, tick=1005, tif=tif, qty=qty) == [(1, 100.1, qty), (1, E.TRADE)]
    assert Market().ask(1, side=-1, tick=999, tif=tif, qty=qty) == [(1, 99.9, qty), (1, E.TRADE)]


def test_taking_does_not_consume_the_book():
    market = Market()
    market.ask(1, MARKET, qty=100.0)
    assert market.ask(2, MARKET, qty=100.0) == [(2, 100.1, 100.0), (2, E.TRADE)]


@pytest.mark.parametrize(
    ("tif", "event"),
    [(T.GTC, E.ACCEPTED), (T.GTX, E.ACCEPTED), (T.IOC, E.EXPIRED), (T.FOK, E.EXPIRED)],
)
def test_an_order_that_does_not_cross_rests_or_expires(tif, event):
    market = Market()
    assert market.ask(1, tick=1000, tif=tif) == [(1, event)]
    assert len(market.live.open_orders(0)) == (event == E.ACCEPTED)


def test_a_post_only_order_that_would_cross_expires():
    assert Market().ask(1, tick=1001, tif=T.GTX) == [(1, E.EXPIRED)]
    assert Market().ask(1, tick=999, side=-1, tif=T.GTX) == [(1, E.EXPIRED)]


def test_a_market_order_into_an_empty_side_is_rejected_with_its_code():
    live = LiveExchange(table())
    (report,) = live.submit(intent(1, Wanted(0, MARKET, qty=1.0), 5), 5).view(ACC_ORDER)
    assert (report["event"], report["status"], report["code"]) == (
        E.REJECTED, S.REJECTED, NO_LIQUIDITY,
    )  # fmt: skip


def test_cancels_find_their_order_or_are_refused_with_their_code():
    market = Market()
    market.ask(1, tick=999)
    assert market.ask(1, 2) == [(1, E.CANCELED)]
    (report,) = market.live.submit(intent(1, Wanted(0, 2), 99), 99).view(ACC_ORDER)
    assert (report["event"], report["code"]) == (E.CANCEL_REJECTED, UNKNOWN_ORDER)
    assert market.rows(trade(99.9, 50.0, -1)) == []


def test_an_amend_to_less_at_the_same_price_keeps_the_place_in_the_queue():
    market = Market()
    market.ask(1, tick=999, qty=2.0)
    market.rows(trade(99.9, 1.5, -1))
    assert market.ask(1, 3, tick=999, qty=1.0) == [(1, E.AMENDED)]
    assert market.live.open_orders(0)["front"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("tick", "qty", "front"), [(999, 3.0, 2.0), (998, 1.0, 2.0), (1000, 1.0, 0)]
)
def test_any_other_amend_goes_to_the_tail_with_its_new_price_and_quantity(tick, qty, front):
    market = Market()
    market.ask(1, tick=999, qty=2.0)
    market.rows(trade(99.9, 1.5, -1))
    market.ask(1, 3, tick=tick, qty=qty)
    (order,) = market.live.open_orders(0)
    assert (order["tick"], order["leaves_qty"], order["front"]) == (tick, qty, front)


def test_an_amend_to_more_executes_all_of_it():
    market = Market()
    market.ask(1, tick=1000, qty=1.0)
    market.ask(1, 3, tick=1000, qty=4.0)
    assert market.rows(trade(99.9, 0.25, -1)) == [(1, 100.0, 4.0), (1, E.TRADE)]


def test_an_amend_that_crosses_takes_and_a_post_only_one_expires():
    market = Market()
    market.ask(1, tick=999)
    assert market.ask(1, 3, tick=1003) == [(1, E.AMENDED), (1, 100.1, 1.0), (1, E.TRADE)]
    market.ask(2, tick=999, tif=T.GTX)
    assert market.ask(2, 3, tick=1003) == [(2, E.EXPIRED)]
    assert len(market.live.open_orders(0)) == 0


def test_fees_are_those_of_maker_and_taker_and_inverse_contracts_pay_them_in_base():
    inverse = InstrumentTable(
        [
            Instrument(
                venue="x", symbol="I", name="I", tick_size=0.1, lot_size=0.25, inverse=True,
                contract_value=100.0, maker_fee=0.001, taker_fee=0.002,
            )
        ]
    )  # fmt: skip
    for instruments, taker, maker in (
        (table(), 0.002 * 100.1, -0.001 * 99.9),
        (inverse, 0.002 * 100 / 100.1, 0.001 * 100 / 99.9),
    ):
        market = Market(instruments)
        fill = market.live.submit(intent(1, Wanted(0, MARKET, qty=1.0), 50), 50).view(FILL)[0]
        assert fill["fee"] == pytest.approx(taker)
        market.now = 60
        market.ask(2, tick=999)
        fill = market.live.step(trade(99.8, 1.0, -1, 99)).view(FILL)[0]
        assert fill["fee"] == pytest.approx(maker)


def test_more_orders_than_an_instrument_can_hold_are_rejected(monkeypatch):
    monkeypatch.setattr("replay.exchange.live.MAX_ORDERS", 2)
    market = Market()
    events = [market.ask(id_, tick=990)[0][1] for id_ in (1, 2, 3)]
    assert events == [E.ACCEPTED, E.ACCEPTED, E.REJECTED]
    market.ask(1, 2)
    assert market.ask(4, tick=990) == [(4, E.ACCEPTED)]


def test_executions_of_one_row_come_in_order_of_client_order_ids():
    market = Market()
    for id_ in (5, 2, 9, 1):
        market.ask(id_, tick=1000)
    fills = [x[0] for x in market.rows(trade(99.9, 0.25, -1)) if len(x) == 3]
    assert fills == [1, 2, 5, 9]
