"""A run as one HTML page that needs nothing else: charts, figures, parameters; no network.

Rules
-----
1. The same run gives the same bytes: no clock, no random ids.
2. A series is thinned to `MAX_POINTS` for drawing, extremes kept; figures come from all of it.
3. What a user named (title, parameters) is text, never markup or script.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from extrema_nb.errors import ConfigError, DataError
from replay.downsample import extremes, strictly_increasing
from replay.report_words import flat, sections, table, tiles
from replay.statistics import drawdown, totals

__all__ = ["MAX_POINTS", "MAX_RUNS", "write_comparison", "write_report"]

MAX_POINTS = 5_000  # points a series; a wide screen has fewer pixels across
MAX_INSTRUMENTS = 4  # instruments with panels of their own
MAX_RUNS = 8  # runs in one comparison; as many colours as an eye tells apart
ASSETS = Path(__file__).parent / "report_assets"
PRICE_HEIGHT, PANEL_HEIGHT = 320, 190  # px
DIGITS = 10  # of a drawn value; float64's last digits only make the file larger

Panel = dict[str, Any]
Numbers = npt.NDArray[Any]


def write_report(
    path: str | Path,
    *,
    title: str,
    summary: Mapping[str, Any],
    account: pl.DataFrame,
    fills: pl.DataFrame,
    price: pl.DataFrame | None = None,
    names: Mapping[int, str] | None = None,
) -> Path:
    """Write the report of one run and return its path.

    Parameters
    ----------
    path : the HTML file; its folder is made where it is missing
    title : the heading
    summary : figures by name; a mapping inside, such as ``params``, becomes a table of its own
    account : marks in order of ts: ts µs, equity, position, and mid unless `price` is given
    fills : executions: ts_local µs, side, price, qty, and maker if known
    price : ts µs, mid, where it is known more finely than by the marks
    names : instrument id -> name, for frames with a column inst

    With several instruments equity and drawdown are those of all together, and each of the first
    `MAX_INSTRUMENTS` has its own price and position.
    """
    total = totals(account)
    mids = account if price is None else price
    prices, positions = [], []
    for inst, called in _instruments(account, names or {}):
        tail = f", {called}" if called else ""
        own = _only(account, inst)
        position = _line("Position", own, "position", "position", "area")
        prices.append(_price_panel(f"Price and fills{tail}", _only(mids, inst), _only(fills, inst)))
        positions.append(_panel(f"Position{tail}", "units", [position]))
    panels = [
        *prices,
        _panel("Equity", "quote units", [_line("Equity", total, "equity", "c1")]),
        _panel("Drawdown", "quote units", [_drawdown("Drawdown", total, "fall", "area")]),
        *positions,
    ]
    tables = [table(name, rows) for name, rows in sections(summary)]
    return _write(path, title, _span([account]), tiles(summary), tables, panels)


def write_comparison(
    path: str | Path,
    *,
    title: str,
    runs: Mapping[str, tuple[Mapping[str, Any], pl.DataFrame]],
) -> Path:
    """Write one page that lays several runs over each other and return its path.

    Parameters
    ----------
    path : the HTML file
    title : the heading
    runs : name -> (summary, account) as in `write_report`, at most `MAX_RUNS`
    """
    if not 1 <= len(runs) <= MAX_RUNS:
        raise ConfigError(f"{len(runs)} runs to compare, expected 1 to {MAX_RUNS}; leave some out")
    equity, fall, position = [], [], []
    for at, (name, (_, account)) in enumerate(runs.items(), 1):
        total = totals(account)
        equity.append(_line(name, total, "equity", f"c{at}"))
        fall.append(_drawdown(name, total, f"c{at}", "step"))
        first, _ = _instruments(account, {})[0]
        position.append(_line(name, _only(account, first), "position", f"c{at}", "step"))
    panels = [
        _panel("Equity", "quote units", equity, PRICE_HEIGHT),
        _panel("Drawdown", "quote units", fall),
        _panel("Position", "units, first instrument", position),
    ]
    figures = [dict(flat(summary)) for summary, _ in runs.values()]
    names = dict.fromkeys(name for each in figures for name in each)
    rows = [(name, *(each.get(name) for each in figures)) for name in names]
    figures_table = table("Figures", rows, ["", *runs])
    return _write(
        path, title, _span([account for _, account in runs.values()]), "", [figures_table], panels
    )


# ── series ──


def _instruments(account: pl.DataFrame, names: Mapping[int, str]) -> list[tuple[int | None, str]]:
    """Return id and name of the instruments that are drawn; (None, "") for a frame without ids."""
    ids = account["inst"].unique().sort().to_list() if "inst" in account.columns else []
    several = len(ids) > 1
    named = [(each, names.get(each, f"instrument {each}" if several else "")) for each in ids]
    return named[:MAX_INSTRUMENTS] or [(None, "")]


def _only(frame: pl.DataFrame, inst: int | None) -> pl.DataFrame:
    if inst is None or "inst" not in frame.columns:
        return frame
    return frame.filter(pl.col("inst") == inst)


def _line(
    name: str, frame: pl.DataFrame, column: str, colour: str, kind: str = "step"
) -> dict[str, Any]:
    ts, values = _numbers(frame, "ts", column)
    return _series(name, ts, values, colour, kind)


def _drawdown(name: str, account: pl.DataFrame, colour: str, kind: str) -> dict[str, Any]:
    ts, equity = _numbers(account, "ts", "equity")
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


def _price_panel(title: str, mids: pl.DataFrame, fills: pl.DataFrame) -> Panel:
    mid = _line("Mid", mids, "mid", "price", "line")
    buys, sells = _fills("Buys", fills, 1, "buy"), _fills("Sells", fills, -1, "sell")
    note = "filled triangles: maker, hollow: taker" if buys["x"] or sells["x"] else "no fills"
    return _panel(title, "quote units", [mid, buys, sells], PRICE_HEIGHT, note)


def _fills(name: str, fills: pl.DataFrame, side: int, colour: str) -> dict[str, Any]:
    ts, sides, price, qty = _numbers(fills, "ts_local", "side", "price", "qty")
    has_maker = "maker" in fills.columns
    maker = _numbers(fills, "maker")[0] if has_maker else np.ones(ts.size)
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


def _panel(
    title: str,
    unit: str,
    series: Sequence[dict[str, Any]],
    height: int = PANEL_HEIGHT,
    note: str = "",
) -> Panel:
    thinned = [
        f"{each['name'].lower()} drawn with {len(each['x']):,} of {each['of']:,} points"
        for each in series
        if len(each["x"]) < each["of"]
    ]
    notes = " · ".join(part for part in (note, *thinned) if part)
    return {"title": title, "unit": unit, "height": height, "note": notes, "series": list(series)}


def _numbers(frame: pl.DataFrame, *names: str) -> list[Numbers]:
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


# ── the page ──


def _span(accounts: Sequence[pl.DataFrame]) -> str:
    times = [_numbers(account, "ts")[0] for account in accounts]
    firsts = [int(ts[0]) for ts in times if ts.size]
    lasts = [int(ts[-1]) for ts in times if ts.size]
    if not firsts:
        return "no account marks"
    return f"{_utc(min(firsts))} to {_utc(max(lasts))} UTC"


def _utc(ts: int) -> str:
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ts)
    return when.strftime("%Y-%m-%d %H:%M:%S")


def _write(
    path: str | Path,
    title: str,
    subtitle: str,
    tiles: str,
    tables: Sequence[str],
    panels: Sequence[Panel],
) -> Path:
    data = json.dumps({"panels": panels}, separators=(",", ":"), allow_nan=False)
    parts = {
        "title": html.escape(title),
        "subtitle": html.escape(subtitle),
        "tiles": tiles,
        "tables": "\n".join(tables),
        "footer": "Charts drawn by uPlot 1.6.32. This file needs no network.",
        "data": data.replace("<", "\\u003c"),  # nothing in it can end the script element
        "css": _asset("report.css"),
        "js": _asset("report.js"),
        "uplot_css": _asset("uPlot.min.css"),
        "uplot_js": _asset("uPlot.iife.min.js"),
        "uplot_license": _asset("uPlot.LICENSE"),
    }
    # one pass: what a part brings in is never taken for a mark
    page = re.sub(r"\{\{(\w+)\}\}", lambda mark: parts[mark[1]], _asset("report.html"))
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8")
    return target


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8").strip()
