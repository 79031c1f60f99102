"""Margin: equity by hand, orders that ask for too much, moments at which it is too little."""

from __future__ import annotations

import math

import pytest

from extrema_nb.events import ACC_ORDER, EventKind
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.testing import book, rows
from replay.exchange.config import ExchangeConfig
from replay.exchange.live import LiveExchange
from replay.exchange.margin import equity_at, may_open, worth
from replay.exchange.margin_config import MarginConfig
from replay.exchange.model import P_CASH, P_INITIAL, X_DANGER, make_live_exchange
from replay.exchange.reports import NO_MARGIN
from tests.naive.exchange import MARKET, Wanted
from tests.replay.exchange.runs import DEEP, END, order_events, paid_run
from tests.replay.exchange.scripted import T0, stated, table

nan = math.nan


def account(balance, instruments=None, **settings):
    """Return an exchange with a margin account, over books of its own."""
    live = LiveExchange(instruments or table())
    live.step(book([(99.9, 9.0)], [(100.1, 9.0)], T0, snapshot=True))
    x = live._x  # what kernels see of it
    x.params[P_CASH], x.params[P_INITIAL] = balance, settings.get("initial", 0.1)
    return x, live


def test_equity_is_cash_and_what_positions_are_worth_at_the_mark_or_the_mid():
    x, _ = account(50.0)
    x.held[0] = 2.0
    assert equity_at(x, 0) == (50.0 + 200.0, 200.0)
    x.held[0] = -2.0
    assert equity_at(x, 0) == (50.0 - 200.0, 200.0)
    x.mark[0] = 90.0
    assert equity_at(x, 0) == (50.0 - 180.0, 180.0)
    x.held[1] = 1.0  # has neither
    assert all(math.isnan(v) for v in equity_at(x, 0))


def test_an_inverse_position_is_worth_less_base_the_higher_the_price():
    contracts = InstrumentTable(
        [
            Instrument(
                venue="x", symbol="A", name="A", tick_size=0.1, lot_size=1.0, inverse=True,
                contract_value=100.0,
            )
        ]
    )  # fmt: skip
    x, _ = account(0.05, contracts)
    x.mark[0] = 50_000.0
    # ten contracts of 100 USD bought at 40,000 cost 0.025 BTC, counted the other way round
    x.held[0] = 10.0
    x.params[P_CASH] += 0.025
    equity, value = equity_at(x, 0)
    assert value == pytest.approx(0.02)
    assert equity == pytest.approx(0.05 + 0.005)  # 1,000 USD / 40,000 - 1,000 USD / 50,000
    assert worth(x, 0, -10.0, 40_000.0) == pytest.approx(0.025)


def test_open_orders_of_one_side_count_at_worst():
    x, live = account(50.0)  # at 10 %: 500 of value, five units at 100
    assert may_open(x, 0, 1, 5.0, nan)
    assert not may_open(x, 0, 1, 5.25, nan)
    x.held[0] = 4.0
    x.params[P_CASH] -= 400.0
    assert may_open(x, 0, 1, 1.0, nan)
    assert not may_open(x, 0, 1, 1.25, nan)
    assert may_open(x, 0, -1, 9.0, nan)  # to five short
    assert not may_open(x, 0, -1, 9.25, nan)
    assert live.open_orders(0).size == 0


def test_an_order_that_makes_nothing_worse_is_never_refused():
    x, _ = account(-1_000.0)
    x.held[0] = 4.0
    assert may_open(x, 0, -1, 8.0, nan)
    assert not may_open(x, 0, -1, 8.25, nan)
    assert not may_open(x, 0, 1, 0.25, nan)


def test_an_instrument_without_a_price_counts_at_the_limit_of_the_order():
    x, _ = account(50.0)
    assert may_open(x, 1, 1, 5.0, 100.0)
    assert not may_open(x, 1, 1, 5.0, 101.0)
    assert may_open(x, 1, 1, 5_000.0, nan)  # nothing to take: it is refused for that


def test_without_margin_an_exchange_begins_without_a_danger():
    memory: list[object] = []
    x = make_live_exchange(table().specs(), memory, ExchangeConfig(), max_orders=4, row_limit=8)
    assert x.clock[X_DANGER] == -1
    assert [math.isnan(mark) for mark in x.mark] == [True, True]


def test_a_run_refuses_orders_and_amends_that_need_more_than_the_equity():
    script = [
        Wanted(at=1, action=1, tick=990, qty=3.0),  # 300 at 10 % of the 40
        Wanted(at=2, action=1, tick=990, qty=1.25),  # 4.25 units would need 42.5
        Wanted(at=3, action=1, side=-1, tick=1010, qty=4.0),
        Wanted(at=4, action=3, tick=990, qty=4.25, ref=1),
        Wanted(at=5, action=3, tick=989, qty=4.0, ref=1),
        Wanted(at=6, action=MARKET, qty=1.0),
    ]
    result, _ = paid_run(rows(DEEP, END), *script, margin=MarginConfig(40.0))
    assert order_events(result) == [
        (1, "ACCEPTED", 0), (2, "REJECTED", NO_MARGIN), (3, "ACCEPTED", 0),
        (1, "AMEND_REJECTED", NO_MARGIN), (1, "AMENDED", 0), (4, "REJECTED", NO_MARGIN),
    ]  # fmt: skip


def test_the_mark_counts_before_the_mid_for_what_may_be_opened():
    buy = Wanted(at=1, action=MARKET, qty=4.0)
    margin = MarginConfig(41.0)
    result, _ = paid_run(rows(DEEP, END), buy, margin=margin)
    assert order_events(result) == [(1, "TRADE", 0)]
    dear = stated(T0, mark=110.0, rate=nan, due=-1)
    result, _ = paid_run(rows(DEEP, dear, END), buy, margin=margin)
    assert order_events(result) == [(1, "REJECTED", NO_MARGIN)]


def test_without_margin_nothing_is_refused():
    result, _ = paid_run(rows(DEEP, END), Wanted(at=1, action=1, tick=990, qty=1e6))
    reports = result.journal[result.journal["kind"] == EventKind.ACC_ORDER].view(ACC_ORDER)
    assert reports["code"].tolist() == [0]
