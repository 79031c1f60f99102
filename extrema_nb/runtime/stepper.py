"""The desk of one kernel group: rows in, in one order; intents, features and targets out.

Rules
-----
1. Rows enter in the order in which they are offered. Rows that are offered while a step runs
   (a simulated exchange answers at once) wait and enter after it.
2. ``ts_recv`` never goes back: a row stamped earlier than the one before it, because two sockets
   were read in turn, gets the time of its predecessor. The kernel and the journal see the same.
3. The journal has the rows before the kernel has them.
4. An error of the kernel ends the environment; it is never swallowed here.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from extrema_nb.clock import Clock
from extrema_nb.events import EVENT, EventArray
from extrema_nb.runtime.latency import Histogram

__all__ = ["Group", "GroupOutput", "Journal", "OnFeatures", "Stepper"]

_strategy_log = logging.getLogger("strategies")  # what strategies say, `ctx.log`

OnFeatures = Callable[[Any], None]
"""Takes tuples (module, model, ts in µs, values as float32), valid during the call."""


class GroupOutput(Protocol):
    """What a step leaves; valid until the next step."""

    @property
    def intents(self) -> npt.NDArray[Any]:
        """(n,) INTENT rows."""
        ...

    @property
    def features(self) -> Any:
        """Tuples (module, model, ts in µs, values)."""
        ...

    @property
    def targets(self) -> EventArray:
        """(n,) EVENT rows of kind INST_INTENT."""
        ...

    @property
    def logs(self) -> Any:
        """Tuples (module, ts in µs, text)."""
        ...


class Group(Protocol):
    """What the runtime needs of a kernel group."""

    def warm_up(self) -> None:
        """Compile, or load from the cache."""
        ...

    def step(self, rows: EventArray) -> Any:
        """Take rows sorted by ``ts_recv``; return a GroupOutput."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what is needed to build the group again, as JSON."""
        ...


class Journal(Protocol):
    """Keeps what a group saw and what it asked for; never blocks."""

    def rows(self, rows: EventArray) -> None:
        """Keep rows as the kernel sees them."""
        ...

    def intents(self, intents: npt.NDArray[Any]) -> None:
        """Keep (n,) INTENT rows as the kernel gave them."""
        ...

    def close(self) -> None:
        """Flush to disk. May be called twice."""
        ...


class Stepper:
    """Feeds one kernel group.

    Parameters
    ----------
    group : kernel group
    clock : the clock that stamps ``ts_recv``
    on_intents : takes (n,) INTENT rows, valid during the call
    on_targets : takes EVENT rows of kind INST_INTENT, valid during the call
    on_features : takes the feature vectors of a step
    journal : optional
    """

    def __init__(
        self,
        group: Group,
        clock: Clock,
        *,
        on_intents: Callable[[npt.NDArray[Any]], None],
        on_targets: Callable[[EventArray], None] | None = None,
        on_features: OnFeatures | None = None,
        journal: Journal | None = None,
    ) -> None:
        self.group = group
        self.journal = journal
        self.row_count = 0  # rows that entered
        self.step_count = 0
        self.intent_count = 0
        self.feature_count = 0
        self.clamped = 0  # rows whose time was put forward, rule 2
        self.step_time = Histogram()  # duration of a step
        self.decision_time = Histogram()  # receipt of a batch's first row -> end of its step
        self._clock = clock
        self._on_intents = on_intents
        self._on_targets = on_targets
        self._on_features = on_features
        self._last = 0  # µs, ts_recv of the last row
        self._waiting: deque[EventArray] = deque()
        self._busy = False

    def take(self, rows: EventArray) -> None:
        """Step the group over `rows` (sorted by ``ts_recv``), now or right after this step."""
        if not len(rows):
            return
        if self._busy:
            self._waiting.append(rows.copy())
            return
        self._busy = True
        try:
            self._step(rows)
            while self._waiting:
                self._step(self._waiting.popleft())
        finally:
            self._busy = False

    def _step(self, rows: EventArray) -> None:
        if rows.dtype is not EVENT:
            rows = rows.view(EVENT)
        received = int(rows["ts_recv"][0])
        if received < self._last:
            rows = rows.copy()
            times = rows["ts_recv"]
            self.clamped += int((times < self._last).sum())
            np.maximum(times, self._last, out=times)
        self._last = int(rows["ts_recv"][-1])
        if self.journal is not None:
            self.journal.rows(rows)
        began = time.perf_counter_ns()
        out: GroupOutput = self.group.step(rows)
        self.step_time.note(time.perf_counter_ns() - began)
        self.row_count += len(rows)
        self.step_count += 1
        self.decision_time.note((self._clock.now() - received) * 1000)
        self._hand_out(out)

    def _hand_out(self, out: GroupOutput) -> None:
        intents = out.intents
        if len(intents):
            self.intent_count += len(intents)
            if self.journal is not None:
                self.journal.intents(intents)
            self._on_intents(intents)
        if self._on_features is not None and len(out.features):
            self.feature_count += len(out.features)
            self._on_features(out.features)
        if self._on_targets is not None and len(out.targets):
            self._on_targets(out.targets)
        for module, ts, text in out.logs:
            _strategy_log.info("[module %d, %d µs] %s", module, ts, text)
