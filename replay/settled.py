"""In what assets a run's money is counted: amounts of different ones are never added up.

Linear contracts and spot are settled in quote, inverse contracts in base.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl

from extrema_nb.instruments import Instrument, InstrumentTable

__all__ = ["MONEY", "asset_of", "assets_of", "settled", "unit_of", "without_totals"]

MONEY = (
    "fees", "funding", "realized", "volume", "profit", "return", "sharpe", "sortino",
    "max_drawdown", "max_drawdown_s", "profit_per_drawdown", "notional", "notional_a_day",
    "turnover", "profit_bps", "maker_share",
)  # fmt: skip
"""Figures that are amounts of money or made of them; so are mark-outs in bps, which it weighs."""


def asset_of(instrument: Instrument) -> str:
    """Return what profit of an instrument is counted in."""
    if instrument.inverse:
        return instrument.base or "base units"
    return instrument.quote or "quote units"


def assets_of(table: InstrumentTable, insts: Iterable[int]) -> list[str]:
    """Return the assets that instruments are settled in, sorted."""
    return sorted({asset_of(table[int(inst)]) for inst in insts})


def unit_of(runs: Iterable[Iterable[str]]) -> str:
    """Return what money of runs is counted in, by the assets that each was settled in."""
    assets = sorted({asset for run in runs for asset in run})
    if len(assets) > 1:
        return f"each in its own: {', '.join(assets)}"
    return assets[0] if assets else "quote units"


def settled(table: InstrumentTable, account: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Return asset and profit of each instrument that traded, and the same in its other asset.

    Parameters
    ----------
    account : the marks of a run: inst, mid, equity, trades

    Returns
    -------
    instrument's name -> asset; profit, in it; other_asset; profit_in_other, at the last mid, None
    without one
    """
    found = {}
    labels = table.labels()
    for inst in account.filter(pl.col("trades") > 0)["inst"].unique().sort():
        row = table[int(inst)]
        _, mid, profit = (
            account.filter(pl.col("inst") == inst).select("inst", "mid", "equity").row(-1)
        )
        other = profit * mid if row.inverse else profit / mid if mid else np.nan
        found[labels[int(inst)]] = {
            "asset": asset_of(row),
            "profit": float(profit),
            "other_asset": (row.quote or "quote units")
            if row.inverse
            else row.base or "base units",
            "profit_in_other": float(other) if np.isfinite(other) else None,
        }
    return found


def without_totals(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return figures without those that would add up money of several assets."""
    return {
        name: None if name in MONEY or name.startswith("mark_out_") else value
        for name, value in figures.items()
    }
