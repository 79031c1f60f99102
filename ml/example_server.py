"""An example model server: the demo model in NumPy. ``python -m ml.example_server --port 5555``."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

import numpy as np

from extrema_nb.errors import ExtremaError
from ml.make_demo_model import BIAS, SCALE, WEIGHTS
from ml.server import serve
from ml.tensor import Float32Array

__all__ = ["main", "predict"]


def predict(features: Float32Array) -> Float32Array:
    """Return the predicted move in ticks, (n, 1), from (n, 4) order-book features."""
    weights = np.array(WEIGHTS, np.float32).reshape(-1, 1)
    moves: Float32Array = np.float32(SCALE) * np.tanh(features @ weights + np.float32(BIAS))
    return moves


def main(argv: Sequence[str] | None = None) -> int:
    """Serve `predict` until SIGINT or SIGTERM; the first line of stdout names the address."""
    parser = argparse.ArgumentParser(prog="python -m ml.example_server", description=__doc__)
    parser.add_argument("--port", type=int, default=5555, help="0 lets the system choose")
    port = parser.parse_args(argv).port
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    def ready(chosen: int) -> None:
        sys.stdout.write(f"listening on tcp://127.0.0.1:{chosen}\n")
        sys.stdout.flush()

    try:
        serve(predict, port, name="demo", stop=stop, ready=ready)
    except ExtremaError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
