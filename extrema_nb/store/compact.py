"""Join the small parts of a recording into large ones.

Rules
-----
1. Only neighbours are joined: parts of one instrument, kind and date that follow each other.
2. What is joined is checked against its hash first, and the new part is read back before it counts.
3. The manifest is swapped last and at once; the old files are hidden, then deleted after `keep_s`.
   A crash before the swap leaves the old parts and a file that nobody names, after it the new ones.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import msgspec
import numpy as np

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.store.layout import parse_path, part_path, retired_name
from extrema_nb.store.manifest import (
    Manifest,
    PartEntry,
    describe_part,
    edit_manifest,
    hash_file,
    hold,
    purge,
    retire,
)
from extrema_nb.store.parts import MANY, read_info, read_part, write_part

__all__ = ["Compacted", "compact", "sweep"]

TARGET_BYTES = 64 << 20  # a part of this size is left alone
LOCK = ".compact.lock"  # one compaction at a time, and no sweeping meanwhile
PART_ROWS = 4_194_304  # and none gets more rows than this, which bounds the memory of joining


class Compacted(msgspec.Struct, kw_only=True):
    """What a compaction did."""

    parts_before: int = 0
    parts_after: int = 0
    joined: int = 0  # parts that went into new ones
    rows_rewritten: int = 0
    bytes_before: int = 0
    bytes_after: int = 0


def compact(
    root: Path, *, target_bytes: int = TARGET_BYTES, part_rows: int = PART_ROWS,
    at_least: int = 2, keep_s: float = 0.0, tell: Callable[[int, int], None] | None = None,
) -> Compacted:  # fmt: skip
    """Join parts until they are about `target_bytes` large; return what was done.

    Parameters
    ----------
    root : folder of the recording; a recorder may be writing to it
    at_least : leave a folder alone while it has fewer small parts than this
    keep_s : s for which the old files stay for readers that have begun with them
    tell : called with the number of joins done and to do

    Raises
    ------
    DataError
        a part is not what the manifest says; it was left alone
    ConfigError
        another compaction is at work
    """
    with hold(root, LOCK, wait=False) as ours:
        if not ours:
            raise ConfigError(f"{root}: another compaction is at work; wait for it")
        return _compact(root, target_bytes, part_rows, at_least, keep_s, tell)


def _compact(
    root: Path, target_bytes: int, part_rows: int, at_least: int, keep_s: float,
    tell: Callable[[int, int], None] | None,
) -> Compacted:  # fmt: skip
    with edit_manifest(root) as manifest:
        pass  # makes one where there is none
    done = Compacted(parts_before=len(manifest.parts), bytes_before=_size(manifest))
    many = len({parse_path(root / e.path)[1:4] for e in manifest.parts}) > MANY
    work = [
        group for leaf in _leaves(manifest) for group in _groups(leaf, target_bytes, part_rows)
        if len(group) >= at_least
    ]  # fmt: skip
    for number, group in enumerate(work):
        entry = _join(root, group, manifest.generation + 1, many=many)
        with edit_manifest(root) as manifest:
            known = {old.path for old in manifest.parts}
            if any(old.path not in known for old in group):
                (root / entry.path).unlink()  # somebody else joined or removed them meanwhile
                continue
            retire(manifest, group, keep_s)
            manifest.parts.append(entry)
        done.joined += len(group)
        done.rows_rewritten += entry.rows
        if tell is not None:
            tell(number + 1, len(work))
    purge(root)
    with edit_manifest(root) as manifest:
        done.parts_after, done.bytes_after = len(manifest.parts), _size(manifest)
    return done


def _size(manifest: Manifest) -> int:
    return sum(entry.bytes for entry in manifest.parts)


def _leaves(manifest: Manifest) -> list[list[PartEntry]]:
    """Return the parts of each folder in order of arrival."""
    parts = sorted(manifest.parts, key=lambda e: (e.path.rpartition("/")[0], e.first_arrival))
    return [list(leaf) for _, leaf in groupby(parts, key=lambda e: e.path.rpartition("/")[0])]


def _groups(leaf: list[PartEntry], target_bytes: int, part_rows: int) -> list[list[PartEntry]]:
    """Return the runs of neighbours that make one part each."""
    groups: list[list[PartEntry]] = []
    size = rows = 0
    for entry in leaf:
        fits = size + entry.bytes <= target_bytes and rows + entry.rows <= part_rows
        if not groups or not fits:
            groups.append([])
            size = rows = 0
        groups[-1].append(entry)
        size, rows = size + entry.bytes, rows + entry.rows
    return [group for group in groups if len(group) > 1]


def _join(root: Path, group: list[PartEntry], number: int, *, many: bool) -> PartEntry:
    """Write the rows of several parts as one and return its entry.

    `number` stands in its name and never comes again, unlike a name that a retired part has had.
    """
    for entry in group:
        if not (root / entry.path).exists():
            raise DataError(
                f"{root / entry.path}: missing, with {entry.rows} rows; fetch it again from a copy"
            )
        found = hash_file(root / entry.path)
        if found != entry.sha256:
            raise DataError(
                f"{root / entry.path}: its SHA-256 is {found[:12]}…, the manifest says "
                f"{entry.sha256[:12]}…; the file was changed or is damaged: fetch it again, or see "
                "`extrema-nb check`"
            )
    last = root / group[-1].path
    info, where = read_info(last), parse_path(root / group[0].path)
    read = [read_part(root / entry.path, info.inst) for entry in group]
    rows = np.concatenate([part for part, _ in read])
    arrival = np.concatenate([places for _, places in read])
    del read
    offsets = [info.clock_offset_us for info in (read_info(root / e.path) for e in group)]
    known = [offset for offset in offsets if offset is not None]
    path = part_path(
        root, where.venue, where.inst, where.kind, where.date, where.first_arrival, number
    )
    written = write_part(
        path, rows, arrival, where.kind, venue=info.venue, instrument=info.spec(),
        clock_offset_us=int(np.median(known)) if known else None, many=many,
    )  # fmt: skip
    again, places = read_part(path, quick=False)  # as others read it
    if again.tobytes() != rows.tobytes() or not np.array_equal(places, arrival):
        path.unlink()
        raise DataError(f"{path}: what was written is not what was read back; check the disk")
    return describe_part(root, path, written)


def sweep(root: Path) -> int:
    """Delete what interrupted work left behind: files that the manifest does not name.

    Only for the one who holds the recording's lock and has no log left to roll.
    """
    purge(root)
    gone = 0
    with hold(root, LOCK, wait=False) as ours, edit_manifest(root) as manifest:
        if not ours:
            return 0
        known = {entry.path for entry in manifest.parts} | {old.path for old in manifest.retired}
        hidden = {retired_name(root / entry.path) for entry in manifest.retired}
        for path in root.glob("venue=*/inst=*/kind=*/date=*/*"):
            if path.relative_to(root).as_posix() in known or path in hidden:
                continue
            if path.suffix in (".tmp", ".retired", ".parquet"):
                path.unlink()
                gone += 1
    return gone
