"""The loop of two clocks: ties, messages that keep their order, and queues that fill up."""

from __future__ import annotations

import pytest

import extrema_nb as xnb
from extrema_nb.events import EventKind
from extrema_nb.strategy.risk import RiskLimits
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.backtest import Backtest, BacktestConfig
from replay.exchange.loop import Stop
from replay.exchange.model import ExchangeConfig
from tests.naive.exchange import MARKET, Wanted
from tests.replay.exchange.scripted import (
    T0,
    Scripted,
    params,
    table,
    told,
)

# ruff: noqa: N805  # handlers have no self


def run(events, script, *, entry=0, response=0, period_s=0.001):
    config = BacktestConfig(
        exchange=ExchangeConfig(entry_latency_us=entry, response_latency_us=response),
        timers=((1, period_s),),
    )
    test = Backtest(MemorySource(events, table()), [Scripted(script=params(script))], config=config)
    return told(test.run().journal)


QUOTES = book([(99.9, 2.0)], [(100.1, 2.0)], T0, snapshot=True)


def test_an_order_that_arrives_with_a_market_row_is_handled_after_it():
    """The ask comes down to 100.0 in the very microsecond in which the order arrives."""
    events = rows(
        QUOTES,
        book([], [(100.0, 1.0)], T0 + 1_500, ts_event=T0 + 1_500),
        trade(99.0, 1.0, ts=T0 + 9_000),
    )
    script = [Wanted(at=1, action=1, tick=1000, qty=1.0)]
    fills = [j for j in run(events, script, entry=500) if j[0] == "fill"]
    assert [(j[3], j[6]) for j in fills] == [(100.0, False)]  # a taker at the new ask
    fills = [j for j in run(events, script, entry=499) if j[0] == "fill"]
    assert [(j[3], j[6]) for j in fills] == [(100.0, True)]  # rested a moment before


def test_a_timer_sees_the_rows_and_reports_of_its_own_time():
    events = rows(QUOTES, trade(99.0, 1.0, ts=T0 + 9_000))
    script = [
        Wanted(at=1, action=1, tick=990, qty=1.0),
        Wanted(at=2, action=3, tick=991, qty=1.0, ref=1),
    ]
    asked = [j for j in run(events, script, entry=400, response=600) if j[0] == "ask"]
    assert [(j[1] - T0, j[2]) for j in asked] == [(1_000, 1), (2_000, 3)]  # live in time
    asked = [j for j in run(events, script, entry=400, response=601) if j[0] == "ask"]
    assert [j[2] for j in asked] == [1]


def test_zero_latency_answers_in_the_same_microsecond():
    journal = run(rows(QUOTES, trade(99.0, 1.0, ts=T0 + 5_000)), [Wanted(at=1, action=MARKET)])
    assert [j[0] for j in journal] == ["ask", "fill", "order"]
    assert journal[1][-2:] == (T0 + 1_000, T0 + 1_000)


def test_an_order_that_arrives_after_the_last_row_is_still_answered():
    journal = run(rows(QUOTES), [Wanted(at=0, action=MARKET)], entry=10**9, response=10**9)
    assert [j[0] for j in journal] == ["ask", "fill", "order"]
    assert journal[-1][-1] == T0 + 2 * 10**9


class Flood(xnb.Strategy):
    """Send orders for cancellation, many in each row."""

    class Params:
        count: xnb.i8 = 1_000

    def on_trade(ctx, p, s, trade):
        for _ in range(p.count):
            ctx.buy(trade.inst, 50.0, 1.0)

    def on_schedule(ctx, p, s, tick):
        for order in ctx.orders(0):
            ctx.cancel(order.client_order_id)


@pytest.mark.slow
def test_any_number_of_messages_may_be_on_their_way():
    """Twelve thousand requests before the first arrives, then as many cancels."""
    n, count = 6, 2_000
    events = rows(QUOTES, *(trade(100.0, 1.0, ts=T0 + 10 + i) for i in range(n)))
    later = trade(100.0, 1.0, ts=T0 + 20_000_000, inst=1)
    config = BacktestConfig(
        exchange=ExchangeConfig(entry_latency_us=1_000_000, response_latency_us=1_000_000),
        timers=((1, 2.5),),
    )
    test = Backtest(
        MemorySource(rows(events, later), table()), [Flood(count=count)], config=config,
        risk=RiskLimits(max_open_orders=n * count + count),
    )  # fmt: skip
    journal = test.run().journal
    asked = journal[journal["kind"] == EventKind.INTENT]
    answers = told(journal[journal["kind"] == EventKind.ACC_ORDER])
    assert len(asked) == 2 * n * count + count
    per_event = {event: [a[1] for a in answers if a[2] == event] for event in (1, 3)}
    assert per_event[1] == list(range(1, n * count + count + 1))
    assert sorted(per_event[3]) == list(range(1, n * count + 1))
    assert test.group.counters()["odd_reports"] == 0


def test_reasons_to_stop_have_their_own_numbers():
    assert [stop.value for stop in Stop] == list(range(len(Stop)))
