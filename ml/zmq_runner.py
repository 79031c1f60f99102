"""Ask a model in another process, over ZeroMQ.

Rules
-----
1. A REQ socket connects to ``tcp://127.0.0.1:PORT``; one `AltTensor` goes out in one frame, one
   comes back in the first frame of the reply.
2. A REQ socket that got no answer cannot ask again, so after a time-out it is closed and a new
   one is made; an answer that comes late goes to the old socket and is lost, never mistaken for
   the answer to the next question.
3. A bad reply is logged, counted and raised; the next question is asked all the same.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import zmq

from extrema_nb.errors import ConfigError, DataError, ModelError
from ml.tensor import AltTensor

__all__ = ["TIMEOUT_S", "ZmqRunner", "ZmqStats", "open_runner"]

TIMEOUT_S = 20.0  # s, how long an answer may take; the Rust system's default
POLL_MS = 50  # ms, how soon `close` from another thread is noticed

log = logging.getLogger(__name__)


@dataclass(slots=True)
class ZmqStats:
    """Counts since the runner was opened."""

    requests: int = 0  # questions sent
    replies: int = 0  # good answers
    bad_replies: int = 0  # answers that could not be used
    timeouts: int = 0  # questions without an answer in time
    sockets: int = 0  # sockets made, 1 when all goes well


class ZmqRunner:
    """A connection to a model server; safe to call from one thread at a time.

    Parameters
    ----------
    endpoint : such as ``tcp://127.0.0.1:5555``
    timeout_s : s, how long an answer may take
    batch : ask for many rows in one question; False for servers that answer one row at a time
    """

    def __init__(self, endpoint: str, *, timeout_s: float = TIMEOUT_S, batch: bool = True) -> None:
        if not (math.isfinite(timeout_s) and timeout_s > 0):
            raise ConfigError(f"timeout_s is {timeout_s}, expected a number of seconds above 0")
        self.endpoint = endpoint
        self.timeout_s = timeout_s
        self.batch = batch
        self.stats = ZmqStats()
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] | None = None
        self._lock = threading.Lock()  # held during a question; `close` waits for it
        self._closed = threading.Event()
        try:
            self._connect()
        except zmq.ZMQError as error:
            self.close()
            raise ConfigError(
                f"model server address {endpoint!r} cannot be used: {error}; expected "
                "tcp://127.0.0.1:PORT"
            ) from error

    def infer(self, features: npt.NDArray[Any], *, timestamp: int = 0) -> npt.NDArray[Any]:
        """Return the answers to `n` rows of features.

        Parameters
        ----------
        features : (n, inputs) float32
        timestamp : µs, sent along for servers that look at it

        Returns
        -------
        (n, outputs) float32
        """
        if features.ndim != 2:
            raise ModelError(
                f"features are {features.ndim}-dimensional, `infer` is for (rows, inputs); "
                "use `infer_tensor`"
            )
        count = len(features)
        if count == 0:
            return np.empty((0, 0), np.float32)
        step = count if self.batch else 1
        answers = []
        for at in range(0, count, step):
            rows = features[at : at + step]
            array = self.infer_tensor(AltTensor.of(timestamp, rows)).array
            if array.ndim == 0 or array.shape[0] != len(rows):
                self._bad_reply(
                    f"shape {array.shape} to {len(rows)} rows, expected one answer a row"
                )
            answers.append(array.reshape(len(rows), math.prod(array.shape[1:])))
        widths = {answer.shape[1] for answer in answers}
        if len(widths) > 1:
            self._bad_reply(f"rows of {sorted(widths)} values, expected rows of one length")
        return np.concatenate(answers)

    def infer_tensor(self, tensor: AltTensor) -> AltTensor:
        """Return the server's answer to one tensor, as it came.

        Raises
        ------
        ModelError
            no answer in time, an answer that is no tensor, an error that the server reports, or
            the runner is closed
        """
        with self._lock:
            raw = self._ask(tensor.to_msgpack())
        try:
            answer = AltTensor.from_msgpack(raw)
        except DataError as error:
            self._bad_reply(str(error), error)
        if "error" in answer.metadata:  # how `ml.server` says that its model failed
            self._bad_reply(f"an error: {answer.metadata['error']}")
        self.stats.replies += 1
        return answer

    def close(self) -> None:
        """Release the socket; twice is fine, and so is another thread."""
        self._closed.set()
        with self._lock:
            self._drop_socket()
            self._context.term()

    def _ask(self, frame: bytes) -> bytes:
        if self._closed.is_set():
            raise ModelError(f"connection to the model server {self.endpoint} is closed")
        socket = self._socket or self._connect()
        try:
            socket.send(frame, zmq.DONTWAIT)
            self.stats.requests += 1
            if self._wait(socket):
                return socket.recv_multipart(zmq.DONTWAIT)[0]
        except zmq.ZMQError as error:
            self._drop_socket()
            raise ModelError(f"model server {self.endpoint}: {error}; is it running?") from error
        self._drop_socket()  # rule 2
        if self._closed.is_set():
            raise ModelError(f"connection to the model server {self.endpoint} was closed")
        self.stats.timeouts += 1
        raise ModelError(
            f"model server {self.endpoint} gave no answer in {self.timeout_s:g} s; is it running, "
            "and is timeout_s long enough?"
        )

    def _wait(self, socket: zmq.Socket[bytes]) -> bool:
        end = time.monotonic() + self.timeout_s
        while not self._closed.is_set():
            left_ms = (end - time.monotonic()) * 1000
            if left_ms <= 0:
                return False
            if socket.poll(math.ceil(min(left_ms, POLL_MS)), zmq.POLLIN):
                return True
        return False

    def _connect(self) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = self._context.socket(zmq.REQ)
        socket.setsockopt(zmq.LINGER, 0)  # `close` does not wait for a server that is away
        try:
            socket.connect(self.endpoint)
        except zmq.ZMQError:
            socket.close()
            raise
        self._socket = socket
        self.stats.sockets += 1
        return socket

    def _drop_socket(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _bad_reply(self, what: str, cause: Exception | None = None) -> None:
        self.stats.bad_replies += 1
        message = f"model server {self.endpoint} answered {what}"
        log.warning("%s", message)
        raise ModelError(message) from cause


def open_runner(target: str) -> ZmqRunner:
    """Connect to a model server on this machine: a port, or a whole address.

    ``5555`` and ``tcp://127.0.0.1:5555`` mean the same. The server need not be there yet.

    Raises
    ------
    ConfigError
        the target is neither
    """
    if "://" in target:
        return ZmqRunner(target)
    if not (target.isascii() and target.isdigit() and 0 < int(target) < 2**16):
        raise ConfigError(
            f"model server {target!r} is no port; expected 1 to 65535, or an address such as "
            "tcp://127.0.0.1:5555"
        )
    return ZmqRunner(f"tcp://127.0.0.1:{int(target)}")
