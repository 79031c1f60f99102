"""Rings: one writer, many readers, each with its own cursor.

Rules
-----
1. `publish` copies the rows in and never blocks, whatever the readers do.
2. Direct readers are called inside `publish`, in order of registration; they never lag.
   A direct reader that raises is taken off the ring and the error goes to `on_error`:
   a writer never pays for a reader.
3. A cursor reader that falls behind loses the oldest rows and learns how many: its first loss is
   told at once, later ones at most once a second, counts in between are added up.
4. A closed ring takes no more rows; its readers still get what is in it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from extrema_nb.contracts import Publish
from extrema_nb.errors import ConfigError
from extrema_nb.events import EVENT, EventArray, empty_events

__all__ = ["LAG_REPORT_US", "OnError", "Ring", "RingReader"]

LAG_REPORT_US = 1_000_000  # µs between two reports of one reader
_NEVER = -(2**62)  # before any report

OnError = Callable[[str, Exception], None]
"""Takes the name of a failed reader and what it raised."""

_log = logging.getLogger(__name__)


class RingReader:
    """A cursor on a ring; made by `Ring.reader`."""

    def __init__(self, ring: Ring, wake: asyncio.Event) -> None:
        self.ring = ring
        self.wake = wake
        self.lost_total = 0  # rows lost so far, reported or not
        self._cursor = ring.head
        self._lost = 0  # not reported yet
        self._reported = _NEVER

    @property
    def waiting(self) -> int:
        """Rows that are there to be read, those already lost included."""
        return self.ring.head - self._cursor

    @property
    def done(self) -> bool:
        """Whether the ring is closed and read to its end, with all losses reported."""
        return self.ring.closed and self.waiting == 0 and self._lost == 0

    def read(self, limit: int = 4_096) -> EventArray:
        """Return up to `limit` rows as a copy that belongs to the caller; empty if there are none."""
        behind = self.waiting - self.ring.capacity
        if behind > 0:
            self._cursor += behind
            self._lost += behind
            self.lost_total += behind
        out = self.ring.copy(self._cursor, min(self.waiting, limit))
        self._cursor += len(out)
        return out

    def take_lag(self, now: int) -> int:
        """Return the rows lost since the last report, or 0 if there are none or it is too early.

        Parameters
        ----------
        now : µs
        """
        early = now - self._reported < LAG_REPORT_US and not self.ring.closed
        if self._lost == 0 or early:
            return 0
        lost, self._lost = self._lost, 0
        self._reported = now
        return lost

    def close(self) -> None:
        """Leave the ring. May be called twice."""
        self.ring.forget(self)


class Ring:
    """Preallocated rows of one task.

    Parameters
    ----------
    capacity : rows
    name : for logs
    on_error : told about direct readers that raise; without it the error is logged
    """

    def __init__(self, capacity: int, name: str = "ring", on_error: OnError | None = None) -> None:
        if capacity < 1:
            raise ConfigError(f"ring {name}: capacity {capacity}, expected at least 1 row")
        self.capacity = capacity
        self.name = name
        self.head = 0  # rows published so far
        self.closed = False
        self._rows = empty_events(capacity)
        self._direct: tuple[tuple[str, Publish], ...] = ()
        self._readers: list[RingReader] = []
        self._on_error = on_error or _log_error

    def reader(self, wake: asyncio.Event | None = None) -> RingReader:
        """Return a new cursor at the present end; `wake` may be shared by several rings."""
        reader = RingReader(self, wake or asyncio.Event())
        self._readers.append(reader)
        return reader

    def direct(self, callback: Publish, name: str = "reader") -> None:
        """Call `callback(rows)` inside each publish; it must copy what it keeps."""
        self._direct = (*self._direct, (name, callback))

    def forget(self, reader: RingReader) -> None:
        """Take a reader off the ring; unknown ones are ignored."""
        if reader in self._readers:
            self._readers.remove(reader)

    def publish(self, rows: EventArray) -> None:
        """Copy `rows` in, call the direct readers, wake the others."""
        n = len(rows)
        if n == 0 or self.closed:
            return
        if rows.dtype is not EVENT:
            rows = rows.view(EVENT)
        self._store(rows)
        for name, callback in self._direct:
            try:
                callback(rows)
            except Exception as error:  # noqa: BLE001  # handed on: the writer must not pay
                self._direct = tuple(one for one in self._direct if one[1] is not callback)
                self._on_error(name, error)
        for reader in self._readers:
            reader.wake.set()

    def announce(self, rows: EventArray) -> None:
        """Publish to cursor readers only: life of the task, not for kernels and recorders."""
        if len(rows) == 0 or self.closed:
            return
        self._store(rows)
        for reader in self._readers:
            reader.wake.set()

    def latest(self, n: int) -> EventArray:
        """Return a copy of the last `n` rows, fewer if there are fewer."""
        n = min(n, self.head, self.capacity)
        return self.copy(self.head - n, n)

    def copy(self, start: int, n: int) -> EventArray:
        """Return rows `start` to `start + n` of all that were published; they must still be here."""
        at = start % self.capacity
        out = empty_events(n)
        first = min(n, self.capacity - at)
        out[:first] = self._rows[at : at + first]
        out[first:] = self._rows[: n - first]
        return out

    def close(self) -> None:
        """Take no more rows and wake everybody. May be called twice."""
        self.closed = True
        for reader in self._readers:
            reader.wake.set()

    def _store(self, rows: EventArray) -> None:
        skip = max(0, len(rows) - self.capacity)  # a burst larger than the ring keeps its end
        at = (self.head + skip) % self.capacity
        kept = len(rows) - skip
        first = min(kept, self.capacity - at)
        self._rows[at : at + first] = rows[skip : skip + first]
        self._rows[: kept - first] = rows[skip + first :]
        self.head += len(rows)


def _log_error(name: str, error: Exception) -> None:
    _log.error("direct reader %s failed and was taken off its ring", name, exc_info=error)
