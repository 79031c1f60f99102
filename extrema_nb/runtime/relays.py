"""Relays: orders and targets of async modules enter as commands and leave as rows.

Rules
-----
1. A relay stamps what it takes: kind, times, ids. Rows are checked first; a bad command is refused
   as a whole and the sender sees `AckStatus.UNKNOWN`.
2. Orders go to the ring first (everybody sees them), then to the route, in order.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.clock import Clock
from extrema_nb.contracts import Publish
from extrema_nb.events import EVENT, INST_INTENT, INTENT, Action, EventArray, EventKind, Flag
from extrema_nb.runtime.commands import (
    AckStatus,
    CommandQueue,
    FeatInput,
    InstIntents,
    OrderExecute,
    Pending,
)
from extrema_nb.runtime.tasks import TaskKey

__all__ = ["OrderRelay", "relay_features", "relay_orders", "relay_targets"]

_log = logging.getLogger(__name__)


class OrderRelay:
    """Gives ids to the orders of async modules: 1, 2, 3 … over all OrderExecution tasks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_id = 0
        self._seq = 0

    def stamp(self, intents: npt.NDArray[Any]) -> EventArray:
        """Return a stamped copy of (n,) INTENT rows; each SUBMIT gets the next id."""
        out = np.array(intents, copy=True)
        now = self._clock.now()
        out["ts_event"] = out["ts_recv"] = now
        out["kind"] = EventKind.INTENT
        out["flags"] |= Flag.LAST
        out["module"] = -1
        n = len(out)
        out["seq"] = np.arange(self._seq, self._seq + n)
        self._seq += n
        new = np.flatnonzero(out["action"] == Action.SUBMIT)
        out["client_order_id"][new] = self._last_id + 1 + np.arange(len(new))
        self._last_id += len(new)
        return out


def _refuse(key: TaskKey, pending: Pending, reason: str) -> None:
    _log.warning("%s refused %s: %s", key, type(pending.command).__name__, reason)
    pending.ack(AckStatus.UNKNOWN)


def _rows_of(value: Any, view: np.dtype[Any]) -> npt.NDArray[Any] | None:
    if not isinstance(value, np.ndarray) or value.ndim != 1:
        return None
    if value.dtype not in (view, EVENT):
        return None
    return np.ascontiguousarray(value).view(view)


async def relay_orders(
    key: TaskKey,
    queue: CommandQueue,
    publish: Publish,
    relay: OrderRelay,
    send: Callable[[npt.NDArray[Any]], None],
) -> None:
    """Serve one OrderExecution task until cancelled; `send` takes (n,) stamped INTENT rows."""
    while True:
        pending = await queue.get()
        command = pending.command
        if not isinstance(command, OrderExecute):
            _refuse(key, pending, "expected OrderExecute")
            continue
        intents = _rows_of(command.intents, INTENT)
        if intents is None:
            _refuse(key, pending, "expected a one-dimensional array of INTENT rows")
            continue
        stamped = relay.stamp(intents)
        publish(stamped.view(EVENT))
        send(stamped)
        pending.ack(AckStatus.ALT_TASK)


async def relay_targets(key: TaskKey, queue: CommandQueue, publish: Publish, clock: Clock) -> None:
    """Serve one InstIntent task until cancelled."""
    while True:
        pending = await queue.get()
        command = pending.command
        if not isinstance(command, InstIntents):
            _refuse(key, pending, "expected InstIntents")
            continue
        rows = _rows_of(command.rows, INST_INTENT)
        if rows is None:
            _refuse(key, pending, "expected a one-dimensional array of INST_INTENT rows")
            continue
        out = np.array(rows, copy=True)
        out["ts_event"] = out["ts_recv"] = clock.now()
        out["kind"] = EventKind.INST_INTENT
        out["flags"][-1:] |= Flag.LAST
        out["module"] = -1
        publish(out.view(EVENT))
        pending.ack(AckStatus.ALT_TASK)


async def relay_features(
    key: TaskKey, queue: CommandQueue, submit: Callable[[list[tuple[int, int, int, Any]]], Any]
) -> None:
    """Serve the command side of one ModelPreds task until cancelled."""
    while True:
        pending = await queue.get()
        command = pending.command
        if not isinstance(command, FeatInput):
            _refuse(key, pending, "expected FeatInput")
            continue
        values = np.asarray(command.values, np.float32).reshape(-1)
        submit([(-1, key.task_id, command.timestamp, values)])
        pending.ack(AckStatus.ALT_TASK)
