"""The figures of a run by name: in total, and for each instrument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from extrema_nb.errors import ConfigError
from replay.statistics.frames import SECOND_US, Floats, columns, ratio, steps, time_mean
from replay.statistics.mark_outs import HORIZONS_US, horizon_name, mark_outs_by_group
from replay.statistics.order_lives import order_figures, order_lives
from replay.statistics.returns import (
    DAY_S,
    INTERVAL_S,
    drawdown,
    known_marks,
    period_returns,
    sharpe,
    sortino,
    totals,
)

__all__ = ["Figure", "by_instrument", "summarize"]

Figure = float | int | None
FLAT = 1e-12  # units; a position closer to zero than this is rounding


def summarize(
    account: pl.DataFrame,
    fills: pl.DataFrame,
    *,
    orders: pl.DataFrame | int | None = None,
    later: Floats | None = None,
    capital: float | None = None,
    interval_s: float = INTERVAL_S,
    horizons_us: Sequence[int] = HORIZONS_US,
) -> dict[str, Figure]:
    """Return the figures of a run by name; the comments in the code give their units.

    Parameters
    ----------
    account : marks in order of ts
    fills : one row an execution; its column value, if there, is the notional
    orders : the log of order events, or only how many orders were sent
    later : (fills, horizons) mids at `horizons_us` after each fill, NaN where not known
    capital : quote units, for the turnover and the return
    interval_s : s, what one return covers
    """
    if capital is not None and not capital > 0:
        raise ConfigError(f"capital is {capital}, expected quote units above 0, or None")
    total = totals(account)
    ts, equity = known_marks(total)
    when, (position,) = steps(account, "position")
    held: Floats = np.where(np.isfinite(position), np.abs(position), 0.0)
    duration_s = float(ts[-1] - ts[0]) / SECOND_US if ts.size else 0.0
    profit = float(equity[-1] - equity[0]) if ts.size else None
    returns = period_returns(total, interval_s=interval_s)
    fall, fall_s = drawdown(total)
    deepest = float(fall.max()) if fall.size else None
    price, qty, side, fee = columns(fills, "fills", "price", "qty", "side", "fee")
    value = price * qty
    if "value" in fills.columns:
        value = np.abs(columns(fills, "fills", "value")[0])
    notional = float(np.nansum(value))
    told = order_figures(order_lives(orders)) if isinstance(orders, pl.DataFrame) else None
    sent = orders if isinstance(orders, int) else None
    days = ratio(duration_s, DAY_S)
    return {
        "duration_s": duration_s,
        "profit": profit,  # quote units, after fees and funding
        "fees": float(np.nansum(fee)),  # quote units; negative: more rebates than fees
        "funding": _funding(account),  # quote units, paid
        "return": ratio(profit, capital),  # of the capital
        "sharpe": sharpe(returns, interval_s),  # a year
        "sortino": sortino(returns, interval_s),  # a year
        "max_drawdown": deepest,  # quote units
        "max_drawdown_s": fall_s if fall.size else None,  # s, longest time below a former high
        "profit_per_drawdown": ratio(profit, deepest),
        "fills": len(fills),
        "buys": int(np.sum(side > 0)),
        "sells": int(np.sum(side < 0)),
        **(
            told
            if told is not None
            else {"orders": sent, "fill_ratio": ratio(_orders_filled(fills), sent)}
        ),
        "maker_share": _maker_share(fills, value),  # of the notional
        "volume": float(np.sum(qty)),  # base units or contracts
        "notional": notional,  # quote units, of inverse contracts base units
        "notional_a_day": ratio(notional, days),
        "turnover": ratio(ratio(notional, capital), days),  # capitals a day
        "profit_bps": ratio(None if profit is None else 1e4 * profit, notional),  # of the notional
        # units of different instruments do not add up, so with several there is no position
        "max_position": float(held.max()) if held.shape[1] == 1 and held.size else None,  # units
        "mean_position": time_mean(when, held[:, 0]) if held.shape[1] == 1 else None,  # no sign
        "time_in_market": time_mean(
            when, np.asarray((held > FLAT).any(axis=1), np.float64)
        ),  # 0 to 1
        **_mark_outs(fills, later, horizons_us),
    }


def by_instrument(
    account: pl.DataFrame,
    fills: pl.DataFrame,
    orders: pl.DataFrame,
    names: Mapping[int, str],
    *,
    later: Floats | None = None,
    interval_s: float = INTERVAL_S,
) -> dict[str, dict[str, Figure]]:
    """Return the figures of each instrument that orders were sent for or that filled, by name."""
    used = sorted({*orders["inst"].unique(), *fills["inst"].unique()})
    found = {}
    for inst in used:
        mine = (fills["inst"] == inst).to_numpy()
        found[names.get(inst, f"instrument {inst}")] = summarize(
            account.filter(pl.col("inst") == inst),
            fills.filter(pl.col("inst") == inst),
            orders=orders.filter(pl.col("inst") == inst),
            later=None if later is None else later[mine],
            interval_s=interval_s,
        )
    return found


def _mark_outs(
    fills: pl.DataFrame, later: Floats | None, horizons_us: Sequence[int]
) -> dict[str, Figure]:
    """Return the mark-outs of all fills in bps; none without mids."""
    if later is None:
        return {}
    rows = mark_outs_by_group(fills, later, horizons_us=horizons_us).get("all")
    return {
        f"mark_out_{horizon_name(horizon)}_bps": rows[at]["edge_bps"] if rows else None
        for at, horizon in enumerate(horizons_us)
    }


def _funding(account: pl.DataFrame) -> float | None:
    """Return what was paid until the last mark; None where marks do not tell."""
    if "funding" not in account.columns:
        return None
    _, (paid,) = steps(account, "funding")
    return float(np.nansum(paid[-1])) if len(paid) else None


def _orders_filled(fills: pl.DataFrame) -> int:
    if "client_order_id" not in fills.columns:
        return 0
    return fills["client_order_id"].n_unique()


def _maker_share(fills: pl.DataFrame, value: Floats) -> float | None:
    if "maker" not in fills.columns:
        return None
    maker = fills["maker"].cast(pl.Float64).to_numpy()
    return ratio(float(np.nansum(maker * value)), float(np.nansum(value)))
