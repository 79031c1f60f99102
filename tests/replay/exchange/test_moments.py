"""Moments at the exchange: what is due together comes in one order, one thing at a time."""

from __future__ import annotations

import numpy as np

from extrema_nb.events import ACC_ORDER, EventKind
from extrema_nb.testing import MemorySource, book, rows
from replay.backtest import Backtest, BacktestConfig
from replay.exchange.config import ExchangeConfig
from replay.exchange.margin_config import MarginConfig
from replay.exchange.model import FAR, X_FUNDING, X_MARGIN, X_NEXT_EXPIRY, X_NOW, X_REPORT_TAIL
from replay.exchange.moments import arrive, ring
from tests.naive.exchange import MARKET, Wanted
from tests.replay.exchange.runs import DEEP, END, paid_run
from tests.replay.exchange.scripted import DUE, T0, Scripted, params, stated, table, told
from tests.replay.exchange.test_live import intent


def test_a_liquidation_comes_before_funding_that_is_due_in_the_same_moment():
    events = rows(
        DEEP, stated(T0, rate=1e-3, mark=100.0, due=DUE), stated(DUE, np.nan, 90.0, -1), END
    )
    buy = Wanted(at=1, action=MARKET, side=1, qty=3.0)
    result, _ = paid_run(events, buy, margin=MarginConfig(31.0))
    assert [w[0] for w in told(result.journal)][-4:] == ["fill", "order", "fill", "order"]
    assert result.counters["funding_payments"] == 0  # nothing was held any more
    result, _ = paid_run(events, buy)
    assert [w[0] for w in told(result.journal)][-1] == "funding"
    assert result.counters["funding_payments"] == 1


def test_many_instruments_pay_in_one_moment_each_with_room_for_its_report():
    events = rows(
        *(book([(99.9, 9.0)], [(100.1, 9.0)], T0, snapshot=True, inst=inst) for inst in (0, 1)),
        *(stated(T0, 1e-3, 100.0, DUE, inst=inst) for inst in (1, 0)), END,
    )  # fmt: skip
    script = [Wanted(at=1, action=MARKET, inst=inst, qty=1.0) for inst in (0, 1)]
    config = BacktestConfig(exchange=ExchangeConfig(), timers=((1, 0.001),))
    test = Backtest(MemorySource(events, table()), [Scripted(script=params(script))], config=config)
    paid = [w for w in told(test.run().journal) if w[0] == "funding"]
    assert [(w[1], w[3]) for w in paid] == [(0, DUE), (1, DUE)]
    x = test.group.ctx
    assert x.positions["funding"][1].tolist() == [w[2] for w in paid]


def test_what_is_due_is_done_and_the_next_moment_awaited():
    result, _ = paid_run(rows(DEEP, END), Wanted(at=1, action=1, tick=990))
    (report,) = result.journal[result.journal["kind"] == EventKind.ACC_ORDER].view(ACC_ORDER)
    assert report["ts_event"] == T0 + 1_000


def test_nothing_due_leaves_nothing_to_wait_for():
    config = BacktestConfig(exchange=ExchangeConfig(funding=False))
    test = Backtest(MemorySource(rows(DEEP, END), table()), [Scripted()], config=config)
    test.run()
    steps = test._lockstep(0, 0)  # a fresh exchange of the same run
    x = steps.variants[0].x
    x.clock[X_NEXT_EXPIRY] = x.clock[X_NOW] = 7
    assert (x.clock[X_FUNDING], x.clock[X_MARGIN]) == (0, 0)
    ring(x)
    assert x.clock[X_NEXT_EXPIRY] == FAR
    arrive(x, intent(5, Wanted(0, 2), 7)[0])  # a cancel of nothing
    assert x.clock[X_REPORT_TAIL] == 1
