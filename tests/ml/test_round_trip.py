"""Features leave a strategy, predictions come back into it: backtest and live agree."""

# ruff: noqa: N805  # handlers have no self, and not every one needs all it is given

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb import testing
from extrema_nb.clock import SystemClock
from extrema_nb.events import EventKind
from extrema_nb.strategy.fields import f8, i8
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.strategy.spec import Strategy
from ml.onnx_runner import open_runner
from ml.predict import predict_rows
from ml.rows import read_predictions
from ml.worker import PredictionWorker

MODEL = 3  # task id of the runner


class Asks(Strategy):
    """Send four features at each quote, keep the last answer."""

    class State:
        features: f8[4]
        move: f8 = 0.0  # ticks
        answers: i8 = 0

    def on_bbo(ctx, p, s, bbo):
        total = bbo.bid_qty + bbo.ask_qty
        if total > 0.0:
            s.features[0] = (bbo.bid_qty - bbo.ask_qty) / total
            s.features[1] = 1.0
            ctx.emit(3, s.features)

    def on_preds(ctx, p, s, pred):
        s.move = pred.value
        s.answers += 1


@pytest.fixture
def runner(project_root):
    """Return the demo model."""
    opened = open_runner(str(project_root / "data/models/demo.json"))
    yield opened
    opened.close()


def quotes():
    return testing.rows(
        *(testing.bbo(99.0, float(q), 101.0, 1.0, ts=1_000 * q) for q in range(1, 6))
    )


@pytest.mark.slow
def test_predictions_come_back_the_same_from_worker_and_backtest(runner):
    group = KernelGroup([Asks()], testing.instrument_table())
    features = group.step(quotes()).features
    assert [f.model for f in features] == [MODEL] * 5
    later = predict_rows(runner, features, latency_us=250)
    assert (later["ts_recv"] - later["ts_event"] == 250).all()

    published = []
    worker = PredictionWorker(runner, MODEL, published.append, SystemClock())
    worker.start()
    assert worker.submit(features) == 5
    assert worker.close()
    live = [p for rows in published for p in read_predictions(rows)]
    assert [(p.ts_feature, p.values.tolist()) for p in live] == [
        (p.ts_feature, p.values.tolist()) for p in read_predictions(later)
    ]

    assert (later["kind"] == EventKind.PRED).all()
    group.step(later[later["ts_recv"] > 5_000])  # what the strategy has not passed yet
    state = group.state(0)
    assert int(state["answers"]) == 1
    assert float(state["move"]) == read_predictions(later)[-1].values[0]
    assert float(state["move"]) == pytest.approx(2.0 * np.tanh(0.9 * (5 - 1) / (5 + 1)))
