"""Read every byte of a recording and say whether it is what its manifest promises.

Of each part: hash, rows, spans, order, date. Of the whole: every place held by one row exactly.
Logs that are not yet Parquet and raw frames are read too. A recorder may be writing meanwhile.
Exit code 0: whole. 1: something is wrong, a line each. 2: no recording.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from extrema_nb.cli.common import emit_json, progress

__all__ = ["HELP", "add_arguments", "run"]

HELP = "prove that a recording is whole, to the last byte"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("recording", metavar="PATH", help="folder of a recording")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Check and tell."""
    from extrema_nb.store import check_recording

    with progress("checking", unit="parts", quiet=args.json) as bar:
        found = check_recording(
            Path(args.recording), tell=lambda done, total: bar.update(done, total=total)
        )
    ok = not found.problems
    if args.json:
        emit_json({**msgspec.to_builtins(found), "ok": ok})
        return 0 if ok else 1
    for note in found.notes:
        print(f"note: {note}")
    for problem in found.problems:
        print(f"WRONG: {problem}")
    waiting = f", {found.rows_in_logs:,} rows in {found.logs} logs" if found.logs else ""
    raw = f", {found.raw_files} files of raw frames" if found.raw_files else ""
    removed = f", {found.removed_rows:,} rows removed by retention" if found.removed_rows else ""
    print(
        f"{found.rows:,} rows in {found.parts:,} parts, {found.bytes:,} bytes{waiting}{raw}{removed}: "
        + ("whole" if ok else f"{len(found.problems)} things are WRONG")
    )
    return 0 if ok else 1
