"""What a file holds, as a digest, without reading it at each start.

Rules
-----
1. A digest is the SHA-256 of the contents. It is kept in the cache folder under the file's path,
   size and time of change: a file that moved or was copied is hashed once more and found again,
   one that changed is another one.
2. What a look at a file found is kept beside it, under that digest and that of the code.
3. A recording's manifest already holds the digests of its parts.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import msgspec

from extrema_nb.store import hash_file

__all__ = ["code_digest", "content_digest", "remembered"]

T = TypeVar("T")


def content_digest(path: Path, folder: Path) -> str:
    """Return the SHA-256 of a file, remembered below `folder`."""
    stat = path.stat()
    key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
    note = folder / "digests" / hashlib.sha256(key.encode()).hexdigest()[:32]
    try:
        known = note.read_text(encoding="ascii")
        if len(known) == 64:
            return known
    except (OSError, UnicodeDecodeError):
        pass
    found = hash_file(path)
    _write(note, found.encode())
    return found


def remembered(folder: Path, key: str, kind: type[T], find: Callable[[], T]) -> T:
    """Return what `find` gives for a key, remembered below `folder`.

    Parameters
    ----------
    key : all that decides what is found, but for the code, which is added
    kind : what msgspec can write and read
    """
    name = hashlib.sha256(f"{code_digest()}|{kind.__name__}|{key}".encode()).hexdigest()[:32]
    note = folder / "notes" / name
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.msgpack.decode(note.read_bytes(), type=kind)
    found = find()
    _write(note, msgspec.msgpack.encode(found))
    return found


def _write(note: Path, raw: bytes) -> None:
    with contextlib.suppress(OSError):  # a full disk only means that it is found again
        note.parent.mkdir(parents=True, exist_ok=True)
        temporary = note.with_name(f".{note.name}.{os.getpid()}")
        temporary.write_bytes(raw)
        temporary.replace(note)


def code_digest(packages: Iterable[str] = ("extrema_nb", "replay.sources")) -> str:
    """Return a digest of the sources that turn files into rows: another version, other rows."""
    return hashlib.sha256("".join(map(_package_digest, packages)).encode()).hexdigest()


@cache
def _package_digest(name: str) -> str:
    sha = hashlib.sha256()
    for root in import_module(name).__path__:
        for path in sorted(Path(root).rglob("*.py")):
            sha.update(str(path.relative_to(root)).encode())
            sha.update(path.read_bytes())
    return sha.hexdigest()
