"""Append-only log of EVENT rows in frames: what a recorder has not yet rolled into Parquet.

Layout: a file header, then frames. All integers are little-endian and unsigned.

====== ===== ==============================================================
offset bytes file header
====== ===== ==============================================================
0      8     ``XNBROWS2``
8      4     length of the JSON that follows
12     4     CRC-32 of the JSON
16     …     JSON: schema_version, first_arrival, venue, instruments, tasks
====== ===== ==============================================================

====== ===== ==============================================================
offset bytes frame
====== ===== ==============================================================
0      4     ``PACK``
4      4     n, number of rows
8      4     m, bytes of the packed rows
12     4     CRC-32 of the packed rows
16     4     CRC-32 of the sixteen bytes before
20     m     the rows, as `extrema_nb.store.packed` writes them
====== ===== ==============================================================

Logs of before, ``XNBROWS1``, are read too: their frames begin with ``ROWS``, n, the CRC-32 of the
rows and that of these twelve bytes, and hold the rows as they are.

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
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.errors import DataError
from extrema_nb.events import EVENT, SCHEMA_VERSION, EventArray
from extrema_nb.instruments import InstrumentTable
from extrema_nb.store.packed import most_bytes, pack_rows, unpack_rows

__all__ = ["LOG_HEAD", "LogFile", "LogHeader", "LogWriter"]

_MAGIC, _PLAIN_MAGIC = b"XNBROWS2", b"XNBROWS1"
_FRAME, _PLAIN_FRAME = b"PACK", b"ROWS"
_FILE_HEAD = struct.Struct("<8sII")
_FRAME_HEAD, _PLAIN_HEAD = struct.Struct("<4sIII"), struct.Struct("<4sII")
_CRC = struct.Struct("<I")
LOG_HEAD = _FILE_HEAD.size  # bytes; a log that is shorter was killed before its first row
MAX_FRAME_ROWS = 1 << 22  # a larger count in a frame's head is damage, not a frame


class LogHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What stands at the beginning of a log."""

    schema_version: int = SCHEMA_VERSION
    first_arrival: int
    venue: str  # of rows without an instrument
    instruments: str  # the table as JSON
    tasks: dict[int, str] = msgspec.field(default_factory=dict)  # task id -> venue of its rows


class _Frame(NamedTuple):
    """The head of a frame, and where its body lies."""

    at: int
    body: int
    rows: int
    size: int  # bytes of the body
    crc: int

    @property
    def end(self) -> int:
        return self.body + self.size


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
        self._packed: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)
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
        n = int(rows.size)
        if self._packed.size < most_bytes(n):
            self._packed = np.zeros(most_bytes(n), np.uint8)
        body = self._packed[: pack_rows(np.ascontiguousarray(rows), self._packed)].data
        head = _FRAME_HEAD.pack(_FRAME, n, body.nbytes, zlib.crc32(body))
        self._append(head + _CRC.pack(zlib.crc32(head)), body)
        self.rows += n

    def _append(self, *parts: Any) -> None:
        whole = sum(memoryview(part).nbytes for part in parts)
        try:
            sent = os.writev(self._fd, parts)
            while sent < whole:
                sent += os.write(self._fd, b"".join(parts)[sent:])
        except OSError:
            with contextlib.suppress(OSError):  # the reader drops a torn tail too
                os.ftruncate(self._fd, self.size)
                os.lseek(self._fd, self.size, os.SEEK_SET)
            raise
        self.size += whole

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
        known = magic in (_MAGIC, _PLAIN_MAGIC)
        body = os.pread(self._fd, length, _FILE_HEAD.size) if known else b""
        self._start = _FILE_HEAD.size + len(body)
        self._plain = magic == _PLAIN_MAGIC
        if not known or len(body) != length or zlib.crc32(body) != crc:
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
        for frame in self._heads():
            body = os.pread(self._fd, frame.size, frame.body)
            if len(body) < frame.size or zlib.crc32(body) != frame.crc:
                self.torn_bytes = os.fstat(self._fd).st_size - frame.at
                return
            try:
                rows = self._rows(body, frame.rows)
            except DataError:
                self.torn_bytes = os.fstat(self._fd).st_size - frame.at
                return
            yield rows

    def _rows(self, body: bytes, n: int) -> EventArray:
        return np.frombuffer(body, EVENT).copy() if self._plain else unpack_rows(body, n)

    def _heads(self) -> Iterator[_Frame]:
        """Yield each frame whose head is whole."""
        at, shape = self._start, _PLAIN_HEAD if self._plain else _FRAME_HEAD
        size = shape.size + _CRC.size
        while True:
            head = os.pread(self._fd, size, at)
            if len(head) < size or zlib.crc32(head[:-4]) != _CRC.unpack(head[-4:])[0]:
                break
            frame = self._frame(at, at + size, *shape.unpack(head[:-4]))
            if frame is None:
                break
            yield frame
            at = frame.end
        self.torn_bytes = max(0, os.fstat(self._fd).st_size - at)

    def _frame(self, at: int, body: int, magic: bytes, n: int, *rest: int) -> _Frame | None:
        """Return what a head says, None where it is none of a frame."""
        size = n * EVENT.itemsize if self._plain else rest[0]
        wanted = _PLAIN_FRAME if self._plain else _FRAME
        if magic != wanted or n > MAX_FRAME_ROWS or size > most_bytes(n):
            return None
        return _Frame(at, body, n, size, rest[-1])

    def count(self) -> int:
        """Return the number of rows in whole frames, by reading their heads only."""
        size = os.fstat(self._fd).st_size
        return sum(frame.rows for frame in self._heads() if frame.end <= size)
