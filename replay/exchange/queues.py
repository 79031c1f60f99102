"""The exchange's message queues from outside: growing them, and putting predictions in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.events import EVENT, INTENT, PRED, EventKind, Flag
from replay.exchange.model import TAKE, X_CONSUME, X_PRED_HEAD, X_PRED_TAIL, Exchange

__all__ = ["grow_queues", "push_predictions"]


def _replace(
    x: Exchange, memory: list[npt.NDArray[Any]], name: str, cap: str, fresh: npt.NDArray[Any]
) -> None:
    old = getattr(x, name)
    fresh[: len(old)] = old
    x.hub[cap] = len(fresh)
    x.hub[name] = fresh.ctypes.data
    memory[:] = [a for a in memory if a.ctypes.data != old.ctypes.data] + [fresh]


def grow_queues(x: Exchange, memory: list[npt.NDArray[Any]]) -> None:
    """Double the room for requests and reports on their way, and for notes of used-up levels.

    Nothing in them moves.
    """
    requests, reports = 2 * int(x.hub["request_cap"]), 2 * int(x.hub["report_cap"])
    _replace(x, memory, "arrivals", "request_cap", np.zeros(requests, np.int64))
    x.hub["request_cap"] = requests // 2
    _replace(x, memory, "requests", "request_cap", np.zeros(requests, INTENT))
    _replace(x, memory, "reports", "report_cap", np.zeros(reports, EVENT))
    if x.clock[X_CONSUME]:
        _replace(x, memory, "taken", "taken_cap", np.zeros(2 * int(x.hub["taken_cap"]), TAKE))


def push_predictions(
    x: Exchange,
    memory: list[npt.NDArray[Any]],
    model: int,
    times: Sequence[int],
    answers: npt.NDArray[Any],
    latency_us: int,
) -> None:
    """Add one PRED row a value, due `latency_us` after its features.

    Parameters
    ----------
    times : (n,) µs of the features
    answers : (n, values) float32
    """
    values = np.asarray(answers, np.float64).reshape(len(times), -1)
    count = values.shape[1]
    rows = np.zeros(values.size, EVENT)
    preds = rows.view(PRED)
    stamps = np.repeat(np.asarray(times, np.int64), count)
    preds["ts_event"] = stamps
    preds["ts_recv"] = stamps + latency_us
    preds["inst"] = -1
    preds["kind"] = EventKind.PRED
    preds["value"] = values.reshape(-1)
    preds["model"] = model
    preds["index"] = np.tile(np.arange(count), len(times))
    preds["count"] = count
    preds["ts_feature"] = stamps
    preds["flags"] = np.where(preds["index"] == count - 1, Flag.LAST, 0)
    clock = x.clock
    waiting = x.preds[clock[X_PRED_HEAD] : clock[X_PRED_TAIL]].copy()
    merged = np.concatenate([waiting, rows])
    merged = merged[np.argsort(merged["ts_recv"], kind="stable")]
    if len(merged) > int(x.hub["pred_cap"]):
        _replace(x, memory, "preds", "pred_cap", np.zeros(2 * len(merged), EVENT))
    x.preds[: len(merged)] = merged
    clock[X_PRED_HEAD], clock[X_PRED_TAIL] = 0, len(merged)
