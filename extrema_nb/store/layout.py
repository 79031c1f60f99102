"""Where the files of a recording lie: ``venue=…/inst=…/kind=…/date=…/part-….parquet``."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from extrema_nb.errors import DataError
from extrema_nb.events import EventKind
from extrema_nb.store.columns import KINDS

__all__ = [
    "MANIFEST",
    "NO_INST",
    "PartPath",
    "date_of",
    "list_files",
    "list_logs",
    "log_folder",
    "parse_path",
    "part_path",
    "retired_name",
]

NO_INST = "_"  # in the place of the instrument where rows have none
LOG_FOLDER = ".log"  # rows not yet in Parquet; a leading dot hides it from Polars and DuckDB globs
MANIFEST = "manifest.json"  # which parts are in the recording, see `extrema_nb.store.manifest`
_PART = re.compile(r"part-(\d+)(?:-\d+)?\.parquet")


class PartPath(NamedTuple):
    """What the path of a part says."""

    path: Path
    venue: str
    inst: str  # normalized name, `NO_INST` for none
    kind: EventKind
    date: str  # YYYY-MM-DD, UTC, of ts_recv
    first_arrival: int


def date_of(ts_recv: int) -> str:
    """Return the UTC date of a time in µs."""
    return dt.datetime.fromtimestamp(ts_recv // 1_000_000, dt.UTC).strftime("%Y-%m-%d")


def part_path(
    root: Path, venue: str, inst: str, kind: EventKind, date: str, first_arrival: int,
    number: int = 0,
) -> Path:  # fmt: skip
    """Return where a part belongs; `number` tells those apart that begin with the same row."""
    suffix = f"-{number}" if number else ""
    return (
        root
        / f"venue={quote(venue, safe='')}"
        / f"inst={quote(inst, safe='')}"
        / f"kind={kind.name.lower()}"
        / f"date={date}"
        / f"part-{first_arrival:012d}{suffix}.parquet"
    )


def parse_path(path: Path) -> PartPath:
    """Return what the path of a part says.

    Raises
    ------
    DataError
        it is not the name of a recording's file
    """
    name = _PART.fullmatch(path.name)
    words = [part.partition("=")[2] for part in path.parts[-5:-1]]
    if name is None or len(words) < 4 or words[2] not in KINDS:
        raise DataError(
            f"{path}: not a name of a recording's file; expected "
            "venue=…/inst=…/kind=…/date=…/part-NUMBER.parquet with kind one of "
            f"{', '.join(KINDS)}; move it out of the recording"
        )
    return PartPath(
        path, unquote(words[0]), unquote(words[1]), KINDS[words[2]], words[3], int(name.group(1))
    )


def retired_name(path: Path) -> Path:
    """Return the name under which a part that was replaced waits for its deletion."""
    return path.with_name(f".{path.name}.retired")


def list_files(root: Path) -> list[PartPath]:
    """Return all part files under `root`, sorted by venue, instrument, kind and arrival.

    Raises
    ------
    DataError
        a Parquet file lies in a place that no recording has
    """
    out = [
        parse_path(path)
        for path in root.glob("venue=*/inst=*/kind=*/date=*/*.parquet")
        if not path.name.startswith(".")  # a temporary name: not finished
    ]
    return sorted(out, key=lambda p: (p.venue, p.inst, p.kind, p.first_arrival))


def log_folder(root: Path) -> Path:
    """Return the folder of the logs that are not yet Parquet."""
    return root / LOG_FOLDER


def list_logs(root: Path) -> list[Path]:
    """Return the logs of a recording that are not yet Parquet, oldest first."""
    return sorted(log_folder(root).glob("rows-*.log"))
