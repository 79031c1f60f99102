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
import math
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
from replay.statistics import drawdown

__all__ = ["MAX_POINTS", "MAX_RUNS", "write_comparison", "write_report"]

MAX_POINTS = 5_000  # points a series; a wide screen has fewer pixels across
MAX_RUNS = 8  # runs in one comparison; as many colours as an eye tells apart
ASSETS = Path(__file__).parent / "report_assets"
PRICE_HEIGHT, PANEL_HEIGHT = 320, 190  # px
DIGITS = 10  # of a drawn value; float64's last digits only make the file larger

TILES = {  # figures that stand on top when the summary has them: name -> how they are called
    "profit": "Profit",
    "return": "Return",
    "sharpe": "Sharpe, a year",
    "sortino": "Sortino, a year",
    "max_drawdown": "Largest drawdown",
    "orders": "Orders",
    "fills": "Fills",
    "fill_ratio": "Orders filled",
    "turnover": "Turnover a day",
    "time_in_market": "Time in market",
    "rows": "Rows",
    "rows_per_second": "Rows a second",
}
SHARES = {"return", "fill_ratio", "maker_share", "time_in_market"}  # shown in percent
HEADINGS = {"params": "Parameters"}
COLOURED = {"profit", "return", "sharpe", "sortino"}  # green above zero, red below
UNITS = {"_us": "µs", "_ms": "ms", "_s": "s", "_bps": "bps"}  # endings of names

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
    """
    panels = [
        _price_panel(account if price is None else price, fills),
        _panel("Equity", "quote units", [_line("Equity", account, "equity", "c1")]),
        _panel("Drawdown", "quote units", [_drawdown("Drawdown", account, "fall", "area")]),
        _panel("Position", "units", [_line("Position", account, "position", "position", "area")]),
    ]
    tables = [_table(name, rows) for name, rows in _sections(summary)]
    return _write(path, title, _span([account]), _tiles(summary), tables, panels)


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
        equity.append(_line(name, account, "equity", f"c{at}"))
        fall.append(_drawdown(name, account, f"c{at}", "step"))
        position.append(_line(name, account, "position", f"c{at}", "step"))
    panels = [
        _panel("Equity", "quote units", equity, PRICE_HEIGHT),
        _panel("Drawdown", "quote units", fall),
        _panel("Position", "units", position),
    ]
    figures = [dict(_flat(summary)) for summary, _ in runs.values()]
    names = dict.fromkeys(name for each in figures for name in each)
    rows = [(name, *(each.get(name) for each in figures)) for name in names]
    table = _table("Figures", rows, ["", *runs])
    return _write(
        path, title, _span([account for _, account in runs.values()]), "", [table], panels
    )


# ── series ──


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


def _price_panel(mids: pl.DataFrame, fills: pl.DataFrame) -> Panel:
    mid = _line("Mid", mids, "mid", "price", "line")
    buys, sells = _fills("Buys", fills, 1, "buy"), _fills("Sells", fills, -1, "sell")
    note = "filled triangles: maker, hollow: taker" if buys["x"] or sells["x"] else "no fills"
    return _panel("Price and fills", "quote units", [mid, buys, sells], PRICE_HEIGHT, note)


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


# ── words ──


def _sections(summary: Mapping[str, Any]) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Return the scalars as one table, then each mapping as one."""
    scalars = [(key, value) for key, value in summary.items() if not isinstance(value, Mapping)]
    nested = [(key, value) for key, value in summary.items() if isinstance(value, Mapping)]
    first: list[tuple[str, list[tuple[Any, ...]]]] = [("Summary", [*scalars])] if scalars else []
    return first + [
        (HEADINGS.get(key, _label(key).capitalize()), list(_flat(value)))
        for key, value in nested
        if value
    ]


def _flat(tree: Mapping[str, Any], path: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in tree.items():
        name = f"{path}.{key}" if path else str(key)
        found += _flat(value, name) if isinstance(value, Mapping) else [(name, value)]
    return found


def _tiles(summary: Mapping[str, Any]) -> str:
    figures = {name.rpartition(".")[2]: value for name, value in reversed(_flat(summary))}
    shown = []
    for name, label in TILES.items():
        value = figures.get(name)
        if value is None or not isinstance(value, int | float):
            continue
        kind = (
            ""
            if name not in COLOURED or value == 0
            else " class=good"
            if value > 0
            else " class=bad"
        )
        shown.append(
            f"<div class=tile><span class=quiet>{label}</span><b{kind}>{_value(name, value)}</b></div>"
        )
    return "\n".join(shown)


def _table(name: str, rows: Sequence[tuple[Any, ...]], head: Sequence[str] = ()) -> str:
    top = "".join(f"<th scope=col>{html.escape(each)}</th>" for each in head)
    body = "\n".join(
        f"<tr><th scope=row>{html.escape(_label(row[0]))}</th>"
        + "".join(f"<td>{_value(row[0], each)}</td>" for each in row[1:])
        + "</tr>"
        for row in rows
    )
    thead = f"<thead><tr>{top}</tr></thead>" if head else ""
    return (
        f"<div class=card><h2>{html.escape(name)}</h2>\n"
        f"<table>{thead}<tbody>\n{body}\n</tbody></table></div>"
    )


def _label(name: object) -> str:
    text = str(name)
    for ending, unit in UNITS.items():
        if text.endswith(ending) and not text.endswith("per" + ending):
            return f"{text.removesuffix(ending).replace('_', ' ')}, {unit}"
    return text.replace("_", " ")


def _value(name: object, value: object) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _figure(str(name).rpartition(".")[2], value)
    if isinstance(value, list | tuple):
        return ", ".join(_value("", each) for each in value)
    return html.escape(str(value))


def _figure(name: str, value: float) -> str:
    if name in SHARES:
        return f"{value:.2%}"
    if isinstance(value, int) or 1e6 <= abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:,.6g}"


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


# ── the page ──


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
