"""Equity over time: returns of whole intervals, Sharpe, Sortino, drawdown."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from extrema_nb.errors import ConfigError
from replay.statistics.frames import SECOND_US, Floats, Ints, ratio, steps

__all__ = [
    "DAY_S",
    "INTERVAL_S",
    "drawdown",
    "known_marks",
    "period_returns",
    "sharpe",
    "sortino",
    "totals",
]

DAY_S = 86_400.0
YEAR_S = 365 * DAY_S  # venues for coins never close
INTERVAL_S = 10.0  # s; returns over less are mostly zero, over more they are few in a day
ROUNDING = 1e-12  # relative; a spread of returns below this is float64 noise


def totals(account: pl.DataFrame) -> pl.DataFrame:
    """Return ts and equity of all instruments together, at every time of a mark.

    With one instrument the marks stay as they are; with several, what an instrument said last
    holds until it says something else, and counts nothing before that.
    """
    ts, (equity,) = steps(account, "equity")
    if equity.shape[1] == 1:
        return pl.DataFrame({"ts": ts, "equity": equity[:, 0]})
    return pl.DataFrame({"ts": ts, "equity": np.nansum(equity, axis=1)})


def known_marks(account: pl.DataFrame) -> tuple[Ints, Floats]:
    """Return times and total equity of the marks that know it."""
    frame = totals(account)
    ts, equity = frame["ts"].to_numpy(), frame["equity"].to_numpy()
    known = np.isfinite(equity)
    return ts[known], equity[known]


def period_returns(account: pl.DataFrame, *, interval_s: float = INTERVAL_S) -> Floats:
    """Return the change of equity, quote units, over each whole interval since the first mark.

    Changes and not ratios: equity of derivatives may start at zero, and Sharpe and Sortino are
    the same for any constant capital.
    """
    if not (math.isfinite(interval_s) and interval_s * SECOND_US >= 1):
        raise ConfigError(f"interval_s is {interval_s}, expected seconds, at least 1e-6")
    ts, equity = known_marks(account)
    if not ts.size:
        return np.empty(0)
    grid = np.arange(int(ts[0]), int(ts[-1]) + 1, round(interval_s * SECOND_US))
    changes: Floats = np.diff(equity[np.searchsorted(ts, grid, side="right") - 1])
    return changes


def sharpe(returns: Floats, interval_s: float) -> float | None:
    """Return mean over standard deviation, scaled to a year; None below two returns."""
    if returns.size < 2:
        return None
    spread = float(np.std(returns, ddof=1))
    if spread <= ROUNDING * float(np.abs(returns).max()):  # all the same, but for rounding
        return None
    return _yearly(ratio(float(np.mean(returns)), spread), interval_s)


def sortino(returns: Floats, interval_s: float) -> float | None:
    """Return mean over the root mean square of the losses, scaled to a year."""
    if returns.size < 2:
        return None
    losses = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    return _yearly(ratio(float(np.mean(returns)), losses), interval_s)


def drawdown(account: pl.DataFrame) -> tuple[Floats, float]:
    """Return how far equity is below its high at each known mark, and the longest time below.

    Returns
    -------
    (n,) float64, quote units, not negative; and s
    """
    ts, equity = known_marks(account)
    if not ts.size:
        return np.empty(0), 0.0
    high = np.maximum.accumulate(equity)
    at_high = equity >= high
    since = np.maximum.accumulate(np.where(at_high, np.arange(ts.size), 0))
    # a fall lasts from the last mark at the high to the mark that reaches it again, or the end
    before = np.concatenate([[0], since[:-1]])
    below = np.concatenate([[False], ~at_high[:-1]]) | ~at_high
    lasted = np.where(below, ts - ts[before], 0)
    return high - equity, float(lasted.max()) / SECOND_US


def _yearly(value: float | None, interval_s: float) -> float | None:
    return None if value is None else value * math.sqrt(YEAR_S / interval_s)
