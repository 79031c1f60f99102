"""The words of a report: figures and parameters as HTML, everything escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from replay.statistics.mark_outs import horizon_name

__all__ = ["flat", "mark_out_table", "sections", "table", "tiles"]

TILES = {  # figures that stand on top when the summary has them: name -> how they are called
    "profit": "Profit",
    "return": "Return",
    "sharpe": "Sharpe, a year",
    "sortino": "Sortino, a year",
    "max_drawdown": "Largest drawdown",
    "orders": "Orders",
    "fills": "Fills",
    "fill_ratio": "Orders filled",
    "mark_out_1s_bps": "Mark-out after 1 s, bps",
    "queue_median_s": "Median queue time, s",
    "turnover": "Turnover a day",
    "time_in_market": "Time in market",
    "rows": "Rows",
    "rows_per_second": "Rows a second",
}
SHARES = {
    "return",
    "fill_ratio",
    "filled_qty_ratio",
    "cancel_ratio",
    "reject_ratio",
    "expired_ratio",
    "maker_share",
    "time_in_market",
}  # shown in percent
MOMENTS = {"first_ts", "last_ts"}  # µs since 1970, UTC
HEADINGS = {"params": "Parameters"}
COLOURED = {
    "profit",
    "return",
    "sharpe",
    "sortino",
    "mark_out_1s_bps",
}  # green above zero, red below
UNITS = {"_us": "µs", "_ms": "ms", "_s": "s", "_bps": "bps"}  # endings of names


def sections(summary: Mapping[str, Any]) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Return heading and rows of each table: the scalars first, then each mapping."""
    scalars = [(key, value) for key, value in summary.items() if not _is_tree(value)]
    nested = [(key, value) for key, value in summary.items() if _is_tree(value)]
    first: list[tuple[str, list[tuple[Any, ...]]]] = [("Summary", [*scalars])] if scalars else []
    return first + [
        (HEADINGS.get(key, _label(key).capitalize()), list(flat(value)))
        for key, value in nested
        if value
    ]


def _is_tree(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_is_tree(each) for each in value)
    return isinstance(value, Mapping)


def flat(tree: Any, path: str = "") -> list[tuple[str, Any]]:
    """Return the leaves of nested mappings and of lists of them, their names joined by dots."""
    if not _is_tree(tree):
        return [(path, tree)]
    items = tree.items() if isinstance(tree, Mapping) else enumerate(tree)
    return [
        leaf for key, value in items for leaf in flat(value, f"{path}.{key}" if path else str(key))
    ]


def tiles(summary: Mapping[str, Any]) -> str:
    """Return the figures that stand on top, as HTML."""
    figures = {name.rpartition(".")[2]: value for name, value in reversed(flat(summary))}
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


def table(name: str, rows: Sequence[tuple[Any, ...]], head: Sequence[str] = ()) -> str:
    """Return rows of a name and one value or more, as HTML; more than two make it wide."""
    top = "".join(f"<th scope=col>{html.escape(each)}</th>" for each in head)
    body = "\n".join(
        f"<tr><th scope=row>{html.escape(_label(row[0]))}</th>"
        + "".join(f"<td>{_value(row[0], each)}</td>" for each in row[1:])
        + "</tr>"
        for row in rows
    )
    kind = " wide" if len(head) > 2 else ""
    thead = f"<thead><tr>{top}</tr></thead>" if head else ""
    return (
        f"<div class='card{kind}'><h2>{html.escape(name)}</h2>\n"
        f"<table>{thead}<tbody>\n{body}\n</tbody></table></div>"
    )


def mark_out_table(groups: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Return mark-outs in bps, a row a group of fills and a column a horizon; [] without fills."""
    if not groups.get("all"):
        return []
    head = ["bps", "fills", *(horizon_name(row["horizon_us"]) for row in groups["all"])]
    rows = [
        (name, each[0]["fills"], *(_rounded(row["edge_bps"]) for row in each))
        for name, each in groups.items()
    ]
    return [table("Mark-outs", rows, head)]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _label(name: object) -> str:
    text = str(name)
    for ending, unit in UNITS.items():
        if text.endswith(ending) and not text.endswith("per" + ending):
            return f"{_spaced(text.removesuffix(ending))}, {unit}"
    return _spaced(text)


def _spaced(text: str) -> str:
    """Return a path of names with spaces in words of ours; an instrument's name stays as it is."""
    return ".".join(
        part.replace("_", " ") if part == part.lower() else part for part in text.split(".")
    )


def _value(name: object, value: object) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and str(name).rpartition(".")[2] in MOMENTS:
        return f"{datetime.fromtimestamp(value / 1e6, UTC):%Y-%m-%d %H:%M:%S.%f}"
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
