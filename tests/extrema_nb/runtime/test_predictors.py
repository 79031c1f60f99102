"""Workers of model tasks, made by name."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from extrema_nb.clock import SystemClock
from extrema_nb.errors import ConfigError
from extrema_nb.events import PRED, EventKind
from extrema_nb.runtime.predictors import load_predictor
from extrema_nb.runtime.tasks import ModelPreds, Onnx, Zmq
from extrema_nb.testing import ListSink
from tests.patience import PATIENCE_S


def test_an_onnx_model_answers_on_the_loop(project_root):
    async def main():
        sink, answered = ListSink(), asyncio.Event()

        def take(rows):
            sink.write(rows)
            answered.set()

        kind = ModelPreds(Onnx(str(project_root / "data" / "models" / "demo.onnx")))
        worker = load_predictor(kind, 4, take, SystemClock(), asyncio.get_running_loop())
        worker.start()
        try:
            assert worker.submit([(0, 4, 77, np.ones(4, np.float32)), (0, 5, 77, [1.0])]) == 1
            await asyncio.wait_for(answered.wait(), PATIENCE_S)
        finally:
            worker.close()
        rows = sink.rows.view(PRED)
        assert set(rows["kind"].tolist()) == {EventKind.PRED}
        assert (rows["model"][0], rows["ts_feature"][0]) == (4, 77)

    asyncio.run(main())


def test_a_model_file_that_is_missing_is_told():
    async def main():
        loop = asyncio.get_running_loop()
        with pytest.raises(ConfigError, match="nowhere"):
            load_predictor(
                ModelPreds(Onnx("nowhere.onnx")), 1, ListSink().write, SystemClock(), loop
            )

    asyncio.run(main())


def test_a_model_server_need_not_be_there_yet():
    async def main():
        loop = asyncio.get_running_loop()
        worker = load_predictor(ModelPreds(Zmq(5999)), 1, ListSink().write, SystemClock(), loop)
        worker.close()

    asyncio.run(main())
