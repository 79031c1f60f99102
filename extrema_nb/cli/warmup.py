"""Compile strategies, and what records, into the cache: nothing is compiled when it matters."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from extrema_nb.cli.common import emit_json, load_object, spoke

__all__ = ["HELP", "add_arguments", "run"]

HELP = "compile strategies and the recorder into the cache"

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
        help="strategies of one kernel, comma-separated; the shipped ones and --record unless given",
    )
    parser.add_argument(
        "--record", action="store_true", help="what `record`, `convert` and readers need"
    )
    parser.add_argument("--no-backtest", action="store_true", help="only the live kernel")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")


def run(args: argparse.Namespace) -> int:
    """Compile, telling what and how long."""
    from extrema_nb import jit
    from extrema_nb.instruments import Instrument, InstrumentTable
    from extrema_nb.strategy.group import KernelGroup

    table = InstrumentTable([Instrument(venue="any", symbol="ANY", name="ANY")])
    groups = [tuple(word.split(",")) for word in args.strategy]
    if not groups and not args.record:
        groups = list(SHIPPED)
    recording = [()] if args.record or not args.strategy else []

    def compile_group(paths: tuple[str, ...]) -> None:
        strategies = [load_object(path)() for path in paths]
        KernelGroup(strategies, table, with_books=True).warm_up()
        if not args.no_backtest:
            spoke("replay.backtest").Backtest(_Empty(table), strategies).warm_up()

    told: list[dict[str, Any]] = []
    work: list[tuple[tuple[str, ...], Callable[[tuple[str, ...]], None]]] = [
        *((paths, compile_group) for paths in groups),
        *((paths, lambda _: _record(table)) for paths in recording),
    ]
    for place, (paths, do) in enumerate(work, 1):
        started, misses = time.perf_counter(), jit.stats.misses
        sys.stderr.write(f"[{place}/{len(work)}] {' + '.join(paths) or 'recording'} … ")
        sys.stderr.flush()
        do(paths)
        seconds = time.perf_counter() - started
        compiled = jit.stats.misses - misses
        how = "loaded from the cache" if not compiled else f"{compiled} kernels compiled"
        sys.stderr.write(f"{seconds:.1f} s, {how}\n")
        told.append({"strategies": list(paths), "seconds": seconds, "compiled": compiled})
    if groups:
        spoke("replay.exchange.live").LiveExchange(table).warm_up()
    if args.json:
        emit_json({"cache": str(jit.cache_dir()), "groups": told})
    else:
        print(f"kernels are in {jit.cache_dir()}")
    return 0


def _record(table: Any) -> None:
    """Receive, decode, record and read nothing, and one row."""
    from extrema_nb.events import EventKind, empty_events
    from extrema_nb.feeds.burst import BurstPipeline
    from extrema_nb.feeds.gather import Gather
    from extrema_nb.net.client_native import NativeTransport
    from extrema_nb.venues import load

    NativeTransport()
    pipeline = BurstPipeline(load("binance-usdm"), table)
    Gather(pipeline, {}, lambda _rows, _keys: None, lambda _error, _now: None)
    row = empty_events(1)
    row["kind"], row["ts_recv"] = EventKind.LOB, 1
    with tempfile.TemporaryDirectory() as folder:
        recorder = spoke("recorders.parquet").ParquetRecorder(
            folder, table, snapshot_s=1.0, status_s=1.0
        )
        recorder.write(row)
        recorder.close()
        list(spoke("replay.sources.parquet").ParquetSource(folder).batches())


class _Empty:
    """A source that only knows its instruments."""

    def __init__(self, instruments: Any) -> None:
        self.instruments = instruments
