"""What streaming a recording costs in memory: ``python -m tests.bench.stream_memory --json OUT``.

A recording of few instruments in two lengths, and recordings of hundreds of instruments with three
kinds each, from the captured day. Each is read in a process of its own that has read a small
recording before: what it then holds is the base. Without the captured day rows are generated.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.store import RowWriter
from replay.sources import open_source
from tests.bench.load import given, record
from tests.bench.told import tell

DAY_0 = 1_723_075_200_000_000  # 2024-08-08 00:00 UTC


def record_many(root, events, instruments, copies, rolls=1):
    """Write messages dealt out among instruments, the first of them the busiest.

    They are written `rolls` times `copies` times, dealt out anew each time; each of the `rolls` is
    like one of a recorder's log. Returns how many rows that is.
    """
    table = InstrumentTable(
        [Instrument(venue="v", symbol=f"S{i}", name=f"S{i}_USDT_PERP") for i in range(instruments)]
    )
    rng = np.random.default_rng(1)
    share = 1 / (np.arange(instruments) + 1) ** 0.7
    message = np.cumsum(np.r_[True, (events["flags"][:-1] & 1) != 0]) - 1
    span = int(events["ts_recv"][-1] - events["ts_recv"][0]) + 1000
    done = 0
    for _ in range(rolls):
        writer = RowWriter(root, table, "v")
        for _ in range(copies):
            rows = events.copy()
            for name in ("ts_recv", "ts_event"):
                rows[name] += DAY_0 - events["ts_recv"][0] + done * span
            owner = rng.choice(instruments, size=message[-1] + 1, p=share / share.sum())
            rows["inst"] = owner[message]
            writer.write(rows, done * len(rows))
            done += 1
        writer.flush()
    return done * len(events)


def held(what):
    """Return the MB that this process holds (``VmRSS``) or has held (``VmHWM``)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(what))


def child(small, large):
    """Read a small recording, then the other one; print what that took."""
    for _ in open_source(small).batches():
        pass
    Path("/proc/self/clear_refs").write_text("5")  # the most that was held begins anew
    base, began, used = held("VmRSS"), time.perf_counter(), time.process_time()
    rows = sum(len(batch) for batch in open_source(large).batches())
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    peak = held("VmHWM")
    told = {
        "rows": rows,
        "wall_s": wall,
        "cpu_s": cpu,
        "base_mb": base,
        "above_base_mb": peak - base,
    }
    sys.stdout.write(json.dumps(told) + "\n")


def measure(small, large):
    """Return what a child says."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.stream_memory", "--child", str(small), str(large)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    told = json.loads(done.stdout.splitlines()[-1])
    told["rows_per_core_second"] = told["rows"] / told["cpu_s"]
    return told


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where the figures go; else to stdout alone")
    parser.add_argument("--copies", type=int, nargs="*", default=[16, 160], help="of the day")
    parser.add_argument("--instruments", type=int, nargs="*", default=[200, 500])
    parser.add_argument("--many-copies", type=int, default=24, help="of the day, dealt out")
    parser.add_argument("--child", type=Path, nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(*args.child)
        return
    events, table = given()
    out = {"machine": {"cores": os.cpu_count(), "load": os.getloadavg()}}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        record(work / "small", events, table, 1)
        for copies in args.copies:
            record(work / f"days{copies}", events, table, copies)
            out[f"{copies} times the day"] = measure(work / "small", work / f"days{copies}")
        for count in args.instruments:
            record_many(work / f"many{count}", events, count, args.many_copies)
            out[f"{count} instruments"] = measure(work / "small", work / f"many{count}")
    tell(out, args.json)


if __name__ == "__main__":
    main()
