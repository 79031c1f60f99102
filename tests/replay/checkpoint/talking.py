"""A run in which everything that can be kept is in use, for tests of checkpoints."""

# ruff: noqa: N805  # handlers have no self

from __future__ import annotations

import numpy as np

import extrema_nb as xnb
from extrema_nb.testing import MemorySource
from replay.backtest import Backtest, BacktestConfig
from replay.exchange.config import ExchangeConfig
from tests.replay.exchange.scripted import Scripted, params, table

MODEL = 7
PERIOD = 1_000  # µs


class Talker(xnb.Strategy):
    """Log, ask a model, draw numbers, send stops and orders with an end."""

    messages = ("mean of the latest {value}",)

    class State:
        trades: xnb.i8 = 0
        recent: xnb.f8[4]
        answered: xnb.f8 = 0.0

    def on_trade(ctx, p, s, trade):
        s.recent[s.trades % 4] = trade.price
        s.trades += 1
        ctx.emit(7, s.recent)
        if s.trades % 3 == 0:
            ctx.log(0, s.recent.sum() / 4)

    def on_preds(ctx, p, s, pred):
        s.answered += pred.value
        if pred.index == 0 and ctx.book(0).is_valid:
            if ctx.random() < 0.5:
                ctx.good_till(0, 1, ctx.book(0).bid_price, 0.75, ctx.now + 2_000)
            else:
                ctx.stop_market(1, -1, 99.9, 0.5)


class Doubler:
    """A model: every feature, twice."""

    def infer(self, features):
        return np.asarray(features, np.float32) * 2

    def close(self):
        pass


def talking(events, script, *, source=None, risk=None, models=True, seed=5, **assumptions):
    """Return a backtest of both strategies."""
    assumptions.setdefault("queue", "power")
    config = BacktestConfig(
        exchange=ExchangeConfig(**assumptions), timers=((1, PERIOD / 1e6), (2, 0.0033)),
        mark_every_s=0.002, model_latency_us=700, seed=seed,
    )  # fmt: skip
    return Backtest(
        source or MemorySource(events, table()),
        [Scripted(script=params(script)), Talker()],
        config=config, risk=risk, models={MODEL: Doubler()} if models else None,
    )  # fmt: skip


def results(run):
    """Return everything that a run says."""
    return (
        run.journal.tobytes(), run.marks.tobytes(), run.logs, run.counters, run.clock_shift_us,
        run.data.digest,
    )  # fmt: skip


def insides(test):
    """Return what a run leaves in its strategies and account."""
    return [state.tobytes() for state in test.group.states] + [test.group.ctx.positions.tobytes()]
