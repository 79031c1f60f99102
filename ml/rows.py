"""Predictions as PRED rows, and PRED rows as predictions.

Rules
-----
1. One row a value; the rows of one answer stand together, `index` from 0, the last one flagged.
2. ``ts_event`` and ``ts_feature`` are the time of the features; ``ts_recv`` is when the answer
   may be known.
3. An answer without values leaves no row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import DataError
from extrema_nb.events import PRED, EventArray, EventKind, Flag, empty_events

__all__ = ["Prediction", "prediction_rows", "read_predictions"]


class Prediction(NamedTuple):
    """One answer of a model."""

    model: int  # id of the model
    ts_feature: int  # µs, time of the features
    ts_recv: int  # µs, when it came
    values: npt.NDArray[np.float64]  # (m,)


def prediction_rows(
    values: npt.NDArray[Any],
    *,
    model: npt.ArrayLike,
    ts_feature: npt.ArrayLike,
    ts_recv: npt.ArrayLike,
    inst: int = -1,
) -> EventArray:
    """Return the rows of `n` answers, in their order.

    Parameters
    ----------
    values : (n, m) float, or (m,) for one answer
    model : (n,) int64 or one for all, id of the model
    ts_feature : (n,) int64 or one for all, µs
    ts_recv : (n,) int64 or one for all, µs
    inst : instrument that the answers are about, -1 none

    Returns
    -------
    (n * m,) EVENT
    """
    answers = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if answers.ndim != 2:
        raise DataError(f"predictions have {answers.ndim} dimensions, expected (answers, values)")
    n, m = answers.shape
    rows = empty_events(n * m)
    if rows.size == 0:
        return rows

    def each(word: npt.ArrayLike) -> npt.NDArray[np.int64]:
        return np.repeat(np.broadcast_to(np.asarray(word, np.int64), (n,)), m)

    pred = rows.view(PRED)
    pred["ts_event"] = each(ts_feature)
    pred["ts_recv"] = each(ts_recv)
    pred["inst"] = inst
    pred["kind"] = EventKind.PRED
    pred["flags"][m - 1 :: m] = Flag.LAST
    pred["value"] = answers.reshape(-1)
    pred["model"] = each(model)
    pred["index"] = np.tile(np.arange(m), n)
    pred["count"] = m
    pred["ts_feature"] = each(ts_feature)
    return rows


def read_predictions(rows: EventArray) -> list[Prediction]:
    """Return the answers among `rows`; rows of other kinds are passed over.

    Raises
    ------
    DataError
        the rows of an answer are not complete and in order
    """
    found: Iterable[Any] = rows[rows["kind"] == EventKind.PRED].view(PRED)
    answers: list[Prediction] = []
    open_rows: list[Any] = []
    for row in found:
        if int(row["index"]) != len(open_rows) or not _same_answer(open_rows, row):
            raise DataError(
                f"prediction row of model {int(row['model'])} has index {int(row['index'])}, "
                f"expected {len(open_rows)}; the rows of one answer stand together and in order"
            )
        open_rows.append(row)
        if len(open_rows) == int(row["count"]):
            values = np.array([float(each["value"]) for each in open_rows])
            answers.append(
                Prediction(int(row["model"]), int(row["ts_feature"]), int(row["ts_recv"]), values)
            )
            open_rows = []
    if open_rows:
        raise DataError(
            f"the last prediction has {len(open_rows)} of {int(open_rows[0]['count'])} rows; "
            "pass whole answers"
        )
    return answers


def _same_answer(before: Sequence[Any], row: Any) -> bool:
    if not before:
        return True
    first = before[0]
    return all(first[name] == row[name] for name in ("model", "count", "ts_feature"))
