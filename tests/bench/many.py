"""Recordings of hundreds of instruments: ``python -m tests.bench.many --json OUT``.

Trades, best prices and books of the captured day are dealt out among many instruments, the first of
them the busiest, and rolled into Parquet as a recorder does it, a log at a time; once as they lie
then, once joined by `compact`. Each measure is taken in a process of its own that has read a small
recording before. The digest of the rows says whether another version gives the same ones.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from extrema_nb.__main__ import main as command
from extrema_nb.store import compact, read_manifest
from replay import load
from replay.sources import FEW_ROWS, open_source
from tests.bench.load import given, record
from tests.bench.stream_memory import held, record_many
from tests.bench.told import tell


def read(root, **options):
    """Return when the first batch came, and how many rows there are."""
    began, used = time.perf_counter(), time.process_time()
    source = open_source(root, **options)
    opened, first, rows = time.perf_counter() - began, None, 0
    for batch in source.batches():
        first = first or time.perf_counter() - began
        rows += len(batch)
    return {
        "rows": rows, "opened_s": opened, "first_batch_s": first,
        "wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - used,
    }  # fmt: skip


def window(root, cached):
    """Take the first batch of a second in the middle, its books whole."""
    del cached
    infos = read_manifest(root).parts
    first, last = min(e.first_ts_recv for e in infos), max(e.last_ts_recv for e in infos)
    middle = (first + last) // 2
    began, used = time.perf_counter(), time.process_time()
    source = load(root, start=middle, end=middle + 1_000_000)
    batch = next(iter(source.batches()))
    told = {"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - used}
    digest = hashlib.sha256(batch.tobytes()).hexdigest()
    return {**told, "rows": len(batch), "sha256": digest}


def rows_digest(root, cached):
    """Return the SHA-256 of all rows."""
    del cached
    sha = hashlib.sha256()
    for batch in open_source(root).batches():
        sha.update(batch.tobytes())
    return {"sha256": sha.hexdigest()}


def run(*words):
    """Time a command in this process."""
    began, used = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        code = command([str(word) for word in words])
    if code:
        raise SystemExit(f"{words} exited with {code}")
    return {"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - used}


WHAT = {
    "read": lambda root, cached: read(root),  # noqa: ARG005
    "read_few": lambda root, cached: read(root, held_rows=FEW_ROWS),  # noqa: ARG005
    "window": window,
    "make_copy": lambda root, cached: read(root, cache=cached),
    "read_copy": lambda root, cached: read(root, cache=cached),
    "check": lambda root, cached: run("check", root),  # noqa: ARG005
    "inspect": lambda root, cached: run("inspect", root),  # noqa: ARG005
    "rows": rows_digest,
}


def child(what, small, large, cached):
    """Do one thing after having read a small recording; print what that took."""
    for _ in open_source(small).batches():
        pass
    for out in (small.parent / "cache-small",):
        for _ in open_source(small, cache=out).batches():
            pass
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the most that was held begins anew
    base = held("VmRSS")
    told = WHAT[what](large, cached)
    told["above_base_mb"] = held("VmHWM") - base
    sys.stdout.write(json.dumps(told) + "\n")


def measure(what, work, root, rounds):
    """Return what children say, the least of each time."""
    told = []
    for _ in range(rounds):
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.many", "--child", what, work / "small", root,
             work / f"cache-{root.name}"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        told.append(json.loads(done.stdout.splitlines()[-1]))
    out = dict(told[0])
    for name, value in told[0].items():
        if name.endswith(("_s", "_mb")) and value is not None:
            out[name] = min(each[name] for each in told)
    if "rows" in out and "cpu_s" in out:
        out["rows_per_second"] = out["rows"] / out["wall_s"]
        out["rows_per_core_second"] = out["rows"] / out["cpu_s"]
    return out


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where the figures go; else to stdout alone")
    parser.add_argument("--instruments", type=int, default=500)
    parser.add_argument("--rolls", type=int, default=6, help="of a log into Parquet")
    parser.add_argument("--copies", type=int, default=4, help="of the day in a roll")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--what", nargs="*", default=list(WHAT), choices=list(WHAT))
    parser.add_argument("--keep", type=Path, help="folder for the recordings, used again if there")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child[0], *map(Path, args.child[1:]))
        return
    out = {"machine": {"cores": os.cpu_count(), "load": os.getloadavg()}}
    with tempfile.TemporaryDirectory() as name:
        work = args.keep or Path(name)
        if not (work / "joined").exists():
            events, table = given()
            record(work / "small", events, table, 1)
            for folder in ("rolled", "joined"):
                record_many(work / folder, events, args.instruments, args.copies, args.rolls)
            began = time.process_time()
            compact(work / "joined")
            out["compact_cpu_s"] = time.process_time() - began
        for folder in ("rolled", "joined"):
            root = work / folder
            parts = read_manifest(root).parts
            out[folder] = {
                "files": len(parts),
                "bytes_per_row": sum(e.bytes for e in parts) / sum(e.rows for e in parts),
            }
            for what in args.what:
                out[folder][what] = measure(what, work, root, args.rounds)
    tell(out, args.json)


if __name__ == "__main__":
    main()
