"""Ask a model on a thread of its own and publish its answers as PRED rows.

Rules
-----
1. What waits is asked in one go; nobody waits for a batch to fill.
2. The queue is bounded. When it is full the oldest features go, since the newest are worth most;
   how many is counted and said.
3. An answer that took longer than `timeout_s` is thrown away; it would come as news and is none.
4. With a `loop`, rows are stamped and published in the loop's thread, so that ``ts_recv`` never
   goes back within what that thread publishes.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.clock import Clock
from extrema_nb.contracts import ModelRunner, Publish
from extrema_nb.errors import ConfigError, ModelError
from extrema_nb.events import EventArray
from ml.rows import prediction_rows
from ml.tensor import Float32Array

__all__ = ["Feature", "PredictionWorker", "WorkerStats", "ask", "groups_of_one_length"]

CAPACITY = 4096  # feature rows that may wait; some seconds of a busy book
MAX_BATCH = 1024  # feature rows a question
TIMEOUT_S = 20.0  # s, the Rust system's default
LAST_WAIT_S = 0.5  # s, for a thread whose runner was closed under it

log = logging.getLogger(__name__)


class Feature(NamedTuple):
    """One row of features, as a kernel group emits it."""

    module: int  # index of the module that emitted it
    model: int  # id of the model that it is for
    ts: int  # µs, `ctx.now` when it was emitted
    values: Float32Array  # (k,)


@dataclass(slots=True)
class WorkerStats:
    """Counts since the worker was made; all in feature rows but `batches`."""

    submitted: int = 0  # taken from `submit`
    answered: int = 0  # answers published
    dropped: int = 0  # pushed out of a full queue, or left when the worker stopped
    failed: int = 0  # the model raised
    late: int = 0  # answered after the time-out, thrown away
    batches: int = 0  # questions asked

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


class PredictionWorker:
    """A thread that turns features into published predictions.

    Parameters
    ----------
    runner : the model; closed by the worker's own thread when that ends, and by `close` when the
        model does not come back in time
    model_id : id of the model, the task id of its runner
    publish : takes PRED rows
    clock : gives ``ts_recv`` and measures the time-out
    loop : where to call `publish`; None calls it in the worker's thread
    capacity, max_batch : feature rows that may wait; feature rows a question
    timeout_s : s
    """

    def __init__(
        self,
        runner: ModelRunner,
        model_id: int,
        publish: Publish,
        clock: Clock,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        capacity: int = CAPACITY,
        max_batch: int = MAX_BATCH,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        if capacity < 1 or max_batch < 1 or not timeout_s > 0:
            raise ConfigError(
                f"prediction worker has capacity {capacity}, max_batch {max_batch}, timeout_s "
                f"{timeout_s}; expected 1 or more, 1 or more, above 0"
            )
        self.model_id = model_id
        self.stats = WorkerStats()
        self._runner = runner
        self._publish = publish
        self._clock = clock
        self._loop = loop
        self._capacity = capacity
        self._max_batch = max_batch
        self._timeout_us = int(timeout_s * 1e6)
        self._queue: deque[Feature] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._drain = True  # answer what waits before stopping
        self._dropped_said = 0
        self._thread = threading.Thread(target=self._run, name=f"model-{model_id}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, features: Iterable[tuple[int, int, int, Float32Array]]) -> int:
        """Take features to be answered, never blocking; return how many were for this model.

        Features for other models are left alone. Values are copied.
        """
        mine = [
            Feature(module, model, ts, np.array(values, np.float32).reshape(-1))
            for module, model, ts, values in features
            if model == self.model_id
        ]
        if not mine:
            return 0
        with self._wake:
            self.stats.submitted += len(mine)
            if self._stopping:
                self.stats.dropped += len(mine)
                return len(mine)
            self._queue.extend(mine)
            while len(self._queue) > self._capacity:
                self._queue.popleft()
                self.stats.dropped += 1
            self._wake.notify()
        return len(mine)

    def close(self, *, drain: bool = True, timeout_s: float = 5.0) -> bool:
        """Stop the thread and close the runner; twice is fine.

        Parameters
        ----------
        drain : answer what waits first
        timeout_s : s, how long to wait for that

        Returns
        -------
        False when the model is still busy; its thread then ends by itself, its answer is lost
        """
        with self._wake:
            self._stopping = True
            self._drain = drain
            self._wake.notify()
        if not self._thread.ident:  # never started
            self._runner.close()
            return True
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            with self._wake:
                self._drain = False
            self._runner.close()  # ends a question that waits for another process
            self._thread.join(LAST_WAIT_S)
        if self._thread.is_alive():
            log.warning("model %d is still busy after %g s, left behind", self.model_id, timeout_s)
            return False
        return True

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                for group in groups_of_one_length(batch):
                    self._answer(group)
        finally:
            self._runner.close()

    def _next_batch(self) -> list[Feature]:
        with self._wake:
            while not self._queue and not self._stopping:
                self._wake.wait()
            if self._stopping and not self._drain:
                self.stats.dropped += len(self._queue)
                self._queue.clear()
            self._say_dropped()
            count = min(len(self._queue), self._max_batch)
            return [self._queue.popleft() for _ in range(count)]

    def _say_dropped(self) -> None:
        if self.stats.dropped > self._dropped_said:
            log.warning(
                "model %d is too slow: %d feature rows dropped so far, %d may wait",
                self.model_id,
                self.stats.dropped,
                self._capacity,
            )
            self._dropped_said = self.stats.dropped

    def _answer(self, group: list[Feature]) -> None:
        started = self._clock.now()
        self.stats.batches += 1
        try:
            answers = ask(self._runner, group)
        except ModelError as error:
            self.stats.failed += len(group)
            log.warning("model %d: %s", self.model_id, error)
            return
        except Exception:  # a runner with a fault of its own; the thread must outlive it
            self.stats.failed += len(group)
            log.exception("model %d: its runner is faulty", self.model_id)
            return
        took = self._clock.now() - started
        if took > self._timeout_us:
            self.stats.late += len(group)
            log.warning("model %d took %.1f s, answer thrown away", self.model_id, took / 1e6)
            return
        times = np.array([each.ts for each in group], np.int64)
        rows = prediction_rows(answers, model=self.model_id, ts_feature=times, ts_recv=0)
        self._hand_over(rows, len(group))

    def _hand_over(self, rows: EventArray, count: int) -> None:
        if self._loop is None:
            self._deliver(rows, count)
            return
        try:
            self._loop.call_soon_threadsafe(self._deliver, rows, count)
        except RuntimeError as error:  # the loop is closed: nobody listens any more
            self.stats.dropped += count
            log.warning("model %d: %d answers lost, %s", self.model_id, count, error)

    def _deliver(self, rows: EventArray, count: int) -> None:
        rows["ts_recv"] = self._clock.now()
        self.stats.answered += count
        if rows.size:
            self._publish(rows)


def ask(runner: ModelRunner, group: list[Feature]) -> npt.NDArray[Any]:
    """Return the answers (n, m) to `n` features of one length.

    Raises
    ------
    ModelError
        the model failed, or gave another number of answers
    """
    answers = runner.infer(np.stack([each.values for each in group]))
    if answers.ndim != 2 or len(answers) != len(group):
        raise ModelError(
            f"model answered shape {answers.shape} to {len(group)} rows of features, expected "
            f"({len(group)}, values)"
        )
    return answers


def groups_of_one_length(features: list[Feature]) -> Iterator[list[Feature]]:
    """Yield runs of neighbours with equally many values, in order; one run is one question."""
    start = 0
    for at in range(1, len(features) + 1):
        if at == len(features) or len(features[at].values) != len(features[start].values):
            yield features[start:at]
            start = at
