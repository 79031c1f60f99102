"""Record rows: a bounded queue, an append-only log, and Parquet behind it.

Rules
-----
1. `write` copies rows into memory and returns; a thread brings them to the log every `flush_s`.
   A killed process loses at most that, a power cut at most `fsync_s`.
2. `write` never waits for a disk. Rows that find no room, see `recorders.backlog`, are counted, and
   a STATUS row LAGGED stands in their place; `on_lost` hears of it.
3. When the disk refuses, what is in memory waits and is tried again every second. After `give_up_s`
   the recorder ends: it keeps what is written, counts the rest as lost, and `close` raises.
4. The log is rolled into Parquet when it is old or large, see `recorders.rotate`.
5. Rows of our own go between those that came: snapshots of books, lag, clocks.
6. One recorder a folder: a lock says so.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import numpy as np

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import EVENT, EventArray, Flag, empty_events
from extrema_nb.instruments import InstrumentTable
from extrema_nb.store import (
    LogWriter,
    Manifest,
    log_folder,
    next_arrival,
    pack_rows,
    read_manifest,
)
from recorders.backlog import Backlog, Spill
from recorders.books import Books
from recorders.fit import unfit
from recorders.health import Health
from recorders.rotate import Rolled, Roller, Rotation, disk_error, recover

__all__ = ["ParquetRecorder", "RecorderStats"]

log = logging.getLogger(__name__)

FRAME_ROWS = 16_384  # a frame that a full disk refuses takes no more rows with it
STEP_ROWS = 262_144  # rows looked at together
RETRY_S = 1.0  # between tries of a disk that refuses


class RecorderStats(msgspec.Struct, kw_only=True):
    """Counts since the recorder was opened."""

    rows: int = 0  # given to `write`, and made here
    made: int = 0  # of these, made here: snapshots of books, lag, clocks, gaps
    flushed: int = 0  # of these, in the log or beyond
    rolled: int = 0  # of these, in Parquet
    lost: int = 0  # of these, found no room, or were refused by the disk or for what they are
    spills: int = 0  # times rows were spilled
    spilled_rows: int = 0
    waiting: int = 0  # rows in memory and on the spill disk
    refusals: int = 0  # times the disk refused
    snapshots: int = 0  # of books, made here
    log_bytes: int = 0
    parquet_bytes: int = 0
    parts: int = 0
    recovered: int = 0  # rows of an earlier recorder that was killed
    torn_bytes: int = 0  # of the same: a frame that was not whole
    first_arrival: int = 0
    last_ts_recv: int = -1  # µs, of the last row of an earlier recorder; -1: there was none


class ParquetRecorder:
    """A sink that keeps every row. `write` is for one thread.

    Parameters
    ----------
    root : folder of the recording; an existing one is continued
    table : instruments whose ids stand in the rows; it may grow
    venue : of rows without an instrument; default: the venue of the table's first instrument
    tasks : task id -> venue, where rows of several venues come together
    flush_s : s between writes to the log
    fsync_s : s between fsyncs of the log
    rotate_s : s after which the log is rolled into Parquet
    rotate_bytes : bytes of rows, as they are in memory, at which it is
    queue_rows : rows that wait in memory at most
    spill : folder on another disk for rows that find no room in memory; None for none
    wait : `write` waits for the disk instead of losing rows; for sources that can wait
    give_up_s : s for which a disk that refuses is tried again
    snapshot_s : s between snapshots of each book, see `recorders.books`; 0 for none
    status_s : s between rows about lag and clocks, see `recorders.health`; 0 for none
    asked : venues whose clock is asked for elsewhere
    roll : rolls logs and looks after the folder, see `recorders.upkeep`; default: rolls only

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
        tasks: Mapping[int, str] | None = None,
        flush_s: float = 0.2,
        fsync_s: float = 1.0,
        rotate_s: float = 3600.0,
        rotate_bytes: int = 128 << 20,
        queue_rows: int = 1_048_576,
        spill: Path | None = None,
        wait: bool = False,
        give_up_s: float = 60.0,
        snapshot_s: float = 0.0,
        status_s: float = 0.0,
        asked: frozenset[str] = frozenset(),
        roll: Callable[[list[Path]], list[Rolled]] | None = None,
    ) -> None:
        self.root = Path(root)
        self._stats = RecorderStats()  # written by the thread, and before it starts
        self._given = self._late = 0  # rows given to `write`, and of these when it was too late
        self.error: OSError | DataError | None = None
        self.on_lost: Callable[[], None] | None = None  # called in the thread of `write`
        self._table = table
        self._tasks = dict(tasks or {})
        self._venue = venue or (table[0].venue if len(table) else "_")
        self._flush_s, self._fsync_s, self._give_up_s = flush_s, fsync_s, give_up_s
        self._wait = wait
        self._rotation = Rotation(rotate_s, rotate_bytes)
        self._books = Books(table, snapshot_s)
        self._health = Health(table, self._tasks, status_s, asked)
        self._rest: list[EventArray] = []  # taken, and not yet in the log
        self._refused_at = 0.0  # when the disk first refused, 0 while it takes
        self._log: LogWriter | None = None
        self._log_instruments = 0
        self._synced = time.monotonic()
        self._looked(empty_events(0))  # compiles now, not when the first rows come
        pack_rows(empty_events(0), np.zeros(0, np.uint8))
        self._lock_fd = _lock(self.root)
        try:
            found = recover(self.root)
            self._stats.recovered, self._stats.torn_bytes = found.rows, found.torn_bytes
            self._arrival = self._stats.first_arrival = next_arrival(self.root)
            parts = (read_manifest(self.root) or Manifest()).parts
            self._stats.last_ts_recv = max((p.last_ts_recv for p in parts), default=-1)
            self._spill = None if spill is None else Spill(spill, table, self._venue)
            self._recover_spill()
        except BaseException:
            os.close(self._lock_fd)
            raise
        self._backlog = Backlog(queue_rows, self._spill)
        self._io = threading.Lock()  # guards the log
        self._wake = threading.Event()
        self._stop = False
        self._roller = Roller(self.root, roll)
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def write(self, rows: EventArray) -> None:
        """Take (n,) EVENT rows, whole messages; the array may be used anew afterwards."""
        n = int(rows.size)
        if n == 0:
            return
        self._given += n
        if self.error is not None or self._stop:
            self._late += n
            return
        if self._wait and not self._backlog.fits(n):
            with self._io:
                self._drain()
                self._rest += self._looked(rows)
                self._drain()
            return
        if self._backlog.put(rows):
            if self._backlog.has_block:
                self._wake.set()
            return
        self._wake.set()
        if self.on_lost is not None:
            self.on_lost()

    def flush(self) -> None:
        """Bring what waits in memory to the log now."""
        with self._io:
            self._drain()

    def _run(self) -> None:
        while not self._stop:
            self._wake.wait(self._flush_s)
            self._wake.clear()
            with self._io:
                if self._refused_at and not self._stop:
                    time.sleep(min(RETRY_S, self._flush_s))
                self._drain()
                self._sync_or_rotate()

    def _drain(self) -> None:
        """Write what waits to the log; `_io` is held."""
        while True:
            while self._rest:
                if not self._append():
                    return
            self._backlog.done()
            taken = self._backlog.take()
            if taken.size == 0:
                return
            for at in range(0, int(taken.size), STEP_ROWS):
                self._rest += self._looked(taken[at : at + STEP_ROWS])

    def _looked(self, rows: EventArray) -> list[EventArray]:
        """Return rows as they are recorded: without bad ones, with our own behind them."""
        rows = np.ascontiguousarray(rows)
        bad = unfit(rows, len(self._table))
        if bad is not None:
            self._refuse(rows, bad)
            rows = rows[~bad]
            if rows.size == 0:
                return []
        self._books.feed(rows)
        self._health.feed(rows)
        if not rows.size or not int(rows["flags"][-1]) & Flag.LAST:
            return [rows]  # in the middle of a message; next time
        now = int(rows["ts_recv"][-1])
        made = [self._books.snapshots(now), self._health.rows(now)]
        count = sum(int(own.size) for own in made)
        self._stats.made += count
        self._stats.snapshots = self._books.taken
        return [part for part in (rows, *made) if part.size]

    def _refuse(self, rows: EventArray, bad: EventArray) -> None:
        count, at = int(bad.sum()), int(np.argmax(bad))
        self._stats.lost += count
        log.error(
            "%d rows that no recording can hold are left out; the first has kind %d, instrument %d "
            "and ts_recv %d; expected a kind that is known, an id below %d and µs since 1970",
            count, rows["kind"][at], rows["inst"][at], rows["ts_recv"][at], len(self._table),
        )  # fmt: skip

    def _append(self) -> bool:
        """Write one frame of what was taken; say whether the disk took it."""
        rows = self._rest[0][:FRAME_ROWS]
        if self.error is not None:
            self._stats.lost += sum(int(part.size) for part in self._rest)
            self._rest = []
            return True
        try:
            self._open()
            if self._log is not None:
                before = self._log.size
                self._log.write(rows)
                self._stats.log_bytes += self._log.size - before
        except OSError as error:
            return self._refused(error)
        if self._refused_at:
            log.warning("%s: the disk takes rows again", self.root)
            self._refused_at = 0.0
        self._stats.flushed += int(rows.size)
        self._arrival += int(rows.size)
        if rows.size < self._rest[0].size:
            self._rest[0] = self._rest[0][FRAME_ROWS:]
        else:
            del self._rest[0]
        return True

    def _open(self) -> None:
        """Have a log whose head names all instruments of the rows to come."""
        if self._log is not None and self._log_instruments != len(self._table):
            self._rotate()
        if self._log is None:
            path = log_folder(self.root) / f"rows-{self._arrival:012d}.log"
            self._log = LogWriter(path, self._table, self._venue, self._arrival, self._tasks)
            self._log_instruments = len(self._table)
            self._rotation.begin()

    def _refused(self, error: OSError) -> bool:
        """Wait for the disk, or give up; say whether to go on at once."""
        now = time.monotonic()
        self._stats.refusals += 1
        if not self._refused_at:
            self._refused_at = now
            log.warning(
                "%s: the disk refuses (%s); rows wait in memory, and are tried for %g s more",
                self.root, error.strerror, self._give_up_s,
            )  # fmt: skip
        if self._stop or now - self._refused_at >= self._give_up_s:
            self._fail(error)
            return True
        return False

    def _sync_or_rotate(self) -> None:
        if self._log is None or self.error is not None:
            return
        try:
            if self._rotation.due(self._log.rows * EVENT.itemsize):
                self._rotate()
            elif time.monotonic() - self._synced >= self._fsync_s:
                self._log.sync()
                self._synced = time.monotonic()
        except OSError as error:
            self._fail(error)

    def _rotate(self) -> None:
        finished, self._log = self._log, None
        if finished is not None:
            finished.close()
            self._roller.roll(finished.path)

    def _recover_spill(self) -> None:
        """Take rows that an earlier recorder could only spill; their log is rolled like any."""
        for rows in self._spill.leftovers() if self._spill is not None else ():
            self._rest = [rows]
            while self._rest:
                self._append()
            self._stats.recovered += int(rows.size)
            self._stats.flushed -= int(rows.size)  # not ours
            self._stats.first_arrival = self._arrival

    def _fail(self, error: OSError | DataError) -> None:
        if self.error is not None:
            return
        reason = getattr(error, "strerror", None) or str(error)
        text = (
            f"{self.root}: cannot record any more ({reason}); {self._stats.flushed} rows are kept "
            "and readable; free some space and start again in the same folder"
        )
        self.error = disk_error(error, text) if isinstance(error, OSError) else DataError(text)
        self.error.__cause__ = error
        log.error("%s", text)

    @property
    def stats(self) -> RecorderStats:
        """The counts as of now."""
        return self.progress()

    def progress(self) -> RecorderStats:
        """Return the counts as of now, with those of the background work."""
        done, backlog = list(self._roller.done), self._backlog
        stats = msgspec.structs.replace(self._stats)
        stats.made += backlog.gap_rows
        stats.rows = self._given + stats.made
        stats.lost += backlog.lost + self._late
        stats.rolled = sum(rolled.rows for rolled in done)
        stats.parquet_bytes = sum(rolled.parquet_bytes for rolled in done)
        stats.parts = sum(rolled.parts for rolled in done)
        stats.spills, stats.spilled_rows = backlog.spills, backlog.spilled_rows
        stats.waiting = backlog.waiting + sum(int(part.size) for part in list(self._rest))
        return stats

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
            gap = self._backlog.close()
            self._drain()  # what was just being spilled
            self._rest += [gap] if gap.size else []
            self._drain()
            try:
                self._rotate()
            except OSError as error:
                self._fail(error)
        self._roller.close()
        if self._roller.error is not None:
            self._fail(self._roller.error)
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
