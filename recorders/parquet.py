"""Record rows: a bounded queue, an append-only log, and Parquet behind it.

Rules
-----
1. `write` copies rows into memory and returns; a thread brings them to the log every `flush_s`.
   A killed process loses at most that, a power cut at most `fsync_s`.
2. Nothing is dropped: when the queue is full, `write` itself brings the rows to the log. That is
   slower and is counted as a spill.
3. The log is rolled into Parquet when it is old or large, see `recorders.rotate`.
4. When the disk refuses, the recorder keeps what is written, takes no more rows, counts those as
   lost, says so once, and `close` raises.
5. One recorder a folder: a lock says so.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from pathlib import Path

import msgspec
import numpy as np

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import EventArray, empty_events
from extrema_nb.instruments import InstrumentTable
from extrema_nb.store import LogWriter, log_folder, next_arrival
from recorders.rotate import Roller, Rotation, disk_error, recover

__all__ = ["ParquetRecorder", "RecorderStats"]

log = logging.getLogger(__name__)

MAX_TS = 1 << 60  # µs; far beyond any date
FRAME_ROWS = 4096  # a frame that a full disk refuses takes no more rows with it


class RecorderStats(msgspec.Struct, kw_only=True):
    """Counts since the recorder was opened."""

    rows: int = 0  # taken by `write`
    flushed: int = 0  # of these, in the log or beyond
    rolled: int = 0  # of these, in Parquet
    lost: int = 0  # refused by the disk
    spills: int = 0  # times the queue was full
    spilled_rows: int = 0
    log_bytes: int = 0
    parquet_bytes: int = 0
    parts: int = 0
    recovered: int = 0  # rows of an earlier recorder that was killed
    torn_bytes: int = 0  # of the same: a frame that was not whole
    first_arrival: int = 0


class ParquetRecorder:
    """A sink that keeps every row. `write` is for one thread.

    Parameters
    ----------
    root : folder of the recording; an existing one is continued
    table : instruments whose ids stand in the rows; it may grow
    venue : of rows without an instrument; default: the venue of the table's first instrument
    flush_s : s between writes to the log
    fsync_s : s between fsyncs of the log
    rotate_s : s after which the log is rolled into Parquet
    rotate_bytes : bytes at which it is
    queue_rows : rows that wait in memory at most

    Raises
    ------
    ConfigError
        another recorder writes to the folder
    """

    def __init__(
        self,
        root: str | Path,
        table: InstrumentTable,
        *,
        venue: str | None = None,
        flush_s: float = 1.0,
        fsync_s: float = 5.0,
        rotate_s: float = 3600.0,
        rotate_bytes: int = 128 << 20,
        queue_rows: int = 262_144,
    ) -> None:
        self.root = Path(root)
        self.stats = RecorderStats()
        self.error: OSError | DataError | None = None
        self._table = table
        self._venue = venue or (table[0].venue if len(table) else "_")
        self._flush_s, self._fsync_s = flush_s, fsync_s
        self._rotation = Rotation(rotate_s, rotate_bytes)
        self._lock_fd = _lock(self.root)
        try:
            found = recover(self.root)
            self.stats.recovered, self.stats.torn_bytes = found.rows, found.torn_bytes
            self._arrival = self.stats.first_arrival = next_arrival(self.root)
        except BaseException:
            os.close(self._lock_fd)
            raise
        self._log: LogWriter | None = None
        self._log_instruments = 0
        self._synced = time.monotonic()
        self._active = empty_events(max(1, queue_rows // 2))
        self._spare = empty_events(max(1, queue_rows // 2))
        self._fill = 0
        self._queue = threading.Lock()  # guards _active and _fill
        self._io = threading.Lock()  # guards the log; taken before _queue
        self._wake = threading.Event()
        self._stop = False
        self._roller = Roller(self.root)
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def write(self, rows: EventArray) -> None:
        """Take (n,) EVENT rows; raises DataError for rows that no recording can hold."""
        n = int(rows.size)
        if n == 0:
            return
        self._check(rows)
        if self.error is not None or self._stop:
            self.stats.lost += n
            return
        self.stats.rows += n
        with self._queue:
            room = self._active.size - self._fill
            if n <= room:
                self._active[self._fill : self._fill + n] = rows
                self._fill += n
        if n > room:
            self.stats.spills += 1
            self.stats.spilled_rows += n
            with self._io:
                self._drain()
                self._append(rows)
        elif self._fill * 2 > self._active.size:
            self._wake.set()

    def _check(self, rows: EventArray) -> None:
        if int(rows["kind"].min()) <= 0 or int(rows["inst"].max()) >= len(self._table):
            at = int(np.argmax((rows["kind"] <= 0) | (rows["inst"] >= len(self._table))))
            raise DataError(
                f"row {at} to be recorded has kind {int(rows['kind'][at])} and instrument "
                f"{int(rows['inst'][at])}; expected a kind above 0 and an id of the table "
                f"({len(self._table)} instruments)"
            )
        if int(rows["ts_recv"].min()) < 0 or int(rows["ts_recv"].max()) > MAX_TS:
            raise DataError("a row to be recorded has no ts_recv; expected µs since 1970")

    def flush(self) -> None:
        """Bring what waits in memory to the log now."""
        with self._io:
            self._drain()

    def _run(self) -> None:
        while not self._stop:
            self._wake.wait(self._flush_s)
            self._wake.clear()
            with self._io:
                self._drain()
                self._sync_or_rotate()

    def _drain(self) -> None:
        """Write the queue to the log; `_io` is held."""
        with self._queue:
            full, n = self._active, self._fill
            self._active, self._spare, self._fill = self._spare, full, 0
        self._append(full[:n])

    def _append(self, rows: EventArray) -> None:
        for at in range(0, int(rows.size), FRAME_ROWS):
            self._append_frame(rows[at : at + FRAME_ROWS])

    def _append_frame(self, rows: EventArray) -> None:
        n = int(rows.size)
        if self.error is not None:
            self.stats.lost += n
            return
        try:
            if self._log is not None and self._log_instruments != len(self._table):
                self._rotate()  # a log's head names all instruments of its rows
            if self._log is None:
                path = log_folder(self.root) / f"rows-{self._arrival:012d}.log"
                self._log = LogWriter(path, self._table, self._venue, self._arrival)
                self._log_instruments = len(self._table)
                self._rotation.begin()
            before = self._log.size
            self._log.write(rows)
            self.stats.log_bytes += self._log.size - before
            self.stats.flushed += n
            self._arrival += n
        except OSError as error:
            self.stats.lost += n
            self._fail(error)

    def _sync_or_rotate(self) -> None:
        if self._log is None:
            return
        try:
            if self._rotation.due(self._log.size):
                self._rotate()
            elif time.monotonic() - self._synced >= self._fsync_s:
                self._log.sync()
                self._synced = time.monotonic()
        except OSError as error:
            self._fail(error)
        if self._roller.error is not None and self.error is None:
            self._fail(self._roller.error)

    def _rotate(self) -> None:
        finished, self._log = self._log, None
        if finished is not None:
            finished.close()
            self._roller.roll(finished.path)

    def _fail(self, error: OSError | DataError) -> None:
        if self.error is not None:
            return
        reason = getattr(error, "strerror", None) or str(error)
        text = (
            f"{self.root}: cannot record any more ({reason}); {self.stats.flushed} rows are kept "
            "and readable; free some space and start again in the same folder"
        )
        self.error = disk_error(error, text) if isinstance(error, OSError) else DataError(text)
        self.error.__cause__ = error
        log.error("%s", text)

    def progress(self) -> RecorderStats:
        """Return the counts, with those of the background work."""
        done = list(self._roller.done)
        self.stats.rolled = sum(rolled.rows for rolled in done)
        self.stats.parquet_bytes = sum(rolled.parquet_bytes for rolled in done)
        self.stats.parts = sum(rolled.parts for rolled in done)
        return self.stats

    def close(self) -> None:
        """Bring everything to Parquet and release the folder; may be called twice.

        Raises
        ------
        OSError, DataError
            the recorder had to stop taking rows
        """
        if self._lock_fd < 0:
            return
        self._stop = True
        self._wake.set()
        self._thread.join()
        with self._io:
            self._drain()
            try:
                self._rotate()
            except OSError as error:
                self._fail(error)
        self._roller.close()
        if self._roller.error is not None:
            self._fail(self._roller.error)
        self.progress()
        os.close(self._lock_fd)
        self._lock_fd = -1
        if self.error is not None:
            raise self.error


def _lock(root: Path) -> int:
    """Return a handle that holds the folder until it is closed."""
    root.mkdir(parents=True, exist_ok=True)
    fd = os.open(root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise ConfigError(
            f"{root}: another recorder writes here; stop it or give another --out"
        ) from error
    return fd
