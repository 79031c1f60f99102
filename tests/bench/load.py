"""How fast rows come from files: ``python -m tests.bench.load --json OUT``.

Parquet, the memory-mapped copy, captures and files of other projects, all from the same rows and in
one process. Wall time on a shared machine says little, so processor time stands beside it; both are
the least of several rounds. Without the captured day rows are generated.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from extrema_nb import jit
from extrema_nb.events import EventKind
from extrema_nb.store import RowWriter, list_parts, read_frame, read_info
from extrema_nb.testing import bbo, book, instrument_table, rows, trade
from replay import load
from replay.export import export
from replay.sources import open_source
from tests.bench.told import tell

ROOT = Path(__file__).resolve().parents[2]
CAPTURE = ROOT.parent / "shared/data/binance_usdm/capture/btcusdt_20240808.gz"
DAY = 86_400_000_000
AIM = 20e6  # rows a second from Parquet


@jit.kernel
def sum_words(words):
    """Read every word of (n, 8) int64: what any pass over rows costs at least."""
    total = 0
    for i in range(words.shape[0]):
        for k in range(8):
            total += words[i, k]
    return total


def best(call, rounds):
    """Return the least wall and processor seconds of a call, and what it returned."""
    wall = cpu = float("inf")
    out = None
    for _ in range(rounds):
        began, used = time.perf_counter(), time.process_time()
        out = call()
        wall = min(wall, time.perf_counter() - began)
        cpu = min(cpu, time.process_time() - used)
    return {"wall_s": wall, "cpu_s": cpu}, out


def rate(n, taken):
    """Return rows a second by the wall clock, and a second of one core."""
    return {
        "rows": n,
        "rows_per_second": n / taken["wall_s"],
        "rows_per_core_second": n / max(taken["cpu_s"], 1e-9),
        **taken,
    }


def drain(source, batch_rows=65_536):
    """Read a source to its end; return the rows."""
    return sum(len(batch) for batch in source.batches(batch_rows))


def given():
    """Return (rows, table): the captured day, or made ones."""
    if CAPTURE.is_file():
        source = open_source(CAPTURE)
        return np.concatenate(list(source.batches())), source.instruments
    parts = []
    for i in range(2000):
        ts = 1_700_000_000_000_000 + i * 1000
        parts += [
            book([(100.0 - k / 10, 1.0 + i % 7) for k in range(20)], [(101.0, 1.0)], ts,
                 snapshot=i == 0, seq=i),
            trade(100.0 + i % 3, 0.5, ts=ts + 1), bbo(100.0, 1.0, 101.0, 2.0, ts=ts + 2),
        ]  # fmt: skip
    return rows(*parts), instrument_table()


def record(root, events, table, copies):
    """Write `copies` of the rows one after the other; return how many rows that is."""
    writer = RowWriter(root, table, table[0].venue)
    span = int(events["ts_recv"][-1] - events["ts_recv"][0]) + 1000
    for k in range(copies):
        part = events.copy()
        part["ts_recv"] += k * span
        part["ts_event"] += k * span
        writer.write(part, k * len(events))
    writer.flush()
    return copies * len(events)


def from_parquet(root, n, rounds):
    """Measure a recording: decoding alone, rows, and a window with its snapshot."""
    parts = [(part.path, read_info(part.path)) for part in list_parts(root)]

    def decode():
        for path, info in parts:
            for at in range(0, info.rows, 262_144):
                read_frame(path, info.event_kind, at, 262_144)

    taken = best(decode, rounds)[0]
    out = {
        "decode_alone": rate(n, taken),
        "rows": rate(n, best(lambda: drain(open_source(root)), rounds)[0]),
    }
    seconds = best(lambda: load(root).frame("trade").select(pl.col("qty").sum()).collect(), 3)[0]
    trades = sum(info.rows for _, info in parts if info.event_kind == EventKind.TRADE)
    out["frame_of_trades"] = {**rate(n, seconds), "trades": trades}
    first = min(info.first_ts_recv for _, info in parts)
    last = max(info.last_ts_recv for _, info in parts)
    middle = (first + last) // 2

    def window():
        return next(iter(load(root, start=middle, end=middle + 1_000_000).batches()))

    out["first_batch_of_a_window"] = best(window, 3)[0]
    return out


def from_copy(root, folder, n, rounds):
    """Measure the memory-mapped copy: made, opened, and read against the same rows in memory."""
    made = best(lambda: drain(open_source(root, cache=folder)), 1)[0]

    def first():
        return next(iter(open_source(root, cache=folder).batches()))

    opened = best(first, rounds)[0]

    source = open_source(root, cache=folder)

    def read():
        total = 0
        for batch in source.batches(1 << 20):
            total += sum_words(batch.view(np.int64).reshape(-1, 8))
        return total

    from_disk, total = best(read, rounds)
    memory = np.concatenate(list(open_source(root, cache=folder).batches()))
    words = memory.view(np.int64).reshape(-1, 8)
    from_memory, again = best(lambda: sum_words(words), rounds)
    assert (total - again) % 2**64 == 0  # sums of words wrap
    return {
        "made": rate(n, made),
        "first_batch_s": opened["wall_s"],
        "read": rate(n, from_disk),
        "same_rows_in_memory": rate(n, from_memory),
        "share_of_memory_speed": from_memory["wall_s"] / from_disk["wall_s"],
    }


def from_files(folder, source, rounds):
    """Measure the same rows as files of other programs."""
    out = {}
    for to, name in (("csv", "rows-csv"), ("npz", "hftbacktest")):
        began = time.perf_counter()
        told = export(source, folder / to, to)
        wrote = time.perf_counter() - began
        taken, n = best(lambda told=told: drain(open_source(told["files"])), rounds)
        out[name] = {
            **rate(n, taken),
            "written_per_second": told["rows"] / wrote,
            "bytes": told["bytes"],
        }
    return out


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where the figures go; else to stdout alone")
    parser.add_argument("--copies", type=int, default=16, help="how often the day is recorded")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    events, table = given()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        n = record(work / "rec", events, table, args.copies)
        small = record(work / "day", events, table, 1)
        out = {
            "machine": {
                "python": platform.python_version(),
                "cores": os.cpu_count(),
                "load": os.getloadavg(),
                "captured": CAPTURE.is_file(),
            },
            "parquet": from_parquet(work / "rec", n, args.rounds),
            "copy": from_copy(work / "rec", work / "cache", n, args.rounds),
            "files": from_files(work, open_source(work / "day"), 3),
        }
        out["parquet"]["share_of_aim"] = out["parquet"]["rows"]["rows_per_second"] / AIM
        if CAPTURE.is_file():
            taken, count = best(lambda: drain(open_source(CAPTURE)), 3)
            out["capture"] = rate(count, taken)
        out["day_rows"] = small
    tell(out, args.json)


if __name__ == "__main__":
    main()
