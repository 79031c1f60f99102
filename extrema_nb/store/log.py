"""Append-only log of EVENT rows in frames: what a recorder has not yet rolled into Parquet.

Layout: a file header, then frames. All integers are little-endian and unsigned.

====== ===== ==============================================================
offset bytes file header
====== ===== ==============================================================
0      8     ``XNBROWS1``
8      4     length of the JSON that follows
12     4     CRC-32 of the JSON
16     …     JSON: schema_version, first_arrival, venue, instruments, tasks
====== ===== ==============================================================

====== ===== ==============================================================
offset bytes frame
====== ===== ==============================================================
0      4     ``ROWS``
4      4     n, number of rows
8      4     CRC-32 of the rows
12     4     CRC-32 of the twelve bytes before
16     64 n  the rows
====== ===== ==============================================================

Rules
-----
1. A frame is written by one ``write``; a reader takes whole frames with a right checksum and stops
   at the first that is not: a torn tail can cost only rows that were not yet flushed.
2. Row i of the file has ``arrival = first_arrival + i``.
3. A write that fails takes the file back to its last whole frame, then raises.
"""

from __future__ import annotations

import contextlib
import os
import struct
import weakref
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from extrema_nb.errors import DataError
from extrema_nb.events import EVENT, SCHEMA_VERSION, EventArray
from extrema_nb.instruments import InstrumentTable

__all__ = ["LOG_HEAD", "LogFile", "LogHeader", "LogWriter"]

_MAGIC = b"XNBROWS1"
_FRAME = b"ROWS"
_FILE_HEAD = struct.Struct("<8sII")
_FRAME_HEAD = struct.Struct("<4sII")
_CRC = struct.Struct("<I")
LOG_HEAD = _FILE_HEAD.size  # bytes; a log that is shorter was killed before its first row
_HEAD_SIZE = _FRAME_HEAD.size + _CRC.size
MAX_FRAME_ROWS = 1 << 22  # a larger count in a frame's head is damage, not a frame


class LogHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What stands at the beginning of a log."""

    schema_version: int = SCHEMA_VERSION
    first_arrival: int
    venue: str  # of rows without an instrument
    instruments: str  # the table as JSON
    tasks: dict[int, str] = msgspec.field(default_factory=dict)  # task id -> venue of its rows


class LogWriter:
    """Writes frames. Not for several threads at once."""

    def __init__(
        self, path: Path, table: InstrumentTable, venue: str, first_arrival: int,
        tasks: Mapping[int, str] | None = None,
    ) -> None:  # fmt: skip
        head = LogHeader(
            first_arrival=first_arrival,
            venue=venue,
            instruments=table.to_json().decode(),
            tasks=dict(tasks or {}),
        )
        body = msgspec.json.encode(head)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.rows = 0
        self.size = 0  # bytes of whole frames
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            self._append(_FILE_HEAD.pack(_MAGIC, len(body), zlib.crc32(body)) + body)
        except OSError:
            os.close(self._fd)
            with contextlib.suppress(OSError):
                path.unlink()
            raise

    def write(self, rows: EventArray) -> None:
        """Append (n,) EVENT rows as one frame; they outlive this process from here on."""
        if rows.size == 0:
            return
        body = np.ascontiguousarray(rows).view(np.uint8).data
        head = _FRAME_HEAD.pack(_FRAME, int(rows.size), zlib.crc32(body))
        self._append(head + _CRC.pack(zlib.crc32(head)), body)
        self.rows += int(rows.size)

    def _append(self, *parts: Any) -> None:
        try:
            for part in parts:
                view = memoryview(part)
                while view.nbytes:
                    view = view[os.write(self._fd, view) :]
        except OSError:
            with contextlib.suppress(OSError):  # the reader drops a torn tail too
                os.ftruncate(self._fd, self.size)
                os.lseek(self._fd, self.size, os.SEEK_SET)
            raise
        self.size += sum(memoryview(part).nbytes for part in parts)

    def sync(self) -> None:
        """Bring what was written to disk, so that it outlives a power cut."""
        os.fsync(self._fd)

    def close(self) -> None:
        """Sync and close; may be called twice."""
        if self._fd >= 0:
            try:
                os.fsync(self._fd)
            finally:
                os.close(self._fd)
                self._fd = -1


class LogFile:
    """A log, opened for reading; a writer may still be appending.

    Raises
    ------
    DataError
        the file is no log or of another schema version
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn_bytes = 0  # behind the last whole frame; known after `frames` has ended
        # Held open, so that the rows stay readable when the recorder has rolled and deleted it.
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._fd)
        raw = os.pread(self._fd, _FILE_HEAD.size, 0)
        if len(raw) < _FILE_HEAD.size:
            raise DataError(f"{path}: log of {len(raw)} bytes, killed before its first row")
        magic, length, crc = _FILE_HEAD.unpack(raw)
        body = os.pread(self._fd, length, _FILE_HEAD.size) if magic == _MAGIC else b""
        self._start = _FILE_HEAD.size + len(body)
        if magic != _MAGIC or len(body) != length or zlib.crc32(body) != crc:
            raise DataError(
                f"{path}: no log of rows (its head is {raw[:8]!r}, expected {_MAGIC!r} and a right "
                "checksum); move it away to go on without it"
            )
        self.header = msgspec.json.decode(body, type=LogHeader)
        if self.header.schema_version != SCHEMA_VERSION:
            raise DataError(
                f"{path}: log of schema version {self.header.schema_version}, expected "
                f"{SCHEMA_VERSION}; finish it with the extrema-nb that wrote it"
            )

    def table(self) -> InstrumentTable:
        """Return the instruments whose ids stand in the rows."""
        return InstrumentTable.from_json(self.header.instruments)

    def frames(self) -> Iterator[EventArray]:
        """Yield the rows of each whole frame, (n,) EVENT, and stop at a torn tail."""
        for at, n, crc in self._heads():
            body = os.pread(self._fd, n * EVENT.itemsize, at + _HEAD_SIZE)
            if len(body) < n * EVENT.itemsize or zlib.crc32(body) != crc:
                self.torn_bytes = os.fstat(self._fd).st_size - at
                return
            yield np.frombuffer(body, EVENT).copy()

    def _heads(self) -> Iterator[tuple[int, int, int]]:
        """Yield offset, rows and checksum of each frame whose head is whole."""
        at = self._start
        while True:
            head = os.pread(self._fd, _HEAD_SIZE, at)
            if len(head) < _HEAD_SIZE or zlib.crc32(head[:-4]) != _CRC.unpack(head[-4:])[0]:
                break
            magic, n, crc = _FRAME_HEAD.unpack(head[:-4])
            if magic != _FRAME or n > MAX_FRAME_ROWS:
                break
            yield at, n, crc
            at += _HEAD_SIZE + n * EVENT.itemsize
        self.torn_bytes = max(0, os.fstat(self._fd).st_size - at)

    def count(self) -> int:
        """Return the number of rows in whole frames, by reading their heads only."""
        size = os.fstat(self._fd).st_size
        return sum(n for at, n, _ in self._heads() if at + _HEAD_SIZE + n * EVENT.itemsize <= size)
