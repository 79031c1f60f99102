"""Is a recording what its manifest says? Every byte of it is read.

Of each part: there, readable, size and hash, rows and spans as promised, arrivals rising, one date,
one kind. Of the whole: parts of a folder do not overlap, and every place from the first to the last
is held by one row exactly. Of logs and raw frames: whole up to their ends.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.errors import DataError
from extrema_nb.store.layout import PartPath, date_of, list_files, list_logs, parse_path
from extrema_nb.store.log import LOG_HEAD, LogFile
from extrema_nb.store.manifest import Manifest, PartEntry, describe_part, hash_file, read_manifest
from extrema_nb.store.parts import read_info, read_part

__all__ = ["Checked", "check_recording"]

WORD = (1 << 64) - 1
SHOWN = 5  # names in one message
GZIP = 16 + zlib.MAX_WBITS


class Checked(msgspec.Struct, kw_only=True):
    """What was read, and what is wrong with it."""

    parts: int = 0
    rows: int = 0
    bytes: int = 0
    logs: int = 0
    rows_in_logs: int = 0
    torn_bytes: int = 0  # of logs, behind the last whole frame: what a kill cost
    raw_files: int = 0
    removed_rows: int = 0  # by retention
    problems: list[str] = msgspec.field(default_factory=list)
    notes: list[str] = msgspec.field(default_factory=list)  # worth knowing, nothing is lost


class _Places:
    """Says whether places 0 … n-1 are each held once, without keeping them."""

    def __init__(self) -> None:
        self.count = self.sum = self.squares = 0

    def add(self, arrival: npt.NDArray[np.int64]) -> None:
        word = arrival.astype(np.uint64)
        self.count += int(arrival.size)
        self.sum = (self.sum + int(word.sum())) & WORD
        self.squares = (self.squares + int((word * word).sum())) & WORD

    def whole(self, n: int) -> bool:
        return (self.count, self.sum, self.squares) == (
            n, n * (n - 1) // 2 & WORD, (n - 1) * n * (2 * n - 1) // 6 & WORD,
        )  # fmt: skip


def check_recording(root: Path, *, tell: Callable[[int, int], None] | None = None) -> Checked:
    """Read everything under `root` and say what is wrong.

    Parameters
    ----------
    tell : called with parts read and parts in all

    Raises
    ------
    DataError
        there is no recording, or its manifest cannot be read
    """
    out, places = Checked(), _Places()
    logs = _open_logs(root, out)  # before the manifest: what is rolled meanwhile is in both
    manifest = read_manifest(root) if root.is_dir() else None
    found = list_files(root) if root.is_dir() else []
    if manifest is None:
        if not found and not logs and not out.problems:
            raise DataError(
                f"{root}: no recording; make one with `extrema-nb record` or `extrema-nb convert`"
            )
        manifest = _without(root, found, out)
    _strangers(root, manifest, found, out)
    out.removed_rows = manifest.removed_rows
    entries = sorted(manifest.parts, key=lambda e: (e.path.rpartition("/")[0], e.first_arrival))
    before: PartEntry | None = None
    for number, entry in enumerate(entries):
        problems = _part(root, entry, out, places)
        same = before is not None and _folder(before) == _folder(entry)
        if before is not None and same and entry.first_arrival <= before.last_arrival:
            problems.append(f"overlaps {before.path}: both hold row {entry.first_arrival}")
        out.problems += [f"{entry.path}: {problem}" for problem in problems]
        before = entry
        if tell is not None:
            tell(number + 1, len(entries))
    end = _logs(logs, manifest.next_arrival, out, places)
    if not out.problems and places.count + manifest.removed_rows != end:
        out.problems.append(
            f"{places.count} rows in parts and logs and {manifest.removed_rows} removed, expected "
            f"{end} by their places: parts are missing from the manifest"
        )
    elif not out.problems and not manifest.removed_rows and not places.whole(end):
        out.problems.append(f"places 0 to {end - 1} are not held by one row each")
    _raw(root, out)
    return out


def _folder(entry: PartEntry) -> str:
    return entry.path.rpartition("/")[0]


def _without(root: Path, found: list[PartPath], out: Checked) -> Manifest:
    """Return a manifest of what lies there, which cannot say whether something is missing."""
    out.notes.append(
        "no manifest, so files that are missing cannot be told; `extrema-nb compact` writes one"
    )
    entries = []
    for part in found:
        try:
            entries.append(describe_part(root, part.path))
        except DataError as error:
            out.problems.append(str(error))
    return Manifest(
        parts=entries, next_arrival=max((e.last_arrival + 1 for e in entries), default=0)
    )


def _strangers(root: Path, manifest: Manifest, found: list[PartPath], out: Checked) -> None:
    known = {entry.path for entry in manifest.parts} | {old.path for old in manifest.retired}
    names = sorted(path.path.relative_to(root).as_posix() for path in found)
    strange = [name for name in names if name not in known]
    if strange:
        more = "" if len(strange) <= SHOWN else f" and {len(strange) - SHOWN} more"
        out.notes.append(
            f"{len(strange)} files that the manifest does not name, no reader of ours takes them: "
            f"{', '.join(strange[:SHOWN])}{more}; the next recorder in this folder deletes them"
        )


def _part(root: Path, entry: PartEntry, out: Checked, places: _Places) -> list[str]:
    """Return what is wrong with one part."""
    path = root / entry.path
    if not path.is_file():
        return [f"is missing, with {entry.rows} rows; fetch it again from a copy"]
    size = path.stat().st_size
    if size != entry.bytes:
        return [f"is {size} bytes long, the manifest says {entry.bytes}; cut off or replaced"]
    if hash_file(path) != entry.sha256:
        return ["its SHA-256 is not that of the manifest; damaged or changed since"]
    try:
        info = read_info(path)
        rows, arrival = read_part(path)
    except DataError as error:
        return [str(error).removeprefix(f"{path}: ")]
    out.parts += 1
    out.rows += int(rows.size)
    out.bytes += size
    places.add(arrival)
    problems = []
    where = parse_path(path)
    have = (
        int(rows.size), int(arrival[0]), int(arrival[-1]),
        int(rows["ts_recv"].min()), int(rows["ts_recv"].max()),
    )  # fmt: skip
    for source, wanted in (("manifest", entry), ("metadata", info)):
        want = (
            wanted.rows, wanted.first_arrival, wanted.last_arrival,
            wanted.first_ts_recv, wanted.last_ts_recv,
        )  # fmt: skip
        if have != want:
            problems.append(
                f"rows, arrivals and times are {have}, its {source} says {want}; written wrong"
            )
    if (np.diff(arrival) <= 0).any():
        problems.append("its arrivals do not rise; written wrong")
    if {date_of(have[3]), date_of(have[4])} != {where.date}:
        problems.append(f"its rows are of {date_of(have[3])} to {date_of(have[4])}, not its date")
    if info.event_kind != where.kind:
        problems.append(f"its rows are of kind {info.kind}")
    return problems


def _open_logs(root: Path, out: Checked) -> list[LogFile]:
    """Open the logs; a recorder may be rolling them at this moment."""
    logs = []
    for path in list_logs(root):
        try:
            if path.stat().st_size < LOG_HEAD:
                out.notes.append(f"{path.name}: killed before its first row")
                continue
            logs.append(LogFile(path))
        except FileNotFoundError:
            continue  # rolled just now; its rows are in the parts
        except DataError as error:
            out.problems.append(str(error))
    return logs


def _logs(logs: list[LogFile], end: int, out: Checked, places: _Places) -> int:
    """Read the logs; return the place behind the last row of all."""
    for log in logs:
        at, name = log.header.first_arrival, log.path.name
        if at < end:
            out.notes.append(f"{name}: is in the parts already")
            continue
        out.logs += 1
        if at > end:
            out.problems.append(f"{name}: begins with row {at}, expected {end}")
        for rows in log.frames():
            places.add(np.arange(at, at + rows.size, dtype=np.int64))
            at += int(rows.size)
        out.rows_in_logs += at - log.header.first_arrival
        if log.torn_bytes:
            out.torn_bytes += log.torn_bytes
            out.notes.append(
                f"{name}: {log.torn_bytes} bytes behind its last whole frame: being written, "
                "or cut by a kill"
            )
        end = at
    return end


def _raw(root: Path, out: Checked) -> None:
    """Unpack the raw frames that are finished."""
    for path in sorted(root.glob("raw/venue=*/raw-*.gz")):
        out.raw_files += 1
        try:
            _unpack(path)
        except (zlib.error, EOFError) as error:
            out.problems.append(f"{path.relative_to(root)}: {error}")


def _unpack(path: Path) -> None:
    unpacker = zlib.decompressobj(GZIP)
    with path.open("rb") as file:
        data = file.read(1 << 20)
        while data:
            unpacker.decompress(data)
            data = unpacker.unused_data or file.read(1 << 20)
            if unpacker.eof:
                unpacker = zlib.decompressobj(GZIP)
                fresh = not data
            else:
                fresh = False
        if not (unpacker.eof or fresh):
            raise EOFError("ends in the middle of a frame; cut off")
