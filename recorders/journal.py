"""Session journal: what a kernel group saw and what it asked for, on disk without waiting for it.

Rules
-----
1. `rows` and `intents` copy into memory and return; a thread of its own writes.
2. Each flush writes the rows before the intents, so that a crash never leaves an intent whose rows
   are missing.
3. Memory is bounded: past `max_buffer` bytes a writer waits for the disk rather than lose a row,
   and the wait is counted. A journal with a hole proves nothing.
4. A disk that fails ends the session with the error of the disk; what was written stays readable.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path
from typing import IO, Any

import msgspec
import numpy.typing as npt

from extrema_nb.errors import ConfigError
from extrema_nb.events import EVENT, INTENT, EventArray
from extrema_nb.runtime.sessions import (
    END_FILE,
    INPUT_FILE,
    INTENTS_FILE,
    META_FILE,
    SessionEnd,
    SessionMeta,
)

__all__ = ["SessionJournal"]

FLUSH_S = 0.5  # s; what a crash of the machine may cost
MAX_BUFFER = 64 * 1024 * 1024  # bytes that wait for the disk, a million rows
WAKE_BYTES = 1024 * 1024  # bytes after which the writer is woken before its time

_log = logging.getLogger(__name__)


class SessionJournal:
    """Writes one session folder; closing twice is fine.

    Parameters
    ----------
    folder : made if it is missing; must not hold a session yet
    meta : head of the journal, `extrema_nb.runtime.sessions.session_meta`
    flush_s : longest time between writes, s
    max_buffer : bytes that may wait for the disk
    """

    def __init__(
        self,
        folder: str | Path,
        meta: SessionMeta,
        *,
        flush_s: float = FLUSH_S,
        max_buffer: int = MAX_BUFFER,
    ) -> None:
        self.folder = Path(folder)
        self.row_count = 0
        self.intent_count = 0
        self.waits = 0  # times that a writer had to wait for the disk
        self._flush_s = flush_s
        self._max_buffer = max_buffer
        self._wake_bytes = min(WAKE_BYTES, max_buffer)
        self._buffers = [bytearray(), bytearray()]  # rows, intents
        self._lock = threading.Condition()
        self._closing = False
        self._closed = False
        self._error: OSError | None = None
        self._files = self._open(meta)
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    def rows(self, rows: EventArray) -> None:
        """Keep (n,) EVENT rows."""
        self._append(0, rows.view(EVENT).tobytes())
        self.row_count += len(rows)

    def intents(self, intents: npt.NDArray[Any]) -> None:
        """Keep (n,) INTENT rows."""
        self._append(1, intents.view(INTENT).tobytes())
        self.intent_count += len(intents)

    def close(self) -> None:
        """Write what waits, bring it to the disk and say that the session is whole."""
        if self._closed:
            return
        self._closed = True
        with self._lock:
            self._closing = True
            self._lock.notify_all()
        self._thread.join()
        for file in self._files:
            file.close()
        self._raise_error()
        end = SessionEnd(
            rows=self.row_count, intents=self.intent_count, closed_us=time.time_ns() // 1000
        )
        _write_json(self.folder / END_FILE, end)

    def _open(self, meta: SessionMeta) -> tuple[IO[bytes], IO[bytes]]:
        if (self.folder / META_FILE).exists():
            raise ConfigError(
                f"{self.folder} holds a session already; give each session a folder of its own"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        _write_json(self.folder / META_FILE, meta)
        return (
            (self.folder / INPUT_FILE).open("xb", buffering=0),
            (self.folder / INTENTS_FILE).open("xb", buffering=0),
        )

    def _append(self, which: int, raw: bytes) -> None:
        with self._lock:
            self._raise_error()
            if len(self._buffers[which]) > self._max_buffer:
                self.waits += 1
                self._lock.wait_for(self._has_room)
                self._raise_error()
            self._buffers[which] += raw
            if self._is_urgent():
                self._lock.notify_all()

    def _is_urgent(self) -> bool:
        # a state and not a notification: one that comes while the thread writes would be lost
        return self._closing or max(map(len, self._buffers)) >= self._wake_bytes

    def _has_room(self) -> bool:
        return self._error is not None or max(map(len, self._buffers)) <= self._max_buffer

    def _raise_error(self) -> None:
        if self._error is not None:
            raise OSError(
                self._error.errno,
                f"journal cannot be written: {self._error.strerror}",
                str(self.folder),
            ) from self._error

    def _write(self) -> None:
        """Run in the thread: write both buffers, rows first, until the journal closes."""
        rows_file, intents_file = self._files
        try:
            while True:
                with self._lock:
                    self._lock.wait_for(self._is_urgent, self._flush_s)
                    closing = self._closing
                    inputs, intents = self._buffers
                    self._buffers = [bytearray(), bytearray()]
                    self._lock.notify_all()
                _write_all(rows_file, inputs)
                _write_all(intents_file, intents)
                if closing:
                    os.fsync(rows_file.fileno())
                    os.fsync(intents_file.fileno())
                    return
        except OSError as error:
            _log.error("journal %s cannot be written: %s", self.folder, error)
            with self._lock:
                self._error = error
                self._lock.notify_all()


def _write_all(file: IO[bytes], raw: bytearray) -> None:
    view = memoryview(raw)
    while view:
        view = view[file.write(view) :]  # a raw file may take less than all


def _write_json(path: Path, value: Any) -> None:
    """Write whole or not at all."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
