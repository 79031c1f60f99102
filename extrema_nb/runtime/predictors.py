"""How model tasks get their workers: made by name, so that the library needs no model package."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any, Protocol

from extrema_nb.clock import Clock
from extrema_nb.contracts import Publish
from extrema_nb.errors import ConfigError
from extrema_nb.runtime.tasks import ModelPreds, Onnx

__all__ = ["MakePredictor", "Predictor", "load_predictor"]


class Predictor(Protocol):
    """A worker that turns features into published PRED rows, off the event loop."""

    def start(self) -> None:
        """Start the thread."""
        ...

    def submit(self, features: Any) -> int:
        """Take tuples (module, model, ts in µs, values), never blocking."""
        ...

    def close(self) -> bool:
        """Answer what waits and stop. May be called twice."""
        ...


class MakePredictor(Protocol):
    """Makes the worker of a ModelPreds task; `publish` is called on the thread of `loop`."""

    def __call__(
        self,
        kind: ModelPreds,
        model_id: int,
        publish: Publish,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
    ) -> Predictor:
        """Return a worker that has not started yet."""
        ...


def load_predictor(
    kind: ModelPreds,
    model_id: int,
    publish: Publish,
    clock: Clock,
    loop: asyncio.AbstractEventLoop,
) -> Predictor:
    """Return a worker of the ``ml`` package; raise ConfigError where that is not installed."""
    runner = kind.runner
    try:
        if isinstance(runner, Onnx):
            opened = importlib.import_module("ml.onnx_runner").open_runner(runner.path)
        else:
            opened = importlib.import_module("ml.zmq_runner").open_runner(str(runner.port))
        worker: Any = importlib.import_module("ml.worker")
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"model {model_id} needs {error.name}, which is not installed; "
            "install it or remove the ModelPreds task"
        ) from error
    made: Predictor = worker.PredictionWorker(opened, model_id, publish, clock, loop=loop)
    return made
