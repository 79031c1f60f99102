"""Measure how long order requests took, and write it down for a backtest."""

from __future__ import annotations

import argparse
from typing import Any

from extrema_nb.cli.common import emit_json, spoke

__all__ = ["HELP", "add_arguments", "run"]

HELP = "how long the order requests of a session took, as a table for backtests"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("run", metavar="RUN", help="a session's journal, or a backtest's folder")
    parser.add_argument("--out", metavar="FILE", help="write the table here: .parquet or .csv")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Measure and tell."""
    measure = spoke("replay.order_latency")
    orders = spoke("replay.runs").read_run(args.run).orders
    requests = measure.measure_requests(orders)
    found = measure.latency_figures(requests, orders)
    if args.out:
        measure.write_latency_table(args.out, requests)
    found["out"] = args.out
    if args.json:
        emit_json(found)
    else:
        _show(found)
    return 0


def _show(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    ways = {"entry_us": "to the exchange", "response_us": "and back", "round_trip_us": "in all"}
    table = Table("µs", "least", "p50", "p90", "p99", "most")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, label in ways.items():
        if found[name]:
            table.add_row(label, *(f"{value:,}" for value in found[name].values()))
    console = Console()
    console.print(table)
    console.print(
        f"{found['answered']:,} of {found['requests']:,} requests were answered, "
        f"{found['refused_on_the_way']:,} refused on the way"
    )
    for name in ("entry_us", "response_us"):
        if found[name] and found[name]["least"] < 0:
            console.print(
                f"{ways[name]} takes {found[name]['least']:,} µs at least: the clocks differ"
            )
    if found["out"]:
        console.print(f"table: {found['out']}", markup=False)
