"""Backtest many parameter sets in one pass over the rows; a second start goes on with the rest.

Parameter sets come from --grid (every combination of its values) or from --table (one a row). A
name such as exchange.queue or exchange.queue_n is an assumption about the exchange.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from extrema_nb.cli.assumptions import (
    add_exchange_arguments,
    add_run_arguments,
    backtest_config,
)
from extrema_nb.cli.common import (
    Progress,
    emit_json,
    output_folder,
    progress,
    rarely_collect,
    spoke,
)
from extrema_nb.cli.strategies import (
    add_source_arguments,
    add_strategy_arguments,
    open_arguments,
    risk_limits,
    strategy_maker,
)
from extrema_nb.errors import ConfigError

__all__ = ["HELP", "add_arguments", "run"]

HELP = "backtests many parameter sets in one pass over the rows"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_source_arguments(parser)
    add_strategy_arguments(parser)
    parser.add_argument(
        "--grid", action="append", default=[], metavar="NAME=VALUES",
        help="1,2,3 or START:STOP:STEP with STOP included; several make every combination",
    )  # fmt: skip
    parser.add_argument("--table", metavar="FILE", help=".csv or .parquet, or .toml of [[set]]")
    add_exchange_arguments(parser)
    add_run_arguments(parser)
    parser.add_argument("--threads", type=int, help="of the machine; one a core unless given")
    parser.add_argument(
        "--at-once", type=int, metavar="N", default=512,
        help="parameter sets in one pass; results are kept after each; memory grows with them",
    )  # fmt: skip
    parser.add_argument("--out", metavar="DIR", required=True, help="keep the results here")
    parser.add_argument("--report", metavar="FILE", help="write a self-contained HTML page")
    parser.add_argument("--json", action="store_true", help="print the outcome as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run what is missing and report on all."""
    rarely_collect()
    started = time.perf_counter()
    for name in ("threads", "at_once"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise ConfigError(f"--{name.replace('_', '-')} must be 1 or more")
    sets = _sets(args)
    make = strategy_maker(args)
    given = [word.partition("=")[0].strip() for word in args.param]
    for name in given:
        if name in sets[0]:
            raise ConfigError(f"{name} is both swept and given by --param; give it once")
    results = spoke("replay.sweep_results")
    sweep = spoke("replay.sweep").Sweep(
        open_arguments(args, thrifty=True),
        make,
        [_with_latency(values) for values in sets],
        config=backtest_config(args),
        risk=risk_limits(args),
        threads=args.threads,
    )
    for values in sweep.sets:  # a value that a parameter cannot have is told before any work
        make({name: value for name, value in values.items() if not name.startswith("exchange.")})
    results.frame_of([], sets)
    out = output_folder("--out", args.out)
    if args.report:
        output_folder("--report", Path(args.report).parent)
    data = sweep.scan()
    folder = results.SweepFolder(out, results.identity_of(sweep, data, sets))
    missing = folder.missing()
    with progress("sweep", total=data.rows * len(missing), quiet=args.json) as bar:
        for at in range(0, len(missing), args.at_once):
            part = missing[at : at + args.at_once]
            bar.note = f"set {at + 1:,} to {at + len(part):,} of {len(missing):,}"
            sweep.progress = _from(bar, at * data.rows)
            folder.add(sweep.run(part))
    table = sweep.source.instruments
    assets = spoke("replay.settled").assets_of(table, range(len(table)))
    unit = assets[0] if len(assets) == 1 else ""  # else each set has the asset that it trades in
    if args.report:
        spoke("replay.sweep_page").write_sweep_page(
            args.report,
            " + ".join(s.name for s in sweep.strategies),
            folder.frame,
            list(sets[0]),
            unit,
        )
    ranked = folder.frame.drop_nulls("profit").sort("profit", "number", descending=[True, False])
    told = {
        "sets": len(sets),
        "ran": len(missing),
        "kept": len(sets) - len(missing),
        "rows": data.rows,
        "settled_in": assets,
        "best": ranked.row(0, named=True) if len(ranked) else None,
        "worst": ranked.row(-1, named=True) if len(ranked) else None,
        "pass_seconds": sweep.seconds,
        "total_seconds": time.perf_counter() - started,
        "out": args.out,
        "report": args.report,
    }
    if args.json:
        emit_json(told)
    else:
        _show(told, list(sets[0]))
    return 0


def _sets(args: argparse.Namespace) -> list[dict[str, Any]]:
    read = spoke("replay.sweep_sets")
    if bool(args.grid) == (args.table is not None):
        raise ConfigError("a sweep takes --grid NAME=VALUES (once or more) or --table FILE")
    sets: list[dict[str, Any]] = (
        read.read_grid(args.grid) if args.grid else read.read_table(args.table)
    )
    return sets


def _with_latency(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a parameter set whose latency model, if it is swept, is no word any more."""
    out = dict(values)
    if isinstance(out.get("exchange.latency"), str):
        parse = spoke("replay.exchange.latency_config").parse_latency
        out["exchange.latency"] = parse(out["exchange.latency"])
    return out


def _from(bar: Progress, before: int) -> Callable[[int, int], None]:
    return lambda done, _total: bar.update(before + done)


def _show(told: dict[str, Any], names: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="sweep", title_justify="left", show_header=False)
    unit = told["settled_in"][0] if len(told["settled_in"]) == 1 else ""
    work = told["rows"] * told["ran"] / max(told["pass_seconds"], 1e-9)
    lines = {
        "parameter sets": f"{told['sets']:,}: {told['ran']:,} run now, {told['kept']:,} before",
        "rows": f"{told['rows']:,}",
        "rows a second": f"{work:,.0f}, counted for each set" if told["ran"] else "none run",
        "best": _words(told["best"], names, unit),
        "worst": _words(told["worst"], names, unit),
        "result": str(Path(told["out"]) / "sweep.parquet"),
        "report": told["report"] or "not written; --report FILE draws it",
    }
    for name, value in lines.items():
        table.add_row(name, value)
    Console().print(table)


def _words(row: dict[str, Any] | None, names: list[str], unit: str) -> str:
    if row is None:
        return "no profit is known: no account marks, or money of several assets"
    params = ", ".join(f"{name} {_short(row[name])}" for name in names)
    money = f"{row['profit']:+,.4f} {unit}".strip()
    return f"{money} after fees and funding: set {row['number']}, {params}"


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
