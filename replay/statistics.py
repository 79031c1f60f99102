"""What a run amounts to: returns, risk, trading and mark-outs, from account marks and fills.

Rules
-----
1. Account marks are a step function: what a mark says holds until the next one.
2. What cannot be computed (no fills, no variance, no capital) is None, never NaN or infinity.
3. Marks whose equity is not known (no mid yet) say nothing and are passed over.
4. Nothing here looks at an order book; give `mids` to have mark-outs.

Columns of `account`: ts, mid, position, balance, fee, equity, trades, volume; and inst where there
are several instruments, whose equities are then added up.
Columns of `fills`: ts_local, ts_exch, client_order_id, inst, side, price, qty, maker, fee,
position, balance. Only those that a figure needs must be there; times are µs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from extrema_nb.errors import ConfigError, DataError

__all__ = [
    "HORIZONS_US",
    "Figure",
    "drawdown",
    "mark_outs",
    "period_returns",
    "summarize",
    "totals",
]

Figure = float | int | None
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SECOND_US = 1_000_000
DAY_S = 86_400.0
YEAR_S = 365 * DAY_S  # venues for coins never close
INTERVAL_S = 10.0  # s; returns over less are mostly zero, over more they are few in a day
HORIZONS_US = (1_000, 10_000, 100_000, SECOND_US, 5 * SECOND_US, 10 * SECOND_US, 60 * SECOND_US)
ROUNDING = 1e-12  # relative; a spread of returns below this is float64 noise
FLAT = 1e-12  # units; a position closer to zero than this is rounding


def summarize(
    account: pl.DataFrame,
    fills: pl.DataFrame,
    *,
    orders: int | None = None,
    capital: float | None = None,
    interval_s: float = INTERVAL_S,
    contract_value: float = 1.0,
) -> dict[str, Figure]:
    """Return the figures of a run by name; the comments in the code give their units.

    Parameters
    ----------
    account : marks in order of ts
    fills : one row an execution
    orders : orders sent, for the fill ratio
    capital : quote units, for the turnover and the return
    interval_s : s, what one return covers
    contract_value : base units in one unit of qty, for notionals
    """
    if capital is not None and not capital > 0:
        raise ConfigError(f"capital is {capital}, expected quote units above 0, or None")
    ts, equity = _marks(account)
    when, (position,) = _steps(account, "position")
    held: Floats = np.where(np.isfinite(position), np.abs(position), 0.0)
    duration_s = float(ts[-1] - ts[0]) / SECOND_US if ts.size else 0.0
    profit = float(equity[-1] - equity[0]) if ts.size else 0.0
    returns = period_returns(account, interval_s=interval_s)
    fall, fall_s = drawdown(account)
    deepest = float(fall.max()) if fall.size else 0.0
    price, qty, side, fee = _columns(fills, "fills", "price", "qty", "side", "fee")
    notional = float(np.sum(price * qty)) * contract_value
    return {
        "duration_s": duration_s,
        "profit": profit,  # quote units, after fees
        "fees": float(np.nansum(fee)),  # quote units; negative: more rebates than fees
        "return": _ratio(profit, capital),  # of the capital
        "sharpe": sharpe(returns, interval_s),  # a year
        "sortino": sortino(returns, interval_s),  # a year
        "max_drawdown": deepest,  # quote units
        "max_drawdown_s": fall_s,  # s, longest time below a former high
        "profit_per_drawdown": _ratio(profit, deepest),
        "fills": len(fills),
        "buys": int(np.sum(side > 0)),
        "sells": int(np.sum(side < 0)),
        "orders": orders,
        "fill_ratio": _ratio(_orders_filled(fills), orders),  # orders with a fill / orders
        "maker_share": _maker_share(fills, price * qty),  # of the notional
        "volume": float(np.sum(qty)),  # base units or contracts
        "notional": notional,  # quote units
        "turnover": _ratio(_ratio(notional, capital), _ratio(duration_s, DAY_S)),  # capitals a day
        "profit_bps": _ratio(1e4 * profit, notional),  # of the notional
        # units of different instruments do not add up, so with several there is no position
        "max_position": float(held.max()) if held.shape[1] == 1 and held.size else None,  # units
        "mean_position": _time_mean(when, held[:, 0]) if held.shape[1] == 1 else None,  # no sign
        "time_in_market": _time_mean(
            when, np.asarray((held > FLAT).any(axis=1), np.float64)
        ),  # 0 to 1
    }


def totals(account: pl.DataFrame) -> pl.DataFrame:
    """Return ts and equity of all instruments together, at every time of a mark.

    With one instrument the marks stay as they are; with several, what an instrument said last
    holds until it says something else, and counts nothing before that.
    """
    ts, (equity,) = _steps(account, "equity")
    if equity.shape[1] == 1:
        return pl.DataFrame({"ts": ts, "equity": equity[:, 0]})
    return pl.DataFrame({"ts": ts, "equity": np.nansum(equity, axis=1)})


def period_returns(account: pl.DataFrame, *, interval_s: float = INTERVAL_S) -> Floats:
    """Return the change of equity, quote units, over each whole interval since the first mark.

    Changes and not ratios: equity of derivatives may start at zero, and Sharpe and Sortino are
    the same for any constant capital.
    """
    if not (math.isfinite(interval_s) and interval_s * SECOND_US >= 1):
        raise ConfigError(f"interval_s is {interval_s}, expected seconds, at least 1e-6")
    ts, equity = _marks(account)
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
    return _yearly(_ratio(float(np.mean(returns)), spread), interval_s)


def sortino(returns: Floats, interval_s: float) -> float | None:
    """Return mean over the root mean square of the losses, scaled to a year."""
    if returns.size < 2:
        return None
    losses = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    return _yearly(_ratio(float(np.mean(returns)), losses), interval_s)


def drawdown(account: pl.DataFrame) -> tuple[Floats, float]:
    """Return how far equity is below its high at each known mark, and the longest time below.

    Returns
    -------
    (n,) float64, quote units, not negative; and s
    """
    ts, equity = _marks(account)
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


def mark_outs(
    fills: pl.DataFrame,
    mids: pl.DataFrame,
    *,
    horizons_us: Sequence[int] = HORIZONS_US,
    time: str = "ts_local",
) -> pl.DataFrame:
    """Return what a fill is worth some time later: positive when the price went its way.

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
    parts = [_edges(own, mid, horizons_us, time) for own, mid in _by_instrument(fills, mids)]
    edges = np.concatenate([np.empty((0, len(horizons_us))), *(part[0] for part in parts)])
    qty = np.concatenate([np.empty(0), *(part[1] for part in parts)])[:, None]
    price = np.concatenate([np.empty(0), *(part[2] for part in parts)])[:, None]
    known = ~np.isnan(edges)
    earned = np.nansum(edges * qty, axis=0)
    held = np.sum(known * qty, axis=0)
    notional = np.sum(known * qty * price, axis=0)
    return pl.DataFrame(
        {
            "horizon_us": list(horizons_us),
            "fills": known.sum(axis=0).tolist(),
            "edge": [_ratio(float(e), float(q)) for e, q in zip(earned, held, strict=True)],
            "edge_bps": [
                _ratio(1e4 * float(e), float(n)) for e, n in zip(earned, notional, strict=True)
            ],
        },
        schema={
            "horizon_us": pl.Int64,
            "fills": pl.Int64,
            "edge": pl.Float64,
            "edge_bps": pl.Float64,
        },
    )


