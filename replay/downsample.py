"""Thin a series for drawing: fewer points, the same picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import ConfigError

__all__ = ["extremes", "strictly_increasing"]


def extremes(values: npt.NDArray[Any], limit: int) -> npt.NDArray[np.int64]:
    """Return the places of at most `limit` values that look like all of them.

    The series is cut into stretches of equally many values; the lowest and the highest of each
    stay, and so do the first and the last value. No peak is lost.

    Parameters
    ----------
    values : (n,) numbers, none of them NaN
    limit : at least 4

    Returns
    -------
    (m,) int64, increasing, m <= limit
    """
    if limit < 4:
        raise ConfigError(f"limit is {limit}, expected at least 4 points")
    n = values.size
    if n <= limit:
        return np.arange(n)
    stretches = (limit - 2) // 2
    edges = np.linspace(1, n - 1, stretches + 1).astype(np.int64)
    kept = [0, n - 1]
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = values[start:end]
        kept += [start + int(part.argmin()), start + int(part.argmax())]
    return np.unique(np.array(kept, np.int64))


def strictly_increasing(ts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return times that never repeat: equal neighbours move up by 1 µs each.

    A chart needs one place for each point; 1 µs is far below what it can show.

    Parameters
    ----------
    ts : (n,) int64, µs, not decreasing
    """
    place = np.arange(ts.size)
    return np.maximum.accumulate(ts - place) + place if ts.size else ts
