"""Convert captured frames and files of other projects into a recording, or into others' files.

Captures hold one message a line, 'LOCAL_TIME {json}', with REST book snapshots in line; several
files of one instrument continue each other's book. docs/formats.md has the other formats.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from extrema_nb.errors import DataError
from extrema_nb.instruments import InstrumentTable
from extrema_nb.venues import load

HELP = "captures and files of others into a recording, or a recording into theirs"

__all__ = ["HELP", "add_arguments", "read_instruments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="files or recording to read")
    parser.add_argument("--out", required=True, type=Path, help="folder to write to")
    parser.add_argument("--to", default="parquet", help="parquet (a recording), npz or csv")
    parser.add_argument("--format", help="of the files, such as tardis; found by looking")
    parser.add_argument("--venue", help="venue of the files, where they do not show it")
    parser.add_argument("--symbol", help="symbol of the files, where they do not show it")
    parser.add_argument("--tick", type=float, help="least step of price, where it is not found")
    parser.add_argument(
        "--instruments",
        type=Path,
        metavar="SPEC.json",
        help="instrument list or exchangeInfo answer; otherwise tick and lot are found in the text",
    )
    parser.add_argument("--only", metavar="NAMES", help="instruments to keep, comma-separated")
    parser.add_argument("--sort", action="store_true", help="put rows in order of local time")
    parser.add_argument("--skip-bad", action="store_true", help="count bad lines, go on")
    parser.add_argument(
        "--assume-synced", action="store_true", help="the book continues one that you have"
    )
    parser.add_argument("--append", action="store_true", help="add to the recording in --out")
    parser.add_argument("--replace", action="store_true", help="delete the recording in --out")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")


def read_instruments(path: Path, venue: str) -> InstrumentTable:
    """Return the instruments of a list of ours or of a venue's own answer."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    if raw.lstrip().startswith(b"["):
        return InstrumentTable.from_json(raw)
    return InstrumentTable(load(venue).parse_instruments(raw))


def run(args: argparse.Namespace) -> int:
    """Convert and say what was found."""
    from extrema_nb.cli.common import emit_json, output_folder, progress, spoke

    sources, converting = spoke("replay.sources"), spoke("replay.convert")
    venue = args.venue or sources.DEFAULT_VENUE
    table = read_instruments(args.instruments, venue) if args.instruments else None
    sources.one_group(
        args.files, args.format, args.venue, tick=args.tick, symbol=args.symbol, sort=args.sort
    )
    source = sources.open_source(
        args.files, args.format, args.only.split(",") if args.only else None, table=table,
        venue=args.venue, symbol=args.symbol, tick=args.tick, sort=args.sort, skip_bad=args.skip_bad, assume_synced=args.assume_synced,
    )  # fmt: skip
    output_folder("--out", args.out)
    if args.to != "parquet":
        return _export(source, args)
    with progress("converting", total=None) as bar:
        report = converting.convert(
            source, args.out, append=args.append, replace=args.replace,
            tell=lambda share, rows: bar.update(rows, total=rows / share if share else None),
        )  # fmt: skip
        report["seconds"] = round(time.monotonic() - bar.started, 3)
    if args.json:
        emit_json(report)
    else:
        _say(report)
    return 0


def _export(source: Any, args: argparse.Namespace) -> int:
    """Write files of other programs."""
    from extrema_nb.cli.common import emit_json, progress, spoke

    with progress("writing", quiet=args.json) as bar:
        report = spoke("replay.export").export(
            source, args.out, args.to, replace=args.replace, tell=bar.update
        )
        report["seconds"] = round(time.monotonic() - bar.started, 3)
    if args.json:
        emit_json(report)
        return 0
    print(
        f"{report['rows']:,} rows in {len(report['files'])} files, {report['bytes']:,} bytes, "
        f"{report['seconds']} s: {report['out']}"
    )
    if report.get("clock_shift_us"):
        print(
            f"local times moved by {report['clock_shift_us'] / 1e6:.3f} s: the venue's clock is ahead"
        )
    if report["left_out"]:
        print("noted: " + ", ".join(f"{what} {n:,}" for what, n in report["left_out"].items()))
    return 0


def _say(report: dict[str, Any]) -> None:
    counts = report["capture"]
    print(
        f"{report['rows']:,} rows in {report['files']} files, "
        f"{report['bytes_per_row']:.2f} bytes a row, {report['seconds']} s: {report['out']}"
    )
    if report["instruments_guessed"]:
        found = ", ".join(
            f"{spec['name']} tick {spec['tick_size']} lot {spec['lot_size']}"
            for spec in report["instruments"]
        )
        print(f"found in the text of prices and quantities: {found}")
    for word, text in (
        ("skipped", "bad lines skipped"),
        ("out_of_order", "rows with a local time that goes back"),
        ("duplicates", "book messages seen before (dropped)"),
        ("gaps", "gaps in the book's sequence"),
    ):
        if counts.get(word):
            print(f"{counts[word]:,} {text}")
    if counts.get("stale_books"):
        print(
            f"no snapshot for {', '.join(counts['stale_books'])}: book rows are flagged STALE; "
            "--assume-synced says that the book continues one you have"
        )
    if counts["ignored"]:
        print("without rows: " + ", ".join(f"{k} {n:,}" for k, n in counts["ignored"].items()))
