"""Serve a Python function as a model: Torch, LightGBM, scikit-learn, anything that takes an array.

::

    import lightgbm
    from ml.server import serve

    model = lightgbm.Booster(model_file="flow.txt")
    serve(model.predict, port=5555)

The function gets the features as a float32 array in their shape, (rows, inputs) from strategies,
and returns an array with one answer a row. What it raises is logged here and told to the asker;
the server goes on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import zmq

from extrema_nb.errors import ConfigError, DataError
from ml.tensor import AltTensor, Float32Array

__all__ = ["Model", "serve"]

Model = Callable[[Float32Array], npt.ArrayLike]
"""Takes features in their shape, returns answers; only ever called from one thread."""

POLL_MS = 100  # ms, how soon `stop` is noticed
ERROR_CHARS = 500  # how much of an error's text is told to the asker

log = logging.getLogger(__name__)


def serve(
    model: Model,
    port: int = 5555,
    *,
    name: str = "python",
    stop: threading.Event | None = None,
    ready: Callable[[int], Any] | None = None,
) -> None:
    """Answer questions on ``tcp://127.0.0.1:PORT`` until `stop` is set; blocks.

    Parameters
    ----------
    model : the function
    port : 0 lets the system choose
    name : goes into the answer's metadata as ``model_name``
    stop : ends the server within a tenth of a second
    ready : called once with the port, when questions can come

    Raises
    ------
    ConfigError
        the port cannot be had
    """
    stop = stop or threading.Event()
    with zmq.Context() as context, context.socket(zmq.REP) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        try:
            socket.bind(f"tcp://127.0.0.1:{port or '*'}")
        except zmq.ZMQError as error:
            raise ConfigError(
                f"model server cannot have port {port}: {error}; choose another, or 0 for any"
            ) from error
        chosen = int(socket.getsockopt_string(zmq.LAST_ENDPOINT).rsplit(":", 1)[1])
        if ready is not None:
            ready(chosen)
        while not stop.is_set():
            if socket.poll(POLL_MS, zmq.POLLIN):
                question = socket.recv_multipart()[0]
                socket.send(answer(model, question, name).to_msgpack())


def answer(model: Model, question: bytes, name: str = "python") -> AltTensor:
    """Return the answer to one frame; of a failure the metadata's ``error`` tells."""
    timestamp = 0
    try:
        asked = AltTensor.from_msgpack(question)
        timestamp = asked.timestamp
        values = np.asarray(model(asked.array))
        metadata = {"model_runner": "zmq", "model_name": name} | asked.metadata
        return AltTensor.of(timestamp, values, metadata)
    except DataError as error:
        reason = str(error)
        log.warning("question of %d bytes refused: %s", len(question), reason)
    except Exception as error:  # the model is the user's; one bad row must not end the server
        reason = f"{type(error).__name__}: {error}"
        log.exception("model %s failed", name)
    return AltTensor(timestamp, np.empty(0, np.float32), (0,), {"error": reason[:ERROR_CHARS]})
