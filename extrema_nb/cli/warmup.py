"""Compile strategies into the cache, so that nothing is compiled when it matters."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from extrema_nb.cli.common import emit_json, load_object, spoke

__all__ = ["HELP", "add_arguments", "run"]

HELP = "compile strategies into the cache"

SHIPPED = (
    ("strategies.empty:Empty",),
    ("strategies.flow_follow:FlowFollow",),
    ("strategies.grid_maker:GridMaker",),
    ("strategies.obi_maker:ObiMaker",),
    ("strategies.sma_cross:SmaCross",),
    ("strategies.portfolio:FlowSignal", "strategies.portfolio:TargetExecutor"),
    ("strategies.onnx_maker:OnnxMaker",),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "strategy",
        nargs="*",
        metavar="MODULE:CLASS[,MODULE:CLASS]",
        help="strategies of one kernel, comma-separated; the shipped ones unless given",
    )
    parser.add_argument("--no-backtest", action="store_true", help="only the live kernel")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")


def run(args: argparse.Namespace) -> int:
    """Compile, telling what and how long."""
    from extrema_nb import jit
    from extrema_nb.instruments import Instrument, InstrumentTable
    from extrema_nb.strategy.group import KernelGroup

    table = InstrumentTable([Instrument(venue="any", symbol="ANY", name="ANY")])
    groups = [tuple(word.split(",")) for word in args.strategy] or list(SHIPPED)
    told: list[dict[str, Any]] = []
    for place, paths in enumerate(groups, 1):
        started, misses = time.perf_counter(), jit.stats.misses
        sys.stderr.write(f"[{place}/{len(groups)}] {' + '.join(paths)} … ")
        sys.stderr.flush()
        strategies = [load_object(path)() for path in paths]
        KernelGroup(strategies, table, with_books=True).warm_up()
        if not args.no_backtest:
            source = _Empty(table)
            spoke("replay.backtest").Backtest(source, strategies).warm_up()
        seconds = time.perf_counter() - started
        compiled = jit.stats.misses - misses
        how = "loaded from the cache" if not compiled else f"{compiled} kernels compiled"
        sys.stderr.write(f"{seconds:.1f} s, {how}\n")
        told.append({"strategies": list(paths), "seconds": seconds, "compiled": compiled})
    spoke("replay.exchange.live").LiveExchange(table).warm_up()
    if args.json:
        emit_json({"cache": str(jit.cache_dir()), "groups": told})
    else:
        print(f"kernels are in {jit.cache_dir()}")
    return 0


class _Empty:
    """A source that only knows its instruments."""

    def __init__(self, instruments: Any) -> None:
        self.instruments = instruments
