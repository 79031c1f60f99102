"""A model task of the runtime finds its worker here by name."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from extrema_nb.clock import SystemClock
from extrema_nb.errors import ConfigError
from extrema_nb.runtime.predictors import load_predictor
from extrema_nb.runtime.tasks import ModelPreds, Onnx, Zmq
from ml.example_server import predict
from ml.rows import read_predictions
from tests.patience import PATIENCE_S

FEATURES = np.array([0.5, 1.0, 0.2, 0.0], np.float32)


def answer_of(kind):
    """Return the first answer of the worker that the runtime makes for a task."""

    async def main():
        published, come = [], asyncio.Event()

        def publish(rows):
            published.append(rows.copy())
            come.set()

        worker = load_predictor(kind, 3, publish, SystemClock(), asyncio.get_running_loop())
        worker.start()
        assert worker.submit([(0, 3, 77, FEATURES)]) == 1
        await asyncio.wait_for(come.wait(), PATIENCE_S)
        await asyncio.to_thread(worker.close)
        return read_predictions(published[0])[0]

    return asyncio.run(main())


def test_an_onnx_task_and_a_zmq_task_of_the_same_model_agree(project_root, server):
    onnx = answer_of(ModelPreds(Onnx(str(project_root / "data/models/demo.json"))))
    zmq = answer_of(ModelPreds(Zmq(server(predict))))
    assert (onnx.model, onnx.ts_feature) == (zmq.model, zmq.ts_feature) == (3, 77)
    assert onnx.values == pytest.approx(zmq.values)


def test_a_task_whose_model_is_missing_is_the_users_mistake():
    with pytest.raises(ConfigError, match="is not a file"):
        answer_of(ModelPreds(Onnx("gone.onnx")))
