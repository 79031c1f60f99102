"""A run as one HTML page that needs nothing else: charts, figures, parameters; no network.

Rules
-----
1. The same run gives the same bytes: no clock, no random ids.
2. A series is thinned to `MAX_POINTS` for drawing, extremes kept; figures come from all of it.
3. What a user named (title, parameters) is text, never markup or script.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from extrema_nb.errors import ConfigError
from replay.report_orders import figures_of
from replay.report_page import span_of, write_page
from replay.report_panels import (
    MAX_POINTS,
    PRICE_HEIGHT,
    Panel,
    fall,
    instruments,
    line,
    only,
    panel,
    price_panel,
)
from replay.report_words import flat, mark_out_table, sections, table, tiles
from replay.runs import MAX_RUNS
from replay.settled import unit_of
from replay.statistics import totals

__all__ = ["MAX_POINTS", "MAX_RUNS", "write_comparison", "write_report"]

APART = ("mark_outs", "outcomes", "instruments")  # of a summary: shown in their own way


def write_report(  # all by name
    path: str | Path,
    *,
    title: str,
    summary: Mapping[str, Any],
    account: pl.DataFrame,
    fills: pl.DataFrame,
    orders: pl.DataFrame | None = None,
    price: pl.DataFrame | None = None,
    names: Mapping[int, str] | None = None,
    quotes: Mapping[int, str] | None = None,
) -> Path:
    """Write the report of one run and return its path.

    Parameters
    ----------
    path : the HTML file; its folder is made where it is missing
    title : the heading
    summary : figures by name; a mapping inside, such as ``params``, becomes a table of its own;
        ``mark_outs``, ``outcomes`` and ``instruments`` as `replay.results.summary_of` gives them
    account : marks in order of ts: ts µs, equity, position, and mid unless `price` is given
    fills : executions: ts_local µs, side, price, qty, and maker if known
    orders : the log of order events, for queue times
    price : ts µs, mid, where it is known more finely than by the marks
    names : instrument id -> name, for frames with a column inst
    quotes : instrument id -> what its prices are counted in

    With several instruments equity and drawdown are those of all together, and each of the first
    `MAX_INSTRUMENTS` has its own price, position and equity.
    """
    total = totals(account)
    assets = summary.get("settled_in") or []
    unit = unit_of([assets])
    mids = account if price is None else price
    prices, positions = [], []
    equity = [line("Equity", total, "equity", "c1")] if len(assets) < 2 else []
    known = instruments(account, names or {})
    for at, (inst, called) in enumerate(known):
        tail = f", {called}" if called and len(known) > 1 else ""
        own = only(account, inst)
        position = line("Position", own, "position", "position", "area")
        quote = (quotes or {}).get(0 if inst is None else inst) or "quote units"
        prices.append(
            price_panel(f"Price and fills{tail}", only(mids, inst), only(fills, inst), quote)
        )
        positions.append(panel(f"Position{tail}", "units", [position]))
        if len(known) > 1:
            equity.append(line(called, own, "equity", f"c{at + 2}"))
    equity_panels = [panel("Equity", unit, equity)]
    if len(assets) > 1:  # on one axis, dollars would make a flat line of bitcoins
        settled = summary.get("settled") or {}
        equity_panels = [
            panel(f"Equity, {one['name']}", _asset_of(settled, one["name"]), [one])
            for one in equity
        ]
    panels = [
        *prices,
        *equity_panels,
        *(
            [panel("Drawdown", unit, [fall("Drawdown", total, "fall", "area")])]
            if len(assets) < 2
            else []
        ),
        *positions,
    ]
    told = {key: value for key, value in summary.items() if key not in APART}
    return write_page(
        path,
        title,
        span_of([account]),
        tiles(told),
        [
            *_by_instrument(summary.get("instruments") or {}),
            *mark_out_table(summary.get("mark_outs") or {}),
            *(table(name, rows) for name, rows in sections(told)),
        ],
        panels,
        figures_of(summary, fills, orders),
    )


def _asset_of(settled: Mapping[str, Mapping[str, Any]], name: str) -> str:
    return str(settled[name]["asset"]) if name in settled else "no trade"


def _by_instrument(figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return one table with a column an instrument; nothing to compare with less than two."""
    if len(figures) < 2:
        return []
    return [_side_by_side("By instrument", figures)]


def _side_by_side(title: str, columns: Mapping[str, Mapping[str, Any]]) -> str:
    leaves = [dict(flat(each)) for each in columns.values()]
    names = dict.fromkeys(name for each in leaves for name in each)
    rows = [(name, *(each.get(name) for each in leaves)) for name in names]
    return table(title, rows, ["", *columns])


def write_comparison(
    path: str | Path,
    *,
    title: str,
    runs: Mapping[str, tuple[Mapping[str, Any], pl.DataFrame]],
    tables: Sequence[str] = (),
) -> Path:
    """Write one page that lays several runs over each other and return its path.

    Parameters
    ----------
    path : the HTML file
    title : the heading
    runs : name -> (summary, account) as in `write_report`, at most `MAX_RUNS`; of a summary with
        ``statistics`` only those are shown side by side
    tables : more tables, as HTML, that stand first
    """
    if not 1 <= len(runs) <= MAX_RUNS:
        raise ConfigError(f"{len(runs)} runs to compare, expected 1 to {MAX_RUNS}; leave some out")
    assets = {name: summary.get("settled_in") or [] for name, (summary, _) in runs.items()}
    mixed = [name for name, found in assets.items() if len(found) > 1]
    unit = unit_of(found for name, found in assets.items() if name not in mixed)
    note = f"without {', '.join(mixed)}: money of several assets does not add up" if mixed else ""
    equity: list[dict[str, Any]] = []
    below: list[dict[str, Any]] = []
    position: list[dict[str, Any]] = []
    for at, (name, (_, account)) in enumerate(runs.items(), 1):
        total = totals(account)
        first, _ = instruments(account, {})[0]
        drawn = [(position, line(name, only(account, first), "position", f"c{at}", "step"))]
        if name not in mixed:
            drawn.append((equity, line(name, total, "equity", f"c{at}")))
            drawn.append((below, fall(name, total, f"c{at}", "step")))
        for series, one in drawn:
            dash = {"dash": [10, 2 + 3 * at]} if at > 1 else {}  # px; coinciding lines show through
            series.append(one | dash)
    panels: list[Panel] = [
        panel("Equity", unit, equity, PRICE_HEIGHT, note),
        panel("Drawdown", unit, below, note=note),
        panel("Position", "units, first instrument", position),
    ]
    figures = {name: summary.get("statistics", summary) for name, (summary, _) in runs.items()}
    return write_page(
        path,
        title,
        span_of([account for _, account in runs.values()]),
        "",
        [*tables, _side_by_side("Figures", figures)],
        panels,
    )
