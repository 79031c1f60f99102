"""Reading several rings in one place, fairly.

Rules
-----
1. Rings that have rows are served in turn, so with n rings a ready one waits for at most n - 1
   batches of others, and a batch has at most `limit` rows.
2. A loss is told before the rows that follow it.
3. The end comes when every ring is closed and read to its end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from extrema_nb.clock import Clock
from extrema_nb.events import EventArray, StatusCode, empty_events, status_row
from extrema_nb.runtime.rings import Ring
from extrema_nb.runtime.tasks import TaskKey

__all__ = ["BATCH_ROWS", "Multiplexer"]

BATCH_ROWS = 4_096  # rows of one ring before the others get their turn

_log = logging.getLogger(__name__)


class Multiplexer:
    """Cursors on several rings.

    Parameters
    ----------
    rings : each with the key of its task
    clock : for the times of LAGGED rows
    name : of the reader, for logs
    limit : most rows of one ring in a turn
    """

    def __init__(
        self,
        rings: Sequence[tuple[TaskKey, Ring]],
        clock: Clock,
        name: str = "reader",
        limit: int = BATCH_ROWS,
    ) -> None:
        self.name = name
        self._clock = clock
        self._limit = limit
        self._wake = asyncio.Event()
        unique = dict(rings)  # a key named twice is one subscription
        self._readers = [(key, ring.reader(self._wake)) for key, ring in unique.items()]
        self._turn = 0

    @property
    def lost(self) -> int:
        """Rows lost so far, over all rings."""
        return sum(reader.lost_total for _, reader in self._readers)

    async def next(self) -> tuple[TaskKey, EventArray] | None:
        """Return the next batch; None at the end of all rings."""
        while True:
            self._wake.clear()
            found = self._poll()
            if found is not None:
                return found
            if all(reader.done for _, reader in self._readers):
                return None
            if not self._wake.is_set():
                await self._wake.wait()

    def close(self) -> None:
        """Leave all rings. May be called twice."""
        for _, reader in self._readers:
            reader.close()
        self._wake.set()

    def _poll(self) -> tuple[TaskKey, EventArray] | None:
        n = len(self._readers)
        for i in range(n):
            at = (self._turn + i) % n
            key, reader = self._readers[at]
            rows = reader.read(self._limit)
            lost = reader.take_lag(now := self._clock.now())
            if lost:
                _log.warning("%s is behind on %s: %d rows lost", self.name, key, lost)
                told = status_row(StatusCode.LAGGED, now, task=key.task_id, count=lost)
                rows = _before(told, rows)
            if len(rows):
                self._turn = at + 1
                return key, rows
        return None


def _before(first: EventArray, rows: EventArray) -> EventArray:
    out = empty_events(len(first) + len(rows))
    out[: len(first)] = first
    out[len(first) :] = rows
    return out
