"""Join the small parts of a recording into large ones.

New parts are written and read back, then the manifest is swapped at once: a crash at any instant
leaves the old parts or the new ones. A recorder may be writing to the folder meanwhile.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from extrema_nb.cli.common import emit_json, progress

__all__ = ["HELP", "add_arguments", "run"]

HELP = "join the small files of a recording into large ones"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("recording", metavar="PATH", help="folder of a recording")
    add("--target-mb", type=float, default=64.0, metavar="N", help="MB a file at most (64)")
    add("--keep-s", type=float, default=0.0, metavar="N",
        help="s for which the old files stay, hidden, for readers that have begun with them (0)")  # fmt: skip
    add("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Compact and tell."""
    from extrema_nb.errors import ConfigError, DataError
    from extrema_nb.store import compact, list_logs, list_parts

    root = Path(args.recording)
    if not args.target_mb > 0:
        raise ConfigError(f"--target-mb is {args.target_mb}, expected more than 0")
    if not (root.is_dir() and (list_parts(root) or list_logs(root))):
        raise DataError(
            f"{root}: no recording; make one with `extrema-nb record` or `extrema-nb convert`"
        )
    with progress("joining", unit="files", quiet=args.json) as bar:
        done = compact(
            root,
            target_bytes=int(args.target_mb * 1e6),
            keep_s=args.keep_s,
            tell=lambda at, total: bar.update(at, total=total),
        )
    if args.json:
        emit_json(msgspec.to_builtins(done))
    else:
        print(
            f"{done.parts_before:,} parts became {done.parts_after:,}, "
            f"{done.rows_rewritten:,} rows rewritten, "
            f"{done.bytes_before:,} bytes became {done.bytes_after:,}"
        )
    return 0
