"""The figures of the whole system in one run: ``python -m tests.bench.spine --json OUT``.

Everything is measured in the same process and minute, so that ratios mean something; absolute
figures drift with the machine. Without the captured day rows are generated.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import extrema_nb as xnb
from extrema_nb import jit
from extrema_nb.books.l2 import apply_level, grow, make_books, room
from extrema_nb.events import EVENT, LOB_LEVEL, TRADE, EventKind
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.testing import instrument_table
from replay.backtest import Backtest, BacktestConfig, scan
from replay.sources import open_source
from strategies.flow_follow import FlowFollow
from strategies.grid_maker import GridMaker

ROOT = Path(__file__).resolve().parents[2]
CAPTURE = ROOT.parent / "shared/data/binance_usdm/capture/btcusdt_20240808.gz"
RUNS = 11


class Nothing(xnb.Strategy):
    """Hears a timer and does nothing: what is left is the price of the books."""

    def on_schedule(ctx, p, s, tick):  # noqa: N805  # handlers have no self
        pass


@jit.kernel
def sum_prices(at, n):
    """Sum one field of `n` rows: the least that any pass over rows can cost."""
    total = 0.0
    for i in range(n):
        total += jit.view_at(at + i * 64, 1, TRADE)[0].price
    return total


@jit.kernel
def update_books(books, at, n):
    """Apply `n` LOB rows; return where it stopped for want of room."""
    for i in range(n):
        if not room(books, 0):
            return i
        apply_level(books, 0, jit.view_at(at + i * 64, 1, LOB_LEVEL)[0])
    return n


def times(call, runs=RUNS):
    """Return (least, median) seconds of a call."""
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return min(taken), statistics.median(taken)


def rate(n, taken):
    return {
        "rows_per_second": n / taken[0],
        "ns_a_row_min": taken[0] / n * 1e9,
        "ns_a_row_median": taken[1] / n * 1e9,
    }


def kernel_pass():
    """A strategy that sums taker flow over ten million trades, beside the memory limit."""
    n = 10_000_000
    rows = np.zeros(n, EVENT)
    trades = rows.view(TRADE)
    trades["kind"], trades["side"], trades["qty"] = EventKind.TRADE, 1, 1e-9
    trades["price"], trades["flags"] = 100.0, 1
    group = KernelGroup([FlowFollow()], instrument_table())
    group.step(rows[:10])
    sum_prices(rows.ctypes.data, 1)
    limit = times(lambda: sum_prices(rows.ctypes.data, n))
    taken = times(lambda: group.step(rows))
    return {
        "limit": rate(n, limit),
        "kernel": rate(n, taken),
        "share_of_limit": limit[0] / taken[0],
    }


def book_updates(rows, table):
    """Level updates of the captured day into one book."""
    levels = np.ascontiguousarray(rows[rows["kind"] == EventKind.LOB])

    def run():
        memory = []
        books = make_books(table.specs(), memory)
        done = 0
        while done < len(levels):
            done += update_books(books, levels[done:].ctypes.data, len(levels) - done)
            if done < len(levels):
                grow(books, memory)

    run()
    return rate(len(levels), times(run))


def backtests(source, data):
    out = {}
    for name, strategy, period in (("no_op", Nothing(), 10.0), ("grid_100ms", GridMaker(), 0.1)):
        config = BacktestConfig(timers=((1, period),))
        task = Backtest(source, [strategy], config=config, data=data)
        task.run()
        taken = [task.run().seconds for _ in range(RUNS)]
        out[name] = rate(data.rows, (min(taken), statistics.median(taken)))
    return out


def start_up(path):
    """Seconds of a whole backtest command, with an empty and with a filled kernel cache."""
    out = {}
    with tempfile.TemporaryDirectory() as cache:
        env = {**os.environ, "EXTREMA_NB_CACHE_DIR": cache}
        words = ["backtest", str(path), "--strategy", "strategies.grid_maker:GridMaker", "--json"]
        for name in ("cold", "warm"):
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "extrema_nb", *words], env=env, cwd=ROOT, check=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            out[f"{name}_seconds"] = time.perf_counter() - began
    return out


def files(rows, table, folder):
    """Parquet out and in, and frames to rows."""
    from extrema_nb.store import RowWriter

    def write():
        shutil.rmtree(folder / "parquet", ignore_errors=True)
        writer = RowWriter(folder / "parquet", table, "binance-usdm")
        writer.write(rows, 0)
        writer.flush()

    wrote = times(write, 3)
    read = times(lambda: sum(map(len, open_source(folder / "parquet").batches())), 5)
    size = sum(p.stat().st_size for p in (folder / "parquet").rglob("*.parquet"))
    return {
        "write": rate(len(rows), wrote),
        "read": rate(len(rows), read),
        "bytes_a_row": size / len(rows),
    }


def live_latency(seconds):
    """Wire to intent, over loopback, against the simulated market in another process."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        venue = subprocess.Popen(
            [sys.executable, "-m", "extrema_nb", "venue", "--simulate", "--port", "0", "--json"],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        try:
            ready = json.loads(venue.stdout.readline())
            config = folder / "live.toml"
            config.write_text(
                'instruments = ["BTC_USDT_PERP"]\nchannels = ["trade"]\n'
                f'[venue]\nrest = "{ready["rest_url"]}"\nws = "{ready["ws_url"]}"\n'
                '[[strategy]]\npath = "strategies.flow_follow:FlowFollow"\n'
                "params = { threshold = 5.0, qty = 0.001 }\n"
                f'[session]\njournal = "{folder / "session"}"\n'
            )
            told = subprocess.run(
                [sys.executable, "-m", "extrema_nb", "live", str(config), "--seconds",
                 str(seconds), "--json"],
                env={**os.environ, "BINANCE_API_KEY": "local-key",
                     "BINANCE_SECRET_KEY": "local-secret"},
                check=True, capture_output=True, text=True, cwd=ROOT,
            )  # fmt: skip
        finally:
            venue.terminate()
            venue.wait()
    report = json.loads(told.stdout.splitlines()[-1])
    return {"rows_per_second": report["rows_per_second"], **report["latency"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the figures here as well")
    parser.add_argument("--seconds", type=float, default=20.0, help="of live trading")
    args = parser.parse_args()
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()  # fmt: skip
    told = {
        "commit": commit,
        "python": platform.python_version(),
        "runs": RUNS,
        "kernel_pass": kernel_pass(),
    }
    if CAPTURE.exists():
        source = open_source(CAPTURE)
        began = time.perf_counter()
        data = scan(source)
        told["capture_to_rows_per_second"] = data.rows / (time.perf_counter() - began)
        events = np.concatenate(list(source.batches()))
        with tempfile.TemporaryDirectory() as folder:
            told["files"] = files(events, source.instruments, Path(folder))
            told["start"] = start_up(Path(folder) / "parquet")
        told["book"] = book_updates(events, source.instruments)
        told["backtest"] = backtests(source, data)
    else:
        sys.stderr.write(f"{CAPTURE.name} is not there: books, backtests and files are left out\n")
    told["live"] = live_latency(args.seconds)
    text = json.dumps(told, indent=1)
    if args.json:
        Path(args.json).write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
