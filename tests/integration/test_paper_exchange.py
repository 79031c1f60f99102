"""A captured day at the exchange of paper trading and at that of a backtest: the same reports, byte for byte."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from extrema_nb.events import INTENT, EventKind
from extrema_nb.testing import MemorySource, row, rows
from replay.backtest import Backtest, BacktestConfig
from replay.exchange.config import ExchangeConfig
from replay.exchange.latency_config import LatencyConfig
from replay.exchange.live import LiveExchange
from replay.exchange.margin_config import MarginConfig
from replay.sources.open import open_source
from strategies.grid_maker import GridMaker

REPORTS = (EventKind.FILL, EventKind.ACC_ORDER, EventKind.ACC_BAL)
BATCH = 50  # rows, as they come together from a venue
CONFIGS = {
    "plain": ExchangeConfig(),
    "all": ExchangeConfig(
        queue="power", partial=True, consume=True, fee_per_fill=0.1,
        latency=LatencyConfig("sampled", mean_us=20_000.0, sigma=0.6, seed=3),
        margin=MarginConfig(200.0, initial=0.02, maintenance=0.0199),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def day(shared_data):
    """Give 300,000 rows of one clock, with a payment of funding each tenth of them, and the table."""
    path = shared_data / "binance_usdm" / "capture" / "btcusdt_20240808.gz"
    source = open_source(path, clamp_time=True, sort=True)
    batches = itertools.takewhile(lambda b: b[0] < 6, enumerate(source.batches(50_000)))
    events = np.concatenate([batch.copy() for _, batch in batches])
    events["ts_event"] = events["ts_recv"]  # the exchange has a row when it comes to us
    first, last = int(events["ts_recv"][0]), int(events["ts_recv"][-1])
    step = (last - first) // 10
    told = [
        row(
            EventKind.FUNDING, first + k * step, rate=1e-3 * (-1) ** k,
            next_ts=first + (k + 1) * step - 1_000,
        )
        for k in range(10)
    ]  # fmt: skip
    return rows(events, *told, sort=True), source.instruments


def paper(events, table, config, intents):
    """Return the reports of the exchange beside live rows to requests in their time."""
    live = LiveExchange(table, config)
    out, start = [], 0

    def feed(end):
        nonlocal start
        out.extend(
            live.step(events[at : min(at + BATCH, end)].copy()) for at in range(start, end, BATCH)
        )
        start = max(start, end)

    for now in np.unique(intents["ts_recv"]).tolist():
        feed(int(np.searchsorted(events["ts_recv"], now, side="right")))
        out.append(live.submit(intents[intents["ts_recv"] == now].copy(), now))
    feed(len(events))
    out.append(live.advance(int(events["ts_recv"][-1]) + 10_000_000))
    return np.concatenate(out), live.counters()


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_reports_on_paper_are_those_of_a_backtest(day, name):
    events, table = day
    config = CONFIGS[name]
    test = Backtest(
        MemorySource(events, table), [GridMaker(qty=0.05, half_spread=1.0, step=5.0, levels=5)],
        config=BacktestConfig(exchange=config, timers=((1, 0.2),), mark_every_s=1.0),
    )  # fmt: skip
    result = test.run()
    journal = result.journal
    expected = journal[np.isin(journal["kind"], REPORTS)]
    intents = journal[journal["kind"] == EventKind.INTENT].view(INTENT)
    found, counted = paper(events, table, config, intents)
    assert len(expected) > 1_000
    assert result.counters["funding_payments"] > 0
    assert (result.counters["liquidations"] > 0) == (name == "all")
    assert found.tobytes() == expected.tobytes()
    assert counted.items() <= result.counters.items()
