"""Print what the conformance suite compared: ``python -m tests.conformance [VENUE …] [--json]``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from extrema_nb import venues
from tests.conformance.captures import check_capture
from tests.conformance.compiled import check_compiled, check_compiled_samples, has_compiled
from tests.conformance.faults import FAULTS, read_tape, run_fault
from tests.conformance.frames import check_frames
from tests.conformance.oracle import check_oracle
from tests.conformance.rest import check_answer
from tests.conformance.samples import check_samples
from tests.conformance.spec import Result, cases_of

__all__ = ["main", "results_of"]

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
HEAD = "| venue | channel | source | messages | mismatches |\n|---|---|---|---|---|"
HEAD_OF_SUM = "| venue | channel | messages | mismatches |\n|---|---|---|---|"
SEEDS = 25  # faults of each sort
TAPE = 300  # book messages that faults are put in


def results_of(data: Path, venue: str, *, fuzz: int) -> Iterator[Result]:
    """Yield everything that is compared for a venue."""
    cases = cases_of(venue)
    for capture in cases.captures:
        yield from check_capture(data, venue, cases, capture)
    if has_compiled(venue):
        for capture in cases.captures:
            yield check_compiled(data, venue, cases, capture)
        yield check_compiled_samples(venue, cases, fuzz=fuzz)
    for part in cases.frames:
        yield check_frames(data, venue, cases, part)
    if cases.oracle is not None:
        yield from check_oracle(data, venue, cases, cases.oracle)
    for answer in cases.answers:
        yield check_answer(data, venue, answer)
    yield from check_samples(venue, cases, fuzz=fuzz)
    yield from _faults(data, venue)
    if cases.own is not None:
        yield from cases.own(data)


def _faults(data: Path, venue: str) -> Iterator[Result]:
    cases = cases_of(venue)
    with_book = next((c for c in cases.captures if c.book), None)
    if with_book is None:
        return
    tape = read_tape(data, venue, cases, with_book, TAPE)
    for fault in FAULTS:
        outcomes = [run_fault(tape, fault, seed) for seed in range(SEEDS)]
        bad = [o for o in outcomes if o.wrong or o.lies or not o.healed]
        if fault not in cases.undetected:
            bad += [o for o in outcomes if not o.seen]
        first = str(bad[0]) if bad else ""
        yield Result(venue, f"fault {fault}", with_book.path, len(outcomes), len(bad), first)


def _summed(results: Iterator[Result]) -> Iterator[Result]:
    """Yield one result for each venue and channel, in the order in which they came."""
    sums: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        sums.setdefault((result.venue, result.channel), []).append(result)
    for (venue, channel), parts in sums.items():
        first = next((part.first for part in parts if part.first), "")
        messages, mismatches = sum(p.messages for p in parts), sum(p.mismatches for p in parts)
        yield Result(venue, channel, f"{len(parts)} parts", messages, mismatches, first)


def main(argv: list[str] | None = None) -> int:
    """Print the table and return 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("venues", nargs="*", default=venues.known(), metavar="VENUE")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of captured data")
    parser.add_argument("--fuzz", type=int, default=3000, help="garbled frames a sample")
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    parser.add_argument("--sum", action="store_true", help="add the files of a channel up")
    args = parser.parse_args(argv)
    if not args.data.is_dir():
        parser.error(f"{args.data} is not there; name the folder of captured data with --data")
    results = (r for venue in args.venues for r in results_of(args.data, venue, fuzz=args.fuzz))
    wrong = 0
    if not args.json:
        print(HEAD_OF_SUM if args.sum else HEAD)
    for result in _summed(results) if args.sum else results:
        wrong += result.mismatches
        if args.json:
            print(json.dumps(result._asdict()), flush=True)
            continue
        cells = (result.venue, result.channel, result.messages, result.mismatches)
        if not args.sum:
            cells = result[:5]
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)
        if result.first:
            print(f"  {result.first}", file=sys.stderr)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
