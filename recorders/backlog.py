"""Rows between a socket that must not wait and a disk that may be slow.

Rules
-----
1. `put` copies rows into blocks of memory, which are used again, and returns; it never waits for a
   disk. `take` hands out block after block, so that rows are not copied once more.
2. Memory is bounded. When three quarters of it are full and there is a spill folder, which should
   be on another disk, a thread of its own writes the oldest rows there; they come back in order.
3. What finds no room is counted, and a STATUS row LAGGED stands in its place: `count` rows are
   missing, received from `expected` to `found` µs.
4. What a killed process spilled is found by the next one, see `Spill.leftovers`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from extrema_nb.errors import DataError
from extrema_nb.events import EVENT, EventArray, StatusCode, empty_events, status_row
from extrema_nb.instruments import InstrumentTable
from extrema_nb.store import LOG_HEAD, LogFile, LogWriter

__all__ = ["Backlog", "Spill"]

log = logging.getLogger(__name__)

ROW = EVENT.itemsize
FRAME_ROWS = 4096  # rows a frame of a spill file
BLOCK_ROWS = 16_384  # rows of a block of memory
WORDS_A_ROW = ROW // 8
SPARE = 8  # blocks that are kept to be used again
PAUSE_S = 1.0  # between tries of a spill folder that refuses


class _File(NamedTuple):
    path: Path
    size: int


class Spill:
    """A folder that takes rows while the disk of the recording does not.

    Parameters
    ----------
    folder : belongs to one recording; made when it is needed
    table, venue : as of the recording
    max_bytes : it holds at most
    """

    def __init__(
        self, folder: Path, table: InstrumentTable, venue: str, max_bytes: int = 4 << 30
    ) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._table, self._venue = table, venue
        self._number = time.time_ns()

    def leftovers(self) -> Iterator[EventArray]:
        """Yield rows that a killed recorder left here, and delete the files behind them."""
        for path in sorted(self.folder.glob("spill-*.log")):
            if path.stat().st_size >= LOG_HEAD:
                try:
                    file = LogFile(path)
                    names = [(spec.venue, spec.name) for spec in file.table()]
                    if names != [(s.venue, s.name) for s in self._table][: len(names)]:
                        log.warning("%s: spilled rows of other instruments are left alone", path)
                        continue
                    yield from file.frames()
                except DataError as error:
                    log.warning("spilled rows are left alone: %s", error)
                    continue
            path.unlink(missing_ok=True)

    def write(self, raw: bytes) -> _File:
        """Write rows to a file of their own."""
        self._number += 1
        path = self.folder / f"spill-{self._number}.log"
        writer = LogWriter(path, self._table, self._venue, 0)
        try:
            rows = np.frombuffer(raw, EVENT)
            for at in range(0, rows.size, FRAME_ROWS):
                writer.write(rows[at : at + FRAME_ROWS])
        except OSError:
            path.unlink(missing_ok=True)
            raise
        finally:
            writer.close()
        return _File(path, len(raw))

    def read(self, file: _File) -> bytes:
        """Return the rows of a file; a disk that lost them costs them."""
        try:
            raw = b"".join(rows.tobytes() for rows in LogFile(file.path).frames())
        except (OSError, DataError) as error:
            log.error("spilled rows are lost: %s", error)  # noqa: TRY400 - its words say it all
            raw = b""
        file.path.unlink(missing_ok=True)
        return raw


class Backlog:
    """A queue of rows with one writer and one reader. The writer never waits.

    Parameters
    ----------
    max_rows : rows in memory at most
    spill : takes rows when memory is short; None loses them, counted
    """

    def __init__(self, max_rows: int, spill: Spill | None = None) -> None:
        self.lost = 0  # rows that found no room
        self.gap_rows = 0  # rows that say so, among those that came after
        self.spills = 0  # times that rows were spilled
        self.spilled_rows = 0
        self.spill_error: OSError | None = None  # of the last try
        self._max = max_rows * ROW
        self._spill_at = self._max * 3 // 4
        self._spill = spill
        self._block_rows = max(1, min(BLOCK_ROWS, max_rows))
        self._full: deque[EventArray] = deque()  # blocks that nothing is put into any more
        self._block = empty_events(self._block_rows)
        self._filled = 0  # rows in `_block`
        self._spare: list[EventArray] = []  # blocks that were taken and are done
        self._handed: EventArray | None = None  # what the reader holds
        self._bytes = 0  # in `_full` and `_block`
        self._taken = 0  # bytes that the reader holds
        self._moving = 0  # bytes that are just being spilled
        self._files: deque[_File] = deque()
        self._on_disk = 0
        self._gap: tuple[int, int, int] | None = None  # rows lost since, first and last ts_recv
        self._lock = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None
        if spill is not None:
            self._thread = threading.Thread(target=self._run, name="spill", daemon=True)
            self._thread.start()

    def put(self, rows: EventArray) -> bool:
        """Take (n,) EVENT rows, or say that there is no room for them."""
        with self._lock:
            gap = self._gap is not None
            size = (int(rows.size) + gap) * ROW
            if self._bytes + self._taken + self._moving + size > self._max:
                self._lose(rows)
                return False
            if gap:
                self._keep(self._gap_row(rows))
                self._gap = None
                self.gap_rows += 1
            self._keep(rows)
            self._bytes += size
            if self._spill is not None and self._bytes >= self._spill_at:
                self._lock.notify_all()
        return True

    @property
    def waiting(self) -> int:
        """Rows that are not yet taken, on the spill disk too."""
        return (self._bytes + self._on_disk) // ROW

    def fits(self, rows: int) -> bool:
        """Say whether so many rows find room."""
        return self._bytes + self._taken + self._moving + rows * ROW <= self._max

    @property
    def has_block(self) -> bool:
        """Whether a whole block waits to be taken: while it is still in the processor's cache."""
        return bool(self._full)

    def take(self) -> EventArray:
        """Return the next rows, none if there are none; `done` must follow."""
        file = None
        with self._lock:
            if self._files:
                file = self._files.popleft()
                self._on_disk -= file.size
                self._taken = file.size
            elif self._moving:
                return empty_events(0)  # they are older than what is in memory
            else:
                if not self._full:
                    self._seal()
                self._handed = rows = self._full.popleft() if self._full else empty_events(0)
                self._taken = int(rows.size) * ROW
                self._bytes -= self._taken
        if file is not None and self._spill is not None:
            return np.frombuffer(self._spill.read(file), EVENT)
        return rows

    def done(self) -> None:
        """Say that what was taken is on disk, or given up, and not looked at any more."""
        with self._lock:
            self._taken = 0
            handed, self._handed = self._handed, None
            if handed is not None and isinstance(handed.base, np.ndarray):
                whole = handed.base
                if whole.size == self._block_rows and len(self._spare) < SPARE:
                    self._spare.append(whole)

    def close(self) -> EventArray:
        """End the spill thread; return the row that says what was lost at the end, if anything."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()
        if self._thread is not None:
            self._thread.join()
        gap, self._gap = self._gap, None
        if gap is None:
            return empty_events(0)
        self.gap_rows += 1
        return status_row(
            StatusCode.LAGGED, gap[2], count=gap[0], expected=gap[1], found=gap[2]
        )  # fmt: skip

    def _keep(self, rows: EventArray) -> None:
        """Copy rows into the block that is being filled."""
        n = int(rows.size)
        if self._filled + n > self._block.size:
            self._seal(n)
        # as words: NumPy takes ten times as long to copy records
        words, at = self._block.view(np.int64), self._filled * WORDS_A_ROW
        words[at : at + n * WORDS_A_ROW] = np.ascontiguousarray(rows).view(np.int64)
        self._filled += n

    def _seal(self, room: int = 0) -> None:
        """Begin another block, with room for so many rows."""
        if self._filled:
            self._full.append(self._block[: self._filled])
        elif self._block.size >= room:
            return
        if self._spare and room <= self._block_rows:
            self._block = self._spare.pop()
        else:
            self._block = empty_events(max(room, self._block_rows))
        self._filled = 0

    def _lose(self, rows: EventArray) -> None:
        n, first, last = int(rows.size), int(rows["ts_recv"][0]), int(rows["ts_recv"][-1])
        self.lost += n
        count, since = (self._gap[0], self._gap[1]) if self._gap else (0, first)
        self._gap = (count + n, since, last)

    def _gap_row(self, rows: EventArray) -> EventArray:
        count, first, last = self._gap or (0, 0, 0)
        return status_row(
            StatusCode.LAGGED, int(rows["ts_recv"][0]), count=count, expected=first, found=last
        )

    def _wants(self) -> bool:
        return self._closed or self._bytes >= self._spill_at

    def _run(self) -> None:
        """Run in the thread: spill whenever memory is short."""
        while True:
            with self._lock:
                self._lock.wait_for(self._wants)
                if self._closed:
                    return
                if self._on_disk + self._bytes > (self._spill.max_bytes if self._spill else 0):
                    self._lock.wait(PAUSE_S)
                    continue
                self._seal()
                blocks, size = list(self._full), self._bytes
                self._full.clear()
                self._bytes, self._moving = 0, size
            self._write(blocks, size)

    def _write(self, blocks: list[EventArray], size: int) -> None:
        file, self.spill_error = None, None
        try:
            file = (
                self._spill.write(b"".join(rows.tobytes() for rows in blocks))
                if self._spill
                else None
            )
        except OSError as error:
            self.spill_error = error
            log.warning("cannot spill rows: %s", error)
        with self._lock:
            self._moving = 0
            if file is None:
                self._full.extendleft(reversed(blocks))
                self._bytes += size
                self._lock.wait_for(lambda: self._closed, PAUSE_S)
            else:
                self._files.append(file)
                self._on_disk += size
                self.spills += 1
                self.spilled_rows += size // ROW
