"""Lay runs beside each other: figures, parameters, the first order that differs."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from typing import Any

from extrema_nb.cli.common import emit_json, output_folder, spoke

__all__ = ["HELP", "add_arguments", "run"]

SIDES = ("first", "second")
HELP = "lay runs beside each other: figures, parameters, first order that differs"
SHOWN = (
    "profit", "sharpe", "sortino", "max_drawdown", "max_drawdown_s", "orders", "fills",
    "fill_ratio", "cancel_ratio", "maker_share", "notional", "profit_bps", "time_in_market",
    "queue_median_s", "life_median_s", "mark_out_fill_bps", "mark_out_100ms_bps",
    "mark_out_1s_bps", "mark_out_10s_bps", "mark_out_60s_bps",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="folder that backtest --out wrote, or a session's journal",
    )
    parser.add_argument("--report", metavar="FILE", help="write a self-contained HTML page")
    parser.add_argument(
        "--same", action="store_true", help="exit with 1 unless all order logs are the same"
    )
    parser.add_argument("--json", action="store_true", help="print all of it as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Compare and tell."""
    compare = spoke("replay.compare")
    if args.report:
        output_folder("--report", Path(args.report).parent)
    runs = spoke("replay.runs").read_runs(args.runs)
    found = compare.compare_runs(runs)
    if args.report:
        compare.write_page_of(args.report, runs, found)
    found["report"] = args.report
    if args.json:
        emit_json(found)
    else:
        _show(found)
    return 1 if args.same and not found["identical"] else 0


def _show(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    names = found["runs"]
    figures = Table("", *names, title="figures", title_justify="left")
    given = Table("", *names, title="parameters that differ", title_justify="left")
    for table in (figures, given):
        for column in table.columns[1:]:
            column.justify = "right"
    figures.add_row("settled in", *(", ".join(each) or "–" for each in found["settled_in"]))
    for name in SHOWN:
        if name in found["statistics"]:
            figures.add_row(name, *(_value(each) for each in found["statistics"][name]))
    for name, values in found["parameters"].items():
        given.add_row(name, *(_value(each) for each in values))
    console.print(figures)
    console.print(given if given.rows else "no parameter differs")
    for name, difference in found["first_differences"].items():
        console.print(_sentence(names[0], name, difference), markup=False)
    if found["report"]:
        console.print(f"report: {found['report']}", markup=False)


def _value(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,.6g}" if isinstance(value, float) else str(value)


def _event_value(name: str, value: Any) -> str:
    """Return a value of an order event, times as such."""
    if value is None or not name.startswith("ts_"):
        return "none" if value is None else str(value)
    return f"{dt.datetime.fromtimestamp(value / 1e6, dt.UTC):%Y-%m-%d %H:%M:%S.%f}"


def _sentence(first: str, second: str, found: dict[str, Any] | None) -> str:
    """Return in words where two order logs part."""
    if found is None:
        return f"{first} and {second} have the same order events"
    at = f"{first} and {second} part at order event {found['index'] + 1}"
    if found["ts_local"] is not None:
        at += f" ({_event_value('ts_local', found['ts_local'])})"
    if found["first"] is None or found["second"] is None:
        ended = first if found["first"] is None else second
        return f"{at}: {ended} has no more events ({found['events'][0]}, {found['events'][1]})"
    parts = [
        f"{name} " + " | ".join(_event_value(name, found[side][name]) for side in SIDES)
        for name in found["columns"]
    ]
    return f"{at}: " + ", ".join(parts)
