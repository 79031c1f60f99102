"""Replay the journal of a live session and compare its intents byte for byte.

The kernel group is built again from the journal and fed the same rows, cut into other batches.
Exit code 0: identical. 1: the first difference is printed. 2: the journal is damaged.
"""

from __future__ import annotations

import argparse

import msgspec

from extrema_nb.cli.common import emit_json, load_object, progress, spoke

__all__ = ["HELP", "add_arguments", "run"]

HELP = "prove that a live session and its replay decide the same"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("session", help="journal folder of a live session")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Verify and tell."""
    verify = spoke("replay.verify")
    with progress("verifying", unit="rows", quiet=args.json) as bar:
        verdict = verify.verify_session(args.session, load_object, tick=bar.advance)
    if args.json:
        emit_json({**msgspec.to_builtins(verdict), "ok": verdict.ok})
        return 0 if verdict.ok else 1
    for note in verdict.notes:
        print(f"note: {note}")
    if verdict.ok:
        print(
            f"intents identical {verdict.identical} of {verdict.intents} "
            f"({verdict.rows} rows, {verdict.runs} ways to cut them)"
        )
        return 0
    found = verdict.difference
    print(f"intents identical {verdict.identical} of {verdict.intents}, then a difference")
    if found.field:
        print(
            f"  intent {found.index}, {found.field}: journal {found.journal!r}, replay {found.replay!r}"
        )
    elif found.replay is None:
        print(f"  intent {found.index} is in the journal and not in the replay: {found.journal}")
    else:
        print(f"  intent {found.index} is in the replay and not in the journal: {found.replay}")
    print(f"  input row {found.row}: {found.input}")
    return 1
