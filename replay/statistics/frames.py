"""Columns of a run's frames as arrays, and quotients that are None where they have no value."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from extrema_nb.errors import DataError

__all__ = ["SECOND_US", "Floats", "Ints", "columns", "ratio", "steps", "time_mean"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
SECOND_US = 1_000_000


def columns(frame: pl.DataFrame, what: str, *names: str) -> list[npt.NDArray[Any]]:
    """Return columns as arrays, times as int64, the rest as float64; `what` names the frame.

    A frame without columns has no rows either. Marks that go back in time are refused.
    """
    missing = [name for name in names if name not in frame.columns]
    if missing and frame.width:
        raise DataError(
            f"{what} has no column {', '.join(missing)}, only {', '.join(frame.columns)}; "
            "pass the frames of a run as they were written"
        )
    if missing:
        return [np.empty(0) for _ in names]
    arrays = []
    for name in names:
        is_time = name.startswith("ts")
        arrays.append(frame[name].cast(pl.Int64 if is_time else pl.Float64).to_numpy())
        if name == "ts" and np.any(np.diff(arrays[-1]) < 0):
            raise DataError(f"{what} goes back in time; sort it by ts")
    return arrays


def steps(account: pl.DataFrame, *names: str) -> tuple[Ints, list[Floats]]:
    """Return the times of marks (n,), and of each column what held then, (n, instruments)."""
    ts, *found = columns(account, "account", "ts", *names)
    insts = account["inst"].to_numpy() if "inst" in account.columns else np.zeros(ts.size)
    known = np.unique(insts)
    if known.size <= 1:
        return ts, [column[:, None] for column in found]
    grid = np.unique(ts)
    out = [np.full((grid.size, known.size), np.nan) for _ in found]
    order = np.argsort(insts, kind="stable")  # once, instead of looking for each of 500
    starts = np.searchsorted(insts[order], known)
    for at, rows in enumerate(np.split(order, starts[1:])):
        for matrix, column in zip(out, found, strict=True):
            own = rows[np.isfinite(column[rows])]
            place = np.searchsorted(ts[own], grid, side="right") - 1
            matrix[place >= 0, at] = column[own][place[place >= 0]]
    return grid, out


def ratio(above: float | None, below: float | None) -> float | None:
    """Return a quotient, None where it has no finite value."""
    if above is None or below is None or below == 0:
        return None
    quotient = above / below
    return quotient if math.isfinite(quotient) else None


def time_mean(ts: Ints, values: Floats) -> float | None:
    """Return the mean of a step function over time; None of less than two marks."""
    if ts.size < 2:
        return None
    return ratio(float(np.sum(values[:-1] * np.diff(ts))), float(ts[-1] - ts[0]))