def _by_instrument(
    fills: pl.DataFrame, mids: pl.DataFrame
) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    if "inst" not in mids.columns or "inst" not in fills.columns:
        return [(fills, mids)]
    column = pl.col("inst")
    return [
        (fills.filter(column == inst), mids.filter(column == inst))
        for inst in fills["inst"].unique(maintain_order=True)
    ]


def _edges(
    fills: pl.DataFrame, mids: pl.DataFrame, horizons_us: Sequence[int], time: str
) -> tuple[Floats, Floats, Floats]:
    """Return edges (fills, horizons), NaN where the mids end before; qty and price (fills,)."""
    ts, mid = _columns(mids, "mids", "ts", "mid")
    ts, mid = ts[np.isfinite(mid)], mid[np.isfinite(mid)]
    when, side, price, qty = _columns(fills, "fills", time, "side", "price", "qty")
    edges = np.full((when.size, len(horizons_us)), np.nan)
    for column, horizon in enumerate(horizons_us):
        at = when + horizon
        place = np.searchsorted(ts, at, side="right") - 1
        known = (place >= 0) & (at <= (ts[-1] if ts.size else -1))
        edges[known, column] = side[known] * (mid[place[known]] - price[known])
    return edges, qty, price


def _marks(account: pl.DataFrame) -> tuple[Ints, Floats]:
    """Return times and total equity of the marks that know it."""
    frame = totals(account)
    ts, equity = frame["ts"].to_numpy(), frame["equity"].to_numpy()
    known = np.isfinite(equity)
    return ts[known], equity[known]


