"""The manifest of a recording: which parts are in it, with rows, span and hash of each.

Rules
-----
1. ``manifest.json`` is written whole under another name, synced and renamed: a crash at any instant
   leaves the old one or the new one.
2. A part is never changed. Rolling adds parts, compaction puts one in the place of several; both
   write the files first and the manifest last, so that a reader sees all of it or nothing.
3. A part that was replaced or outlived its retention is `retired`: hidden under another name for
   readers that still want it, and deleted when its time is over.
4. Changes are made one at a time, under a lock that lasts as long as the change.
5. A folder without a manifest is taken as it lies, and gets one at the first change.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from extrema_nb.errors import DataError
from extrema_nb.store.layout import (
    MANIFEST,
    PartPath,
    list_files,
    list_logs,
    parse_path,
    retired_name,
)
from extrema_nb.store.parts import PartInfo, read_info, sync_folder

__all__ = [
    "Manifest",
    "PartEntry",
    "Retired",
    "describe_part",
    "edit_manifest",
    "hash_file",
    "hold",
    "list_parts",
    "purge",
    "read_manifest",
    "remove_recording",
    "retire",
]

log = logging.getLogger(__name__)

VERSION = 1
LOCK = ".manifest.lock"
LEFT = (MANIFEST, LOCK)  # what `remove_recording` deletes beside parts and logs


class PartEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One part."""

    path: str  # below the recording's folder, with slashes
    rows: int
    first_arrival: int
    last_arrival: int
    first_ts_recv: int  # µs, the least
    last_ts_recv: int  # µs, the greatest
    bytes: int
    sha256: str


class Retired(msgspec.Struct, frozen=True):
    """A part that is no longer in the recording."""

    path: str
    until: int  # µs, when its file may go


class Manifest(msgspec.Struct, kw_only=True):
    """What a recording consists of."""

    version: int = VERSION
    generation: int = 0  # counts changes
    next_arrival: int = 0  # one past the last row that is in a part
    removed_rows: int = 0  # rows of parts that outlived their retention
    parts: list[PartEntry] = msgspec.field(default_factory=list)
    retired: list[Retired] = msgspec.field(default_factory=list)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_part(root: Path, path: Path, info: PartInfo | None = None) -> PartEntry:
    """Return the entry of a part that lies on disk."""
    info = read_info(path) if info is None else info
    return PartEntry(
        path=path.relative_to(root).as_posix(),
        rows=info.rows,
        first_arrival=info.first_arrival,
        last_arrival=info.last_arrival,
        first_ts_recv=info.first_ts_recv,
        last_ts_recv=info.last_ts_recv,
        bytes=path.stat().st_size,
        sha256=hash_file(path),
    )


def read_manifest(root: Path) -> Manifest | None:
    """Return the manifest of a recording, None if it has none.

    Raises
    ------
    DataError
        it is damaged or of another version
    """
    path = root / MANIFEST
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
    except msgspec.DecodeError as err:
        raise DataError(
            f"{path}: damaged ({err}), {len(raw)} bytes; move it away, and `extrema-nb compact` "
            "makes a new one from the files"
        ) from err
    if manifest.version != VERSION:
        raise DataError(
            f"{path}: version {manifest.version}, expected {VERSION}; it was written by another "
            "extrema-nb: use that one"
        )
    return manifest


def list_parts(root: Path) -> list[PartPath]:
    """Return the parts of a recording, sorted by venue, instrument, kind and arrival.

    Raises
    ------
    DataError
        there is no manifest, and a Parquet file lies in a place that no recording has
    """
    manifest = read_manifest(root)
    if manifest is None:
        return list_files(root)
    found = [parse_path(root / entry.path) for entry in manifest.parts]
    missing = [p.path for p in found if not (p.path.exists() or retired_name(p.path).exists())]
    if missing:
        now = read_manifest(root)
        if now is not None and now.generation != manifest.generation:
            return list_parts(root)  # parts were joined at this very moment
        log.warning(
            "%s: %d files are missing and left out, such as %s; `extrema-nb check` names them all",
            root, len(missing), missing[0].relative_to(root),
        )  # fmt: skip
        found = [part for part in found if part.path not in missing]
    return sorted(found, key=lambda p: (p.venue, p.inst, p.kind, p.first_arrival))


@contextlib.contextmanager
def hold(root: Path, name: str, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock `name` of a folder; gives False where it is taken and `wait` is not wanted."""
    root.mkdir(parents=True, exist_ok=True)
    lock = os.open(root / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(lock)


@contextlib.contextmanager
def edit_manifest(root: Path) -> Iterator[Manifest]:
    """Give the manifest to be changed; it is written when the block ends without an error."""
    with hold(root, LOCK):
        manifest = read_manifest(root)
        if manifest is None:
            manifest = _adopt(root)
        before = msgspec.json.encode(manifest)
        yield manifest
        if msgspec.json.encode(manifest) != before or not (root / MANIFEST).exists():
            manifest.generation += 1
            _write(root, manifest)


def _adopt(root: Path) -> Manifest:
    """Return a manifest of the files that lie there."""
    logs = list_logs(root)
    limit = min((int(path.stem.partition("-")[2]) for path in logs), default=1 << 62)
    entries = [describe_part(root, part.path) for part in list_files(root)]
    entries = [entry for entry in entries if entry.first_arrival < limit]  # else rolled anew
    end = max((entry.last_arrival + 1 for entry in entries), default=0)
    return Manifest(parts=entries, next_arrival=end)


def _write(root: Path, manifest: Manifest) -> None:
    path = root / MANIFEST
    temporary = path.with_name(f".{MANIFEST}.{os.getpid()}.tmp")
    raw = msgspec.json.encode(manifest)
    try:
        with temporary.open("wb") as file:
            file.write(msgspec.json.format(raw, indent=1) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(root)


def retire(manifest: Manifest, entries: Iterable[PartEntry], keep_s: float) -> None:
    """Take parts out of a manifest; their files go `keep_s` later, by `purge`."""
    gone = {entry.path for entry in entries}
    until = time.time_ns() // 1000 + int(keep_s * 1e6)
    manifest.parts = [entry for entry in manifest.parts if entry.path not in gone]
    manifest.retired += [Retired(path, until) for path in sorted(gone)]


def purge(root: Path) -> int:
    """Hide what was retired, delete what is past its time; return the files deleted."""
    now = time.time_ns() // 1000
    manifest = read_manifest(root)
    if manifest is None or not manifest.retired:
        return 0
    old = [entry for entry in manifest.retired if entry.until <= now]
    for entry in manifest.retired:
        path = root / entry.path
        with contextlib.suppress(FileNotFoundError):
            path.rename(retired_name(path))
    for entry in old:
        path = root / entry.path
        retired_name(path).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # folders that are empty now
            for folder in list(path.parents)[:4]:
                folder.rmdir()
    if old:
        with edit_manifest(root) as manifest:
            manifest.retired = [entry for entry in manifest.retired if entry not in old]
    return len(old)


def remove_recording(root: Path) -> None:
    """Delete the rows of a recording: parts, logs and manifest; raw frames stay."""
    for folder in root.glob("venue=*"):
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        folder.rmdir()
    for path in [*list_logs(root), *(root / name for name in LEFT)]:
        path.unlink(missing_ok=True)
