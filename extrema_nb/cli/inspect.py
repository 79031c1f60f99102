"""Say what a recording or a capture holds, whether it is whole, and what it costs on disk."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

from extrema_nb.cli.strategies import add_reading_arguments

HELP = "what a recording holds, and whether it is whole"

__all__ = ["HELP", "add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_reading_arguments(parser)
    parser.add_argument("--html", metavar="FILE", help="also write a page with plots")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")


def run(args: argparse.Namespace) -> int:
    """Inspect and tell."""
    from extrema_nb.cli.common import emit_json, parse_time, progress, spoke

    path = args.path[0] if len(args.path) == 1 else args.path
    with progress("reading", quiet=args.json) as bar:
        report = spoke("replay.inspect").inspect_path(
            path,
            tell=bar.advance,
            page=args.html,
            format=args.format,
            venue=args.venue,
            symbol=args.symbol,
            tick=args.tick,
            sort=args.sort,
            instruments=args.instruments.split(",") if args.instruments else None,
            start=parse_time(args.start) if args.start else None,
            end=parse_time(args.end) if args.end else None,
            skip_bad=args.skip_bad,
        )
    if args.json:
        emit_json(report)
    else:
        _show(report)
    return 0


def _when(ts: int | None) -> str:
    if ts is None:
        return "-"
    return dt.datetime.fromtimestamp(ts / 1e6, dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _show(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    kinds = list(report["rows_by_kind"])
    rows = Table("instrument", *kinds, title=report["source"]["path"], title_justify="left")
    for column in rows.columns[1:]:
        column.justify = "right"
    for name, counts in report["rows_by_instrument"].items():
        rows.add_row(name, *(f"{counts.get(kind, 0):,}" for kind in kinds))
    facts = Table(show_header=False, box=None, pad_edge=False)
    for fact in _facts(report):
        facts.add_row(*fact)
    console = Console()
    console.print(rows)
    console.print(facts)


def _clocks(report: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what is said of the clock, of each venue by itself where there are several."""
    several = report["clocks"]
    if len(several) < 2:
        return [("clock", _offset(report["clock"]))]
    return [(f"clock of {venue}", _offset(clock)) for venue, clock in several.items()]


def _offset(clock: dict[str, Any]) -> str:
    if clock["min_us"] is None:
        return str(clock["said"])
    return (
        f"{clock['said']} (least {clock['min_us'] / 1e3:,.1f} ms, median "
        f"{clock['median_us'] / 1e3:,.1f}, p99 {clock['p99_us'] / 1e3:,.1f}, most "
        f"{clock['max_us'] / 1e3:,.1f}"
        + (f", drift {clock['drift_ppm']:+.1f} ppm)" if clock["drift_ppm"] is not None else ")")
    )


def _facts(report: dict[str, Any]) -> list[tuple[str, str]]:
    books = report["books"].values()
    span = f"{_when(report['first_ts_recv'])} to {_when(report['last_ts_recv'])} UTC"
    rows = f"{report['rows']:,}, {report['rows_per_second']:,.0f} a second"
    peak = f"{report['busiest_second_rows']:,} in the busiest"
    whole = f"{report['gaps']} gaps, {report['crossed']} crossed, {report['locked']} locked"
    lasted = sum(book["crossed_s"] for book in books), sum(book["locked_s"] for book in books)
    if any(lasted):
        whole += f" (for {lasted[0]:,.3f} s and {lasted[1]:,.3f} s)"
    snapshots = f"{sum(book['snapshots'] for book in books)} snapshots"
    stale = f"{sum(book['stale_rows'] for book in books):,} stale rows"
    order = f"{report['duplicates']} duplicates, {report['out_of_order']} out of order"
    facts = [
        ("span", f"{span}, {report['seconds']:,.1f} s"),
        ("rows", f"{rows}, {peak}, longest silence {report['longest_silence_s']:.1f} s"),
        ("books", f"{whole}, {snapshots}, {stale}"),
        ("order", f"{order}, {report['trade_id_jumps']} jumps of trade ids"),
        *_clocks(report),
        ("status", ", ".join(f"{k} {n}" for k, n in report["status"].items()) or "none"),
    ]
    if "bytes" in report:
        logs = f" and {report['source']['logs']} logs" if report["source"]["logs"] else ""
        files = f"{report['bytes']:,} bytes in {report['source']['files']} files{logs}"
        facts.append(("disk", f"{files}, {report['bytes_per_row']:.2f} bytes a row"))
    if "page" in report:
        facts.append(("page", report["page"]))
    for name, book in report["books"].items():
        for gap in book["first_gaps"][:5]:
            said = f"expected {gap['expected']}, found {gap['found']}"
            facts.append(("gap", f"{name} {_when(gap['ts_recv'])}: {said}"))
    return facts
