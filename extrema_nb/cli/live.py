"""Trade a strategy on a venue, or on paper with live market data, as a TOML file says.

Ctrl-C or SIGTERM throws the kill switch: no more orders, everything is cancelled, the venue's
confirmations are waited for, then it stops. A second one stops at once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from extrema_nb.cli.common import emit_json, load_object, spoke

__all__ = ["HELP", "add_arguments", "run"]

HELP = "trade on a venue, or on paper with live data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("config", help="TOML file; docs/live.toml is an example")
    parser.add_argument(
        "--paper", action="store_true", help="send orders to the simulated exchange; needs no keys"
    )
    parser.add_argument("--seconds", type=_positive, metavar="N", help="stop after so long")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override a key, such as risk.max_position=2 or strategy.0.params.qty=0.02",
    )
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run one session and report."""
    from extrema_nb.config import load_toml
    from extrema_nb.runtime.live import LiveConfig
    from extrema_nb.runtime.live_session import LiveSession

    logging.getLogger("strategies").setLevel(logging.INFO)  # what strategies say is wanted
    config = load_toml(args.config, LiveConfig, args.set)
    session = LiveSession(config, _Spokes(args.config), paper=args.paper)
    tty = sys.stderr.isatty()

    def tell(status: dict[str, Any]) -> None:
        sys.stderr.write(f"\r\033[K{_line(status)}" if tty else _line(status) + "\n")
        sys.stderr.flush()

    sys.stderr.write("starting: instruments, kernels, account\n")
    try:
        with contextlib.suppress(asyncio.CancelledError):  # the second signal
            asyncio.run(session.run(args.seconds, tell, 1.0 if tty else 5.0))
    finally:
        if tty:
            sys.stderr.write("\n")
        report = session.summary()
        if session.env is not None and session.env.began:
            (emit_json if args.json else _print)(report)
    return 1 if report.get("left_open") else 0


class _Spokes:
    """Other packages, loaded by name when they are needed; `name` is that of the file."""

    def __init__(self, name: str) -> None:
        self._name = name

    def load(self, path: str) -> Any:
        return load_object(path)

    def journal(self, folder: Path, meta: Any) -> Any:
        return spoke("recorders.journal").SessionJournal(folder, meta)

    def recorder(self, folder: Path, table: Any) -> Any:
        return spoke("recorders.parquet").ParquetRecorder(folder, table)

    def exchange(self, paper: Mapping[str, Any]) -> Callable[[Any], Any]:
        settings = dict(paper)
        queue = settings.get("queue")
        if isinstance(queue, str) and ":" in queue:
            settings["queue"] = load_object(queue)
        config = spoke("replay.exchange.paper_config").paper_config(settings, self._name)

        def make(table: Any) -> Any:
            made = spoke("replay.exchange.live").LiveExchange(table, config)
            made.warm_up()
            return made

        return make


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _line(status: dict[str, Any]) -> str:
    words = [
        f"{status['rows']:,} rows",
        f"{status['rows_per_second']:,.0f}/s",
        f"{status['orders']} orders",
        f"{status['fills']} fills",
    ]
    if "position" in status:
        held = [f"{name} {qty:g}" for name, qty in status["position"].items() if qty]
        words.append("position " + (", ".join(held) or "flat"))
        profit = status["profit"]
        words.append("profit ?" if profit is None else f"profit {profit:+,.4f}")
        words.append(f"lag {status['lag_us'] / 1000:.1f} ms")
    return ", ".join(words)


def _print(report: dict[str, Any]) -> None:
    print(_line(report))
    print(
        f"{report['seconds']:.1f} s, {report['intents']} intents, {report['cancels']} cancels, "
        f"{report['rejected']} rejected, fees {report['fees']:,.4f}"
        + (f", funding {report['funding']:,.4f} paid" if report["funding"] else "")
    )
    latency = report["latency"]["wire_to_intent"]
    if latency["count"]:
        print(f"wire to intent: p50 {latency['p50_us']:.0f} µs, p99 {latency['p99_us']:.0f} µs")
    if report["left_open"]:
        print(f"{report['left_open']} orders are not confirmed as cancelled: look at the venue")
    if report["journal"]:
        print(f"journal: {report['journal']} (extrema-nb verify {report['journal']})")
