"""Mark-outs: what a fill is worth some time later. Negative ones are adverse selection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from replay.statistics.frames import SECOND_US, Floats, columns, ratio

__all__ = ["HORIZONS_US", "edges_of", "horizon_name", "mark_outs", "mark_outs_by_group"]

HORIZONS_US = (0, 1_000, 10_000, 100_000, SECOND_US, 10 * SECOND_US, 60 * SECOND_US)


def horizon_name(horizon_us: int) -> str:
    """Return a horizon as it is said: ``fill``, ``1ms``, ``10s``."""
    if horizon_us == 0:
        return "fill"
    for unit, size in (("s", SECOND_US), ("ms", 1_000)):
        if horizon_us % size == 0:
            return f"{horizon_us // size}{unit}"
    return f"{horizon_us}us"


def mark_outs(
    fills: pl.DataFrame,
    mids: pl.DataFrame,
    *,
    horizons_us: Sequence[int] = HORIZONS_US,
    time: str = "ts_local",
) -> pl.DataFrame:
    """Return what fills are worth later, from a frame of mids: positive when the price went along.

    Parameters
    ----------
    fills : one row an execution
    mids : ts, mid, and inst where there are several; in order of ts
    horizons_us : µs after the fill
    time : the column that says when a fill was

    Returns
    -------
    one row a horizon: horizon_us; fills, those whose horizon lies within the mids; edge, quote
    units a unit of qty, weighted by qty; edge_bps, of the notional
    """
    edges = np.full((len(fills), len(horizons_us)), np.nan)
    for own, mid in _by_instrument(fills, mids) if fills.height else []:
        mine = fills[own]
        edges[own] = edges_of(mine, _joined(mine, mid, horizons_us, time))
    return pl.DataFrame(_rows(fills, edges, horizons_us), schema=SCHEMA)


SCHEMA = {
    "horizon_us": pl.Int64,
    "fills": pl.Int64,
    "edge": pl.Float64,
    "edge_bps": pl.Float64,
}


def edges_of(fills: pl.DataFrame, later: Floats) -> Floats:
    """Return what each fill gained a unit until each horizon; `later` are the mids then."""
    side, price = columns(fills, "fills", "side", "price")
    if not fills.height:
        return np.empty((0, later.shape[1]))
    edges: Floats = side[:, None] * (later - price[:, None])
    return edges


def mark_outs_by_group(
    fills: pl.DataFrame, later: Floats, *, horizons_us: Sequence[int] = HORIZONS_US
) -> dict[str, list[dict[str, Any]]]:
    """Return mark-outs of all fills, each side, makers and takers, and those of each side.

    Parameters
    ----------
    later : (fills, horizons) mids at the horizons after each fill, NaN where not known

    Returns
    -------
    group -> one mapping a horizon, as the rows of `mark_outs`; groups without fills are left out
    """
    edges = edges_of(fills, later)
    side = columns(fills, "fills", "side")[0]
    groups: dict[str, Any] = {"all": np.ones(side.size, np.bool_)}
    groups |= {"buy": side > 0, "sell": side < 0}
    if "maker" in fills.columns:
        maker = fills["maker"].to_numpy().astype(np.bool_)
        groups |= {
            "maker": maker,
            "taker": ~maker,
            "maker_buy": maker & (side > 0),
            "maker_sell": maker & (side < 0),
            "taker_buy": ~maker & (side > 0),
            "taker_sell": ~maker & (side < 0),
        }
    return {
        name: _rows(fills.filter(pl.Series(which)), edges[which], horizons_us)
        for name, which in groups.items()
        if which.any()
    }


def _rows(fills: pl.DataFrame, edges: Floats, horizons_us: Sequence[int]) -> list[dict[str, Any]]:
    """Return the weighted means of (fills, horizons) edges."""
    qty, price = (column[:, None] for column in columns(fills, "fills", "qty", "price"))
    known = np.isfinite(edges)
    earned = np.sum(np.where(known, edges, 0.0) * qty, axis=0)
    held = np.sum(known * qty, axis=0)
    if "value" in fills.columns:  # what counts in bps is the value, also of contracts
        value = np.abs(columns(fills, "fills", "value")[0])[:, None]
        relative = np.where(known, edges, 0.0) / np.where(price == 0.0, np.nan, price)
        gained, notional = np.nansum(relative * value, axis=0), np.sum(known * value, axis=0)
    else:
        gained, notional = earned, np.sum(known * qty * price, axis=0)
    # units of different instruments do not add up
    single = "inst" not in fills.columns or fills["inst"].n_unique() <= 1
    return [
        {
            "horizon_us": int(horizon),
            "fills": int(known[:, at].sum()),
            "edge": ratio(float(earned[at]), float(held[at])) if single else None,
            "edge_bps": ratio(1e4 * float(gained[at]), float(notional[at])),
        }
        for at, horizon in enumerate(horizons_us)
    ]


def _by_instrument(
    fills: pl.DataFrame, mids: pl.DataFrame
) -> list[tuple[npt.NDArray[np.int64], pl.DataFrame]]:
    """Return the places of the fills of each instrument, and its mids."""
    if "inst" not in mids.columns or "inst" not in fills.columns:
        return [(np.arange(len(fills)), mids)]
    insts = fills["inst"].to_numpy()
    return [
        (np.flatnonzero(insts == inst), mids.filter(pl.col("inst") == inst))
        for inst in np.unique(insts)
    ]


def _joined(
    fills: pl.DataFrame, mids: pl.DataFrame, horizons_us: Sequence[int], time: str
) -> Floats:
    """Return the mids (fills, horizons) in force then, NaN where the mids end before."""
    ts, mid = columns(mids, "mids", "ts", "mid")
    ts, mid = ts[np.isfinite(mid)], mid[np.isfinite(mid)]
    when = columns(fills, "fills", time)[0]
    later = np.full((when.size, len(horizons_us)), np.nan)
    for column, horizon in enumerate(horizons_us):
        at = when + horizon
        place = np.searchsorted(ts, at, side="right") - 1
        known = (place >= 0) & (at <= (ts[-1] if ts.size else -1))
        later[known, column] = mid[place[known]]
    return later
