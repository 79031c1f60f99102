"""What a kill and a full disk cost a recording: rows lost, gaps marked, whether it is whole.

::

    python -m tests.bench.faults_recorder --kills 100 --json out/faults_recorder.json

A recorder in a process of its own writes numbered rows, rolls small logs in yet another process,
joins files, spills, and is killed (SIGKILL) at a random instant, again and again in one folder.
For the full disk a small tmpfs is mounted, which needs root; without it that part says so.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from extrema_nb.errors import DataError
from extrema_nb.events import (
    STATUS,
    TRADE,
    EventArray,
    EventKind,
    StatusCode,
    empty_events,
    status_row,
)
from extrema_nb.store import LOG_HEAD, check_recording, list_logs, list_parts
from extrema_nb.testing import instrument_table
from recorders.parquet import ParquetRecorder
from recorders.upkeep import Job, Upkeep, start
from replay.sources import ParquetSource

__all__ = ["disk_full", "kills", "small_disk"]

FLUSH_S = 0.2
BATCH = 20  # rows a write, as of a book message
PAUSE_S = 0.001  # between writes


def numbered(n: int, first: int) -> EventArray:
    """Return `n` trades whose ids are `first` and those that follow."""
    out = empty_events(n)
    trade = out.view(TRADE)
    out["kind"], out["flags"] = EventKind.TRADE, 1
    out["ts_event"] = out["ts_recv"] = time.time_ns() // 1000
    trade["trade_id"] = np.arange(first, first + n)
    trade["price"] = trade["qty"] = 1.0
    return out


def child(folder: str, first: int) -> None:
    """Record until killed; tell each row's number when it was given away."""
    # what keeps house outlives the kill: who reads meanwhile must find the files that were joined
    upkeep = Upkeep(join_at=4, reader_s=30.0, nice=0)

    def roll(logs: list[Path]) -> Any:
        return start(Job(root=folder, logs=list(map(str, logs)), upkeep=upkeep)).rolled

    recorder = ParquetRecorder(
        folder, instrument_table(), flush_s=FLUSH_S, rotate_s=0.4, rotate_bytes=100_000, roll=roll,
        spill=Path(folder + "-spill"), snapshot_s=1.0, status_s=0.0,
    )  # fmt: skip
    last, now = recorder.stats.last_ts_recv, time.time_ns() // 1000
    if last >= 0:  # as `recorders.recorder` does
        recorder.write(
            status_row(StatusCode.LAGGED, max(now, last), count=-1, expected=last, found=now)
        )
    out, at = sys.stdout, first
    while True:
        recorder.write(numbered(BATCH, at))
        at += BATCH
        out.write(f"{at} {time.monotonic_ns()}\n")
        out.flush()
        time.sleep(PAUSE_S)


def read(folder: Path) -> EventArray:
    """Return all rows of a recording, none of one that was killed before its first."""
    if not (list_parts(folder) or any(p.stat().st_size > LOG_HEAD for p in list_logs(folder))):
        return empty_events(0)
    # what keeps house outlives a kill, and may put files together while they are read: read again
    for attempts_left in reversed(range(20)):
        try:
            source = ParquetSource(folder, clamp_time=True)
            return np.concatenate([empty_events(0), *(batch.copy() for batch in source.batches())])
        except DataError:
            if not attempts_left:
                raise
            time.sleep(0.25)
    return empty_events(0)


