"""Rows that a backtest makes itself do not come from its source."""

from __future__ import annotations

import numpy as np

from extrema_nb.events import BUY, EventKind, OrderEvent, OrderStatus
from extrema_nb.testing import MemorySource, book, instrument_table, row, rows, trade
from replay.backtest import Backtest, BacktestConfig
from replay.without import ACCOUNT, Without
from strategies.flow_follow import FlowFollow


def report(ts, order, status=OrderStatus.FILLED, event=OrderEvent.TRADE):
    return row(EventKind.ACC_ORDER, ts, client_order_id=order, status=status, event=event)


def fill(ts, order):
    return row(
        EventKind.FILL, ts, client_order_id=order, side=BUY, qty=1.0, price=1.0, fee=0.0, trade_id=1
    )


def test_only_the_named_kinds_are_left_out_in_any_cut():
    events = rows(trade(1.0, 1.0, ts=1), report(2, 1), fill(3, 1), trade(1.0, 2.0, ts=4))
    source = Without(MemorySource(events), ACCOUNT)
    for cut in (1, 2, 100):
        found = np.concatenate(list(source.batches(cut)))
        assert found["ts_recv"].tolist() == [1, 4]
        assert source.left_out == 2
    assert source.describe()["rows"] == 4
    assert len(source.instruments) == len(instrument_table())
    assert source.most_rows is None


def test_the_reports_of_a_recorded_session_do_not_touch_a_backtest():
    market = [book([(99.9, 9.0)], [(100.1, 9.0)], ts=1_000, snapshot=True)]
    market += [trade(100.1, 2.0, BUY, ts=2_000 + i * 1_000) for i in range(30)]
    theirs = [
        rows(fill(5_500 + i * 1_000, i + 1), report(5_500 + i * 1_000, i + 1)) for i in range(9)
    ]
    timers = [row(EventKind.SCHEDULE, 6_600, timer=1, tick=1, period=10_000)]
    config = BacktestConfig(timers=((1, 0.01),))
    results = []
    for parts in (market, [*market, *theirs, *timers]):
        source = MemorySource(rows(*parts, sort=True))
        results.append(Backtest(source, [FlowFollow()], config=config).run())
    alone, mixed = results
    assert len(alone.journal) > 0
    assert mixed.journal.tobytes() == alone.journal.tobytes()
    assert mixed.counters == alone.counters
    assert mixed.counters["odd_reports"] == 0
