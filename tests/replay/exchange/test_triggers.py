"""What sets off stop orders: trades, mark prices, best prices; on live rows and on tapes alike."""

from __future__ import annotations

import numpy as np
import pytest

import extrema_nb as xnb
from extrema_nb.events import FILL, FUNDING, EventKind, Flag, OrderEvent, TriggerBy
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.backtest import Backtest, BacktestConfig
from tests.replay.exchange.scripted import T0, table
from tests.replay.exchange.test_matching import Market
from tests.replay.exchange.test_stops import stop

# ruff: noqa: N805  # handlers have no self

E = OrderEvent


def mark(price, ts=0):
    out = np.zeros(1, FUNDING)
    out["ts_event"] = out["ts_recv"] = ts
    out["kind"], out["flags"], out["mark_price"] = EventKind.FUNDING, Flag.LAST, price
    return out.view(xnb.EVENT)


@pytest.mark.parametrize(
    ("by", "before", "after"),
    [
        (TriggerBy.TRADE, trade(100.9, 1.0), trade(101.0, 1.0)),
        (TriggerBy.MARK, mark(100.9), mark(101.2)),
        (TriggerBy.BBO, trade(105.0, 1.0), book([], [(100.1, 0.0), (100.2, 0.0), (101.0, 2.0)])),
    ],
)
def test_a_stop_to_buy_waits_for_its_price(by, before, after):
    market = Market()
    stop(market, 1, trigger=101.0, by=by)
    assert market.rows(before) == []
    found = market.rows(after)
    assert found[-1] == (1, E.TRADE)
    assert len(found) == 2


def test_a_stop_to_sell_fires_below_and_a_stop_limit_then_rests():
    market = Market()
    stop(market, 1, trigger=99.0, side=-1)
    stop(market, 2, trigger=99.0, side=-1, tick=1010)
    found = market.rows(trade(98.9, 1.0, -1))
    assert found == [(1, 99.9, 1.0), (1, E.TRADE), (2, E.ACCEPTED)]


class StopLoss(xnb.Strategy):
    """Buy once, then guard the position with a stop."""

    class Params:
        by: xnb.i8 = 0
        trigger: xnb.f8 = 99.0

    def on_schedule(ctx, p, s, tick):
        if tick.tick == 1:
            ctx.market(0, 1, 1.0)
            ctx.stop_market(0, -1, p.trigger, 1.0, p.by)


@pytest.mark.parametrize("by", list(TriggerBy))
def test_a_tape_fires_where_live_rows_fire(by):
    """The same market, as a backtest: the stop fills at the best bid of that moment."""
    events = rows(
        book([(99.9, 2.0), (98.5, 2.0)], [(100.1, 2.0)], T0, snapshot=True),
        trade(99.1, 1.0, -1, T0 + 5_000),
        mark(99.1, T0 + 5_000),
        book([(99.9, 0.0)], [], T0 + 6_000),
        trade(99.0, 1.0, -1, T0 + 7_000),
        mark(98.9, T0 + 8_000),
        trade(50.0, 1.0, -1, T0 + 9_000),
    )
    config = BacktestConfig(timers=((1, 0.001),), mark_every_s=0.0)
    source = MemorySource(events, table())
    journal = Backtest(source, [StopLoss(by=int(by))], config=config).run().journal
    fills = journal[journal["kind"] == EventKind.FILL].view(FILL)
    when = {TriggerBy.TRADE: 7_000, TriggerBy.MARK: 8_000, TriggerBy.BBO: 6_000}[by]
    assert fills["side"].tolist() == [1, -1]
    assert fills["price"].tolist() == [100.1, 98.5]
    assert fills["ts_event"][1] - T0 == when