def kills(
    count: int, folder: Path, *, seed: int = 1, longest_s: float = 1.2, every: int = 1
) -> dict[str, Any]:
    """Kill a recorder `count` times; raise AssertionError when more is lost than was promised.

    Parameters
    ----------
    folder : of the recording
    longest_s : a kill comes at a random instant until so long after the first row
    every : check the whole recording after each so many kills
    """
    rng, first, worst_s, lost, begun = random.Random(seed), 0, 0.0, [], time.monotonic()
    for number in range(count):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.faults_recorder", "--child", str(folder), str(first)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        written: list[tuple[int, int]] = []
        with process:
            line = process.stdout.readline()
            written.append(tuple(map(int, line.split())))
            wait_s = rng.uniform(0.0, longest_s)
            killer = threading.Timer(wait_s, process.kill)
            killer.start()
            written += [
                tuple(map(int, line.split()))
                for line in process.stdout
                if line.endswith("\n") and line.count(" ") == 1
            ]
            killer.join()
        killed_ns = written[-1][1]
        rows = read(folder)
        ids = rows[rows["kind"] == EventKind.TRADE].view(TRADE)["trade_id"]
        kept = int(ids[-1]) + 1 if ids.size else 0
        assert (np.diff(ids) == 1).all(), "rows are missing in the middle"
        assert not ids.size or ids[0] == 0, "the beginning is missing"
        missing = [at for at in written if at[0] > kept]
        lost.append(max(0, written[-1][0] - kept))
        if missing:
            worst_s = max(worst_s, (killed_ns - missing[0][1]) / 1e9)
        if (number + 1) % every == 0:
            found = check_recording(folder) if rows.size else None
            assert found is None or not found.problems, found
        first = kept
    # the last one is mended too
    recorder = ParquetRecorder(folder, instrument_table())
    recorder.close()
    found = check_recording(folder)
    assert not found.problems, found.problems
    rows = read(folder)
    status = rows[rows["kind"] == EventKind.STATUS].view(STATUS)
    return {
        "kills": count,
        "rows_kept": first,
        "rows_lost_median": float(np.median(lost)),
        "rows_lost_most": max(lost),
        "longest_lost_s": worst_s,
        "promised_s": FLUSH_S,
        "gaps_marked": int((status["code"] == StatusCode.LAGGED).sum()),
        "parts": found.parts,
        "problems": len(found.problems),
        "seconds": time.monotonic() - begun,
    }


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a tmpfs; raises PermissionError where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise PermissionError(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def disk_full(folder: Path, *, megabytes: int = 32, full_s: float = 1.0) -> dict[str, Any]:
    """Fill a small disk while a recorder writes to it, free some space, and see what came of it."""
    with small_disk(folder, megabytes) as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * (megabytes * 1024 * 1024 - (4 << 20)))
        recorder = ParquetRecorder(
            disk / "rec", instrument_table(), flush_s=0.02, give_up_s=60.0, queue_rows=8_000
        )
        at, freed, full_at = 0, 0.0, 0.0
        while True:
            recorder.write(numbered(100, at))
            at += 100
            time.sleep(0.001)
            stats = recorder.stats
            if stats.refusals and not full_at:
                full_at = time.monotonic()
            if full_at and not freed and time.monotonic() - full_at > full_s and stats.lost:
                ballast.unlink()
                freed = time.monotonic()
            if freed and stats.waiting < 1_000 and time.monotonic() - freed > 0.5:
                break
        healed_s = time.monotonic() - freed
        recorder.close()
        stats = recorder.stats
        found = check_recording(disk / "rec")
        assert not found.problems, found.problems
        rows = read(disk / "rec")
        ids = rows[rows["kind"] == EventKind.TRADE].view(TRADE)["trade_id"]
        gaps = rows[rows["kind"] == EventKind.STATUS].view(STATUS)
        gaps = gaps[gaps["code"] == StatusCode.LAGGED]
        assert int(gaps["count"].sum()) == stats.lost, "what was lost is not what is marked"
        assert len(ids) + stats.lost == at, "rows are neither kept nor counted"
        return {
            "disk_mb": megabytes,
            "full_s": freed - full_at,
            "rows_given": at,
            "rows_kept": len(ids),
            "rows_lost": stats.lost,
            "rows_marked": int(gaps["count"].sum()),
            "gaps_marked": len(gaps),
            "healed_s": healed_s,
            "problems": len(found.problems),
        }


def main() -> None:
    """Do both and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child[0], int(args.child[1]))
    out: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        out["sigkill"] = kills(args.kills, Path(folder) / "rec", seed=args.seed, every=10)
        try:
            out["disk_full"] = disk_full(Path(folder) / "disk")
        except PermissionError as error:
            out["disk_full"] = {"skipped": str(error)}
    for name, told in out.items():
        sys.stdout.write(f"{name}: {json.dumps(told)}\n")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
