"""Turn logs into Parquet: when a log is full, in the background, and what a killed recorder left."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from extrema_nb.errors import DataError
from extrema_nb.store import (
    LOG_HEAD,
    LogFile,
    RowWriter,
    hold,
    list_logs,
    log_folder,
    sweep,
    sync_folder,
)

ROLL_LOCK = ".roll.lock"

__all__ = ["Rolled", "Roller", "Rotation", "disk_error", "recover", "roll_log"]

log = logging.getLogger(__name__)


class Rolled(NamedTuple):
    """What came of a log."""

    rows: int
    parts: int
    parquet_bytes: int  # of the parts that were written or rewritten
    torn_bytes: int  # behind the last whole frame, dropped


class Rotation:
    """Says when a file is to be closed and the next one begun.

    Parameters
    ----------
    every_s : s, age at which it is; 0 for no limit
    max_bytes : size at which it is
    """

    def __init__(self, every_s: float, max_bytes: int) -> None:
        self.every_s = every_s
        self.max_bytes = max_bytes
        self._opened = time.monotonic()

    def begin(self) -> None:
        """Take note that a new file was begun."""
        self._opened = time.monotonic()

    def due(self, size: int) -> bool:
        """Say whether a file of `size` bytes is to be closed now."""
        old = self.every_s > 0 and time.monotonic() - self._opened >= self.every_s
        return old or size >= self.max_bytes


def disk_error(error: OSError, text: str) -> OSError:
    """Return an error with the number of `error` that says `text` and nothing else."""
    out = OSError(text)
    out.errno = error.errno
    return out


def roll_log(root: Path, path: Path) -> Rolled:
    """Write the rows of a log as Parquet, then delete the log. Doing it twice changes nothing.

    One log at a time: a process that outlived its recorder may still be rolling the same one.
    """
    with hold(root, ROLL_LOCK):
        return _roll(root, path)


def _roll(root: Path, path: Path) -> Rolled:
    source = LogFile(path)
    head = source.header
    writer = RowWriter(root, source.table(), head.venue, tasks=head.tasks)
    at = head.first_arrival
    for rows in source.frames():
        writer.write(rows, at)
        at += int(rows.size)
    writer.flush()
    path.unlink()
    sync_folder(path.parent)
    size = sum(part.stat().st_size for part in writer.parts)
    return Rolled(at - source.header.first_arrival, len(writer.parts), size, source.torn_bytes)


def recover(root: Path) -> Rolled:
    """Roll what earlier recorders left as logs, and clear what they did not finish."""
    rows = parts = size = torn = 0
    for path in list_logs(root):
        try:
            rolled = roll_log(root, path)
        except FileNotFoundError:
            continue  # rolled by a process that outlived its recorder
        except DataError:
            if path.stat().st_size >= LOG_HEAD:
                raise
            path.unlink()  # killed while it wrote the head: no row was in it
            continue
        rows += rolled.rows
        parts += rolled.parts
        size += rolled.parquet_bytes
        torn += rolled.torn_bytes
    with hold(root, ROLL_LOCK):
        sweep(root)
    if rows or torn:
        log.warning("recovered %d rows of an unfinished recording, dropped %d bytes", rows, torn)
    return Rolled(rows, parts, size, torn)


class Roller:
    """A thread that has logs rolled one after the other, in order.

    Parameters
    ----------
    root : folder of the recording
    work : takes the logs that wait, returns what was rolled or raises; `roll_log` each by default
    """

    def __init__(
        self, root: Path, work: Callable[[list[Path]], list[Rolled]] | None = None
    ) -> None:
        self.root = root
        self.done: list[Rolled] = []
        self.error: OSError | DataError | None = None  # of the last try; the logs stay and wait
        self._work = work
        self._todo: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        self._waiting: list[Path] = []
        self._thread = threading.Thread(target=self._run, name="roller", daemon=True)
        self._thread.start()

    def roll(self, path: Path) -> None:
        """Take a finished log."""
        self._todo.put(path)

    def _run(self) -> None:
        while (path := self._todo.get()) is not None:
            self._waiting.append(path)
            self._try()

    def _try(self) -> None:
        """Roll what waits; a log that cannot be rolled now holds up those behind it."""
        self.error = None
        try:
            if self._work is None:
                while self._waiting:
                    self.done.append(roll_log(self.root, self._waiting[0]))
                    del self._waiting[0]
            else:
                done = self._work(self._waiting)
                self.done += done
                del self._waiting[: len(done)]
        except (OSError, DataError) as error:
            self.error = error
            log.warning("%s: rows stay in their logs for now (%s)", self.root, error)

    def close(self) -> None:
        """Finish what was given; may be called twice."""
        self._todo.put(None)
        self._thread.join()
        if self._waiting:
            self._work = None  # nothing runs any more that it could disturb
            self._try()
        with contextlib.suppress(OSError):
            log_folder(self.root).rmdir()  # only when nothing is left in it
