"""Files of the cache folder: whole or not there, within a limit of space, the oldest go first."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from pathlib import Path
from typing import IO, Any

from extrema_nb.errors import ConfigError

__all__ = ["CopyWriter", "make_room", "space", "used_now"]

log = logging.getLogger(__name__)

OLD_S = 86_400.0  # of a file that nobody goes on writing to


def space() -> float:
    """Return how many bytes all copies of a folder may take: ``EXTREMA_NB_CACHE_GB`` (32)."""
    text = os.environ.get("EXTREMA_NB_CACHE_GB", "32")
    try:
        return float(text) * 1e9
    except ValueError as error:
        raise ConfigError(f"EXTREMA_NB_CACHE_GB is {text!r}, expected a number") from error


class CopyWriter:
    """Writes one file; without `finish_with` it leaves nothing.

    When the disk refuses there will be no file, which is told once and is no error.

    Parameters
    ----------
    path : of the finished file; its folder is made
    head : bytes left free at the beginning
    """

    def __init__(self, path: Path, head: int) -> None:
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}-{id(self):x}.tmp")
        self._file: IO[bytes] | None = None
        self.failed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._temporary.open("wb")
        except OSError as error:  # a folder that cannot be written
            self.give_up(error.strerror)
        self.put(bytes(head))

    def put(self, raw: Any) -> None:
        """Append bytes."""
        if self._file is None:
            return
        try:
            self._file.write(raw)
        except OSError as error:
            self.give_up(error.strerror)

    def give_up(self, why: str | None) -> None:
        """Leave nothing, and say why."""
        log.warning("%s: no copy is kept (%s)", self._path, why)
        self.failed = True
        self.close()

    def finish_with(self, head: bytes) -> None:
        """Write what stands at the beginning, make the file visible and let old ones go."""
        if self._file is None:
            return
        try:
            self._file.seek(0)
            self._file.write(head)
            self._file.close()
            self._temporary.replace(self._path)
        except OSError as error:
            self.give_up(error.strerror)
        else:
            make_room(self._path)

    def close(self) -> None:
        """Delete what is unfinished."""
        with contextlib.suppress(OSError):  # what was still to be written has no room either
            if self._file is not None:
                self._file.close()
        self._file = None
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)


def make_room(newest: Path) -> None:
    """Delete the copies that were longest not used, until all are within the limit.

    What a process that was killed left unfinished goes when it is a day old.
    """
    for path in newest.parent.glob(".v*.tmp"):
        with contextlib.suppress(OSError):  # it was finished, or another process does the same
            if path.stat().st_mtime < time.time() - OLD_S:
                path.unlink()
    copies = []
    for path in newest.parent.glob("v*.*"):
        with contextlib.suppress(FileNotFoundError):  # another process makes room as well
            copies.append((path, path.stat()))
    total = sum(stat.st_size for _, stat in copies)
    for path, stat in sorted(copies, key=lambda each: each[1].st_mtime_ns):
        if total <= space():
            return
        if path != newest:
            path.unlink(missing_ok=True)
            total -= stat.st_size


def used_now(path: Path) -> None:
    """Note that a copy was used, so that it is not the next to go."""
    with contextlib.suppress(OSError):
        os.utime(path)