def _steps(account: pl.DataFrame, *names: str) -> tuple[Ints, list[Floats]]:
    """Return the times of marks (n,), and of each column what held then, (n, instruments)."""
    ts, *columns = _columns(account, "account", "ts", *names)
    insts = account["inst"].to_numpy() if "inst" in account.columns else np.zeros(ts.size)
    found = np.unique(insts)
    if found.size <= 1:
        return ts, [column[:, None] for column in columns]
    grid = np.unique(ts)
    out = [np.full((grid.size, found.size), np.nan) for _ in columns]
    for at, inst in enumerate(found):
        for matrix, column in zip(out, columns, strict=True):
            own = (insts == inst) & np.isfinite(column)
            place = np.searchsorted(ts[own], grid, side="right") - 1
            matrix[place >= 0, at] = column[own][place[place >= 0]]
    return grid, out


def _columns(frame: pl.DataFrame, what: str, *names: str) -> list[npt.NDArray[Any]]:
    missing = [name for name in names if name not in frame.columns]
    if missing and frame.width:
        raise DataError(
            f"{what} has no column {', '.join(missing)}, only {', '.join(frame.columns)}; "
            "pass the frames of a run as they were written"
        )
    if missing:  # a frame without columns has no rows either
        return [np.empty(0) for _ in names]
    arrays = []
    for name in names:
        is_time = name.startswith("ts")
        arrays.append(frame[name].cast(pl.Int64 if is_time else pl.Float64).to_numpy())
        if name == "ts" and np.any(np.diff(arrays[-1]) < 0):
            raise DataError(f"{what} goes back in time; sort it by ts")
    return arrays


def _orders_filled(fills: pl.DataFrame) -> int:
    if "client_order_id" not in fills.columns:
        return 0
    return fills["client_order_id"].n_unique()


def _maker_share(fills: pl.DataFrame, notional: Floats) -> float | None:
    if "maker" not in fills.columns:
        return None
    maker = fills["maker"].cast(pl.Float64).to_numpy()
    return _ratio(float(np.sum(maker * notional)), float(np.sum(notional)))


def _time_mean(ts: Ints, values: Floats) -> float | None:
    if ts.size < 2:
        return None
    return _ratio(float(np.sum(values[:-1] * np.diff(ts))), float(ts[-1] - ts[0]))


def _ratio(above: float | None, below: float | None) -> float | None:
    """Return a quotient, None where it has no finite value."""
    if above is None or below is None or below == 0:
        return None
    quotient = above / below
    return quotient if math.isfinite(quotient) else None


def _yearly(ratio: float | None, interval_s: float) -> float | None:
    return None if ratio is None else ratio * math.sqrt(YEAR_S / interval_s)
