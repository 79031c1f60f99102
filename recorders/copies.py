"""A second place for a recording: a folder or an object store, through fsspec.

Rules
-----
1. Parts go first, the manifest last: what the manifest over there names is complete over there.
2. What was sent is compared by size; what is there already, by hash, is not sent again.
3. A part that was joined into another here goes there too, a part that only outlived its retention
   here stays there.
"""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.store import MANIFEST, Manifest, PartEntry, read_manifest

__all__ = ["Copied", "check_copy", "copy_recording", "open_store"]


class Copied(msgspec.Struct, kw_only=True):
    """What was copied."""

    parts: int = 0
    bytes: int = 0
    there: list[str] = msgspec.field(default_factory=list)  # SHA-256 of all parts that are there


def open_store(url: str, options: dict[str, str] | None = None) -> tuple[Any, str]:
    """Return the fsspec file system of a URL and the path in it.

    Credentials are the store's own affair: environment, profile, role.
    """
    try:
        core = importlib.import_module("fsspec.core")
        store, path = core.url_to_fs(url, **_nested(options or {}))
    except (ImportError, ValueError) as error:
        raise ConfigError(
            f"{url} cannot be opened: {error}; pip install 'extrema-nb[store]' for object stores"
        ) from error
    return store, str(path).rstrip("/")


def _nested(options: dict[str, str]) -> dict[str, Any]:
    """Return options with ``a.b = c`` as ``{"a": {"b": c}}``."""
    out: dict[str, Any] = {}
    for name, value in options.items():
        head, dot, tail = name.partition(".")
        if dot:
            out.setdefault(head, {})[tail] = value
        else:
            out[name] = value
    return out


def copy_recording(root: Path, url: str, options: dict[str, str] | None = None) -> Copied:
    """Bring the copy of a recording up to date.

    Raises
    ------
    OSError, DataError
        the store refuses, or keeps something else than what was sent
    """
    store, base = open_store(url, options)
    here = read_manifest(root) or Manifest()
    there = _manifest(store, base)
    known = {entry.path: entry.sha256 for entry in there.parts}
    out = Copied()
    for entry in here.parts:
        if known.get(entry.path) != entry.sha256:
            _send(store, root / entry.path, f"{base}/{entry.path}", entry.bytes)
            out.parts += 1
            out.bytes += entry.bytes
    mine = {entry.path for entry in here.parts}
    others = [entry for entry in there.parts if entry.path not in mine]
    joined = [entry for entry in others if _inside(entry, here.parts)]
    kept = [entry for entry in others if entry not in joined]
    new = Manifest(
        generation=there.generation + 1,
        next_arrival=max(here.next_arrival, there.next_arrival),
        removed_rows=0,
        parts=sorted([*kept, *here.parts], key=lambda e: (e.path, e.first_arrival)),
    )
    rows = sum(entry.rows for entry in new.parts)
    new.removed_rows = new.next_arrival - rows
    if out.parts or joined or [*known] != [entry.path for entry in new.parts]:
        store.pipe_file(f"{base}/{MANIFEST}", msgspec.json.encode(new))
    for entry in joined:
        store.rm_file(f"{base}/{entry.path}")
    out.there = [entry.sha256 for entry in new.parts]
    return out


def _inside(entry: PartEntry, parts: list[PartEntry]) -> bool:
    """Say whether the rows of a part are in another one of the same folder."""
    folder = entry.path.rpartition("/")[0]
    return any(
        part.path.rpartition("/")[0] == folder
        and part.first_arrival <= entry.first_arrival
        and part.last_arrival >= entry.last_arrival
        for part in parts
    )


def _manifest(store: Any, base: str) -> Manifest:
    try:
        return msgspec.json.decode(store.cat_file(f"{base}/{MANIFEST}"), type=Manifest)
    except FileNotFoundError:
        return Manifest()
    except msgspec.DecodeError as error:
        raise DataError(f"{base}/{MANIFEST}: damaged ({error}); move it away") from error


def _send(store: Any, path: Path, target: str, size: int) -> None:
    store.makedirs(str(PurePosixPath(target).parent), exist_ok=True)
    store.put_file(str(path), target)
    found = store.info(target)["size"]
    if found != size:
        raise DataError(f"{target}: {found} bytes arrived, {size} were sent; the store is broken")


def check_copy(url: str, options: dict[str, str] | None = None) -> tuple[int, list[str]]:
    """Read a whole copy; return its rows and what is wrong with it."""
    store, base = open_store(url, options)
    manifest = _manifest(store, base)
    if not manifest.parts:
        raise DataError(f"{url}: no recording there")
    problems = []
    for entry in manifest.parts:
        try:
            raw = store.cat_file(f"{base}/{entry.path}")
        except FileNotFoundError:
            problems.append(f"{entry.path}: is missing, with {entry.rows} rows")
            continue
        if hashlib.sha256(raw).hexdigest() != entry.sha256:
            problems.append(f"{entry.path}: its SHA-256 is not that of the manifest")
    return sum(entry.rows for entry in manifest.parts), problems
