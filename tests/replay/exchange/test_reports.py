"""Reports: order of their arrival, fees, requests that are lost on their way."""

from __future__ import annotations

import numpy as np

from extrema_nb.events import ACC_ORDER, FILL, EventKind, OrderEvent, OrderStatus
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.backtest import Backtest, BacktestConfig
from replay.exchange.config import ExchangeConfig
from replay.exchange.latency_config import parse_latency
from replay.exchange.reports import LOST
from tests.naive.exchange import MARKET, Wanted
from tests.replay.exchange.scripted import T0, Scripted, params, table

QUOTES = rows(
    book([(99.9, 2.0)], [(100.1, 2.0)], T0, snapshot=True), trade(100.0, 1.0, ts=T0 + 20_000)
)


def run(latency, *script):
    config = BacktestConfig(
        exchange=ExchangeConfig(latency=parse_latency(latency)), timers=((1, 0.001),)
    )
    source = MemorySource(QUOTES, table())
    test = Backtest(source, [Scripted(script=params(script))], config=config)
    return test.run().journal, test


def test_a_request_that_is_refused_on_its_way_is_told_after_the_time_that_it_took():
    journal, test = run("constant:-700", Wanted(at=1, action=1, tick=990))
    (report,) = journal[journal["kind"] == EventKind.ACC_ORDER].view(ACC_ORDER)
    assert (report["status"], report["code"]) == (OrderStatus.REJECTED, LOST)
    assert report["ts_recv"] - T0 == 1_700
    assert len(test.group.ctx.orders(0)) == 0


def test_a_cancel_that_is_lost_leaves_the_order_alive():
    """With a table: the first request arrives, those after it are refused."""
    journal, _ = run("constant:300,400", Wanted(at=1, action=1, tick=990))
    (report,) = journal[journal["kind"] == EventKind.ACC_ORDER].view(ACC_ORDER)
    assert report["event"] == OrderEvent.ACCEPTED
    assert (report["ts_event"] - T0, report["ts_recv"] - T0) == (1_300, 1_700)


def test_sampled_latencies_never_let_a_report_overtake_another():
    script = [Wanted(at=i, action=1, tick=990 + i % 3, qty=0.25) for i in range(1, 18)]
    journal, _ = run("sampled:lognormal,4000,1.0,3", *script)
    reports = journal[journal["kind"] == EventKind.ACC_ORDER]
    assert (np.diff(reports["ts_recv"]) >= 0).all()
    assert (np.diff(reports["ts_event"]) >= 0).all()
    assert len(set((reports["ts_recv"] - reports["ts_event"]).tolist())) > 5
    again, _ = run("sampled:lognormal,4000,1.0,3", *script)
    assert again.tobytes() == journal.tobytes()


def test_a_taker_pays_the_takers_fee_on_its_value():
    journal, _ = run("none", Wanted(at=1, action=MARKET, qty=2.0))
    (fill,) = journal[journal["kind"] == EventKind.FILL].view(FILL)
    assert fill["fee"] == 2.0 * 100.1 * 0.002
