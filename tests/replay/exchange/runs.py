"""Runs of scripts for tests of money, and what they say in short."""

from __future__ import annotations

import numpy as np

from extrema_nb.events import ACC_ORDER, EventKind, OrderEvent
from extrema_nb.testing import MemorySource, book, trade
from replay.backtest import Backtest, BacktestConfig
from replay.exchange.config import ExchangeConfig
from tests.replay.exchange.scripted import T0, Scripted, params, table

DEEP = book(
    [(99.9, 2.0), (99.0, 2.0), (98.0, 9.0)], [(100.1, 2.0), (101.0, 2.0), (102.0, 9.0)], T0,
    snapshot=True,
)  # fmt: skip
END = trade(100.0, 1.0, ts=T0 + 90_000)


def paid_run(events, *script, latency=0, free=True, names=None, **exchange):
    """Return the result of a script at timer ticks of 1 ms, and the test; no fees unless said."""
    if free:
        exchange = {"maker_fee": 0.0, "taker_fee": 0.0} | exchange
    config = BacktestConfig(
        exchange=ExchangeConfig(
            entry_latency_us=latency, response_latency_us=latency, **exchange
        ),
        timers=((1, 0.001),), mark_every_s=0.01,
    )  # fmt: skip
    source = MemorySource(events, names or table())
    test = Backtest(source, [Scripted(script=params(script))], config=config)
    return test.run(), test


def order_events(result):
    """Return (client order id, event, code) of every report about an order."""
    journal = result.journal
    reports = journal[journal["kind"] == EventKind.ACC_ORDER].view(ACC_ORDER)
    return [
        (int(r["client_order_id"]), OrderEvent(int(r["event"])).name, int(r["code"]))
        for r in np.atleast_1d(reports)
    ]
