"""Time charts of a report: a run's frames as panels of thinned series, for uPlot to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from extrema_nb.errors import DataError
from replay.downsample import extremes, strictly_increasing
from replay.statistics import drawdown

__all__ = [
    "MAX_INSTRUMENTS",
    "MAX_POINTS",
    "PRICE_HEIGHT",
    "Panel",
    "fall",
    "instruments",
    "line",
    "numbers",
    "only",
    "panel",
    "price_panel",
]

MAX_POINTS = 5_000  # points a series; a wide screen has fewer pixels across
MAX_INSTRUMENTS = 4  # instruments with panels of their own
PRICE_HEIGHT, PANEL_HEIGHT = 320, 190  # px
DIGITS = 10  # of a drawn value; float64's last digits only make the file larger

Panel = dict[str, Any]
Numbers = npt.NDArray[Any]


def instruments(account: pl.DataFrame, names: Mapping[int, str]) -> list[tuple[int | None, str]]:
    """Return id and name of the instruments that are drawn; (None, "") for a frame without ids."""
    ids = account["inst"].unique().sort().to_list() if "inst" in account.columns else []
    several = len(ids) > 1
    named = [(each, names.get(each, f"instrument {each}" if several else "")) for each in ids]
    return named[:MAX_INSTRUMENTS] or [(None, "")]


def only(frame: pl.DataFrame, inst: int | None) -> pl.DataFrame:
    """Return the rows of one instrument; all of them if there is none to choose."""
    if inst is None or "inst" not in frame.columns:
        return frame
    return frame.filter(pl.col("inst") == inst)


def line(
    name: str, frame: pl.DataFrame, column: str, colour: str, kind: str = "step"
) -> dict[str, Any]:
    """Return a series of one column over ts."""
    ts, values = numbers(frame, "ts", column)
    return _series(name, ts, values, colour, kind)


def fall(name: str, account: pl.DataFrame, colour: str, kind: str) -> dict[str, Any]:
    """Return the drawdown of an account as a series, downwards."""
    ts, equity = numbers(account, "ts", "equity")
    return _series(name, ts[np.isfinite(equity)], 0.0 - drawdown(account)[0], colour, kind)


def _series(name: str, ts: Numbers, values: Numbers, colour: str, kind: str) -> dict[str, Any]:
    known = np.isfinite(values)
    ts, values = strictly_increasing(ts[known]), values[known]
    at = extremes(values, MAX_POINTS)
    return {
        "name": name,
        "colour": colour,
        "kind": kind,
        "x": _seconds(ts[at]),
        "y": _short(values[at]),
        "of": int(values.size),
    }


def price_panel(title: str, mids: pl.DataFrame, fills: pl.DataFrame, unit: str) -> Panel:
    """Return the panel of mids with fills on it."""
    mid = line("Mid", mids, "mid", "price", "line")
    buys, sells = _fills("Buys", fills, 1, "buy"), _fills("Sells", fills, -1, "sell")
    note = "filled triangles: maker, hollow: taker" if buys["x"] or sells["x"] else "no fills"
    return panel(title, unit, [mid, buys, sells], PRICE_HEIGHT, note)


def _fills(name: str, fills: pl.DataFrame, side: int, colour: str) -> dict[str, Any]:
    ts, sides, price, qty = numbers(fills, "ts_local", "side", "price", "qty")
    has_maker = "maker" in fills.columns
    maker = numbers(fills, "maker")[0] if has_maker else np.ones(ts.size)
    own = np.flatnonzero(np.sign(sides) == side)
    own = own[np.argsort(ts[own], kind="stable")]
    at = extremes(price[own], MAX_POINTS)
    chosen = own[at]
    return {
        "name": name,
        "colour": colour,
        "kind": "fills",
        "side": side,
        "x": _seconds(strictly_increasing(ts[own])[at]),
        "y": _short(price[chosen]),
        "qty": _short(qty[chosen]),
        "maker": [bool(each) for each in maker[chosen]],
        "of": int(own.size),
    }


def panel(
    title: str,
    unit: str,
    series: Sequence[dict[str, Any]],
    height: int = PANEL_HEIGHT,
    note: str = "",
) -> Panel:
    """Return a panel; its note says which series are thinned."""
    thinned = [
        f"{each['name'].lower()} drawn with {len(each['x']):,} of {each['of']:,} points"
        for each in series
        if len(each["x"]) < each["of"]
    ]
    notes = " · ".join(part for part in (note, *thinned) if part)
    return {"title": title, "unit": unit, "height": height, "note": notes, "series": list(series)}


def numbers(frame: pl.DataFrame, *names: str) -> list[Numbers]:
    """Return columns as arrays, times as int64; empty ones of a frame without columns."""
    missing = [name for name in names if name not in frame.columns]
    if missing and frame.width:
        raise DataError(
            f"a report needs the column {', '.join(missing)}, found only "
            f"{', '.join(frame.columns)}; pass the frames of a run as they were written"
        )
    if missing:
        return [np.empty(0, np.int64 if name.startswith("ts") else np.float64) for name in names]
    return [
        frame[name].cast(pl.Int64 if name.startswith("ts") else pl.Float64).to_numpy()
        for name in names
    ]


def _seconds(ts: Numbers) -> list[float]:
    return [each / 1e6 for each in ts.tolist()]


def _short(values: Numbers) -> list[float]:
    return [float(f"{each:.{DIGITS}g}") for each in values.tolist()]
