"""Book synchronisation of Binance: REST snapshot and diff stream into rows in sequence.

Rules
-----
0. Each diff has a last id ``u`` and a predecessor: ``pu`` where futures name it, ``U - 1`` at spot,
   whose ids follow each other without a hole.
1. Diffs are buffered until a snapshot comes. Those that it contains are dropped (`superseded`):
   ``u < lastUpdateId`` of futures, ``u <= lastUpdateId`` at spot.
2. The first diff that is kept must join the snapshot: predecessor ``<= lastUpdateId``. For futures
   the venue's text says ``U <= lastUpdateId``; between pu and U no update of this book exists, so
   a snapshot taken there joins as well, and one taken right at pu is not thrown away.
3. From then on the predecessor of a diff must equal ``u`` of the one before. ``u`` not above it:
   seen before, dropped, said as DUPLICATE. A spot diff that reaches back further adds to what is
   known (quantities are absolute) and passes. Anything else: GAP (expected, found) and STALE, and
   all begins again with rule 1. RESYNCED follows the snapshot that mends it.
4. A snapshot is published before the buffered diffs that follow it. These keep their ``ts_event``
   but take the snapshot's ``ts_recv``: rows never go back in time, and at their own time they
   could not be used.
5. The buffer is bounded. When it is full the older half leaves as it is, flagged STALE, after a
   STALE status: better a doubtful row than a lost one.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from extrema_nb.events import (
    ABSENT,
    EventArray,
    Flag,
    StatusCode,
    empty_events,
    status_row,
)
from extrema_nb.kernels.memory import CHAINED, UNKNOWN, WAVED

__all__ = ["BookSync", "SpotBookSync"]

NONE = empty_events(0)
SEQ, FIRST_SEQ, PREV_SEQ = 5, 6, 7  # places among the words of a row


class BookSync:
    """State machine of one book of futures; see the rules above.

    Parameters
    ----------
    inst : instrument id
    task_id : goes into STATUS rows
    max_buffered : diff messages kept while waiting; 0 lets them pass at once, flagged STALE
    """

    _beyond = 0  # by how much the first diff after a snapshot must exceed it, at least

    def __init__(self, inst: int, *, task_id: int = ABSENT, max_buffered: int = 1000) -> None:
        self.inst = inst
        self._task_id = task_id
        self._max_buffered = max_buffered
        self._buffer: deque[EventArray] = deque()
        self._synced = False
        self._joined = False  # a diff has joined the snapshot; from here on the chain is strict
        self._last = ABSENT  # u of the last diff published, or lastUpdateId
        self._passed = ABSENT  # u of the last diff that left the buffer without a snapshot
        self._said_stale = False
        self.gaps = 0
        self.duplicates = 0
        self.superseded = 0
        self.resyncs = 0
        self.old_snapshots = 0  # refused because the first diff did not reach back to them

    @property
    def needs_snapshot(self) -> bool:
        """Whether the book can not go on without a snapshot."""
        return not self._synced

    @property
    def buffered(self) -> int:
        """Return how many diff messages wait for a snapshot."""
        return len(self._buffer)

    @property
    def pace(self) -> tuple[int, int]:
        """How diffs may pass without being asked about (`kernels.memory`), and the last u."""
        if self._synced and self._joined:
            return CHAINED, self._last
        if not self._synced and self._said_stale and not self._max_buffered + len(self._buffer):
            return WAVED, self._passed
        return UNKNOWN, ABSENT

    def went_on(self, last: int) -> None:
        """Take note that diffs up to `last` have passed as `pace` allowed."""
        if self._synced:
            self._last = last
        else:
            self._passed = last

    def on_diff(self, rows: EventArray) -> EventArray:
        """Return what to publish for one diff message; often `rows` itself.

        Parameters
        ----------
        rows : (levels,) EVENT of kind LOB, one message
        """
        words = rows.view(np.int64)
        last, prev = int(words[SEQ]), self._before(words)
        if not self._synced:
            return self._wait(rows, last)
        joins = prev == self._last
        if not self._joined:  # right after a snapshot
            if not joins and last < self._last + self._beyond:
                self.superseded += 1
                return NONE
            joins = prev <= self._last
        elif not joins and last <= self._last:
            self.duplicates += 1
            return self._status(rows, StatusCode.DUPLICATE, self._last, last, 1)
        elif self._beyond:  # ids of spot follow each other: what reaches back is known already
            joins = prev <= self._last
        if joins:
            self._last = last
            self._joined = True
            return rows
        return self._gap(rows, prev)

    def on_snapshot(self, rows: EventArray) -> EventArray:
        """Return what to publish for a snapshot: itself and the diffs that follow it.

        Nothing when it is older than what is known: `needs_snapshot` stays true, ask again.

        Parameters
        ----------
        rows : (levels,) EVENT of kind LOB, all flagged SNAPSHOT
        """
        last = int(rows.view(np.int64)[SEQ])
        if self._synced and last <= self._last:
            self.old_snapshots += 1
            return NONE
        waiting = [diff for diff in self._buffer if _seq(diff) >= last + self._beyond]
        reaches_back = not waiting or self._before(waiting[0].view(np.int64)) <= last
        if not reaches_back or last < self._passed:
            self.old_snapshots += 1
            return NONE
        self.superseded += len(self._buffer) - len(waiting)
        self._buffer.clear()
        self._synced, self._joined, self._last = True, False, last
        self._passed, self._said_stale = ABSENT, False
        self.resyncs += 1
        ts_recv = int(rows["ts_recv"][0])
        out = [rows, self._status(rows, StatusCode.RESYNCED, ABSENT, last, len(waiting))]
        for diff in waiting:
            diff["ts_recv"] = np.maximum(diff["ts_recv"], ts_recv)
            out.append(self.on_diff(diff))
        return np.concatenate(out)

    def on_disconnect(self, ts_recv: int) -> EventArray:
        """Return the STALE row, if the book was good; what was buffered is of no use any more.

        Diffs missed while away can only come back as a snapshot.
        """
        out = self.flush(ts_recv)
        if self._synced:
            self._synced = False
            self._passed = ABSENT
            stale = status_row(StatusCode.STALE, ts_recv, inst=self.inst, task=self._task_id)
            out = np.concatenate([stale, out])
            self._said_stale = True
        return out

    def flush(self, ts_recv: int) -> EventArray:
        """Return the buffered diffs, flagged STALE: no snapshot will come (end of a file)."""
        return self._release(len(self._buffer), ts_recv)

    def _before(self, words: npt.NDArray[np.int64]) -> int:
        """Return the id of the update before a diff."""
        return int(words[PREV_SEQ])

    def _wait(self, rows: EventArray, last: int) -> EventArray:
        """Buffer a diff in order of its ids."""
        if self._buffer and last <= _seq(self._buffer[-1]):
            if any(_seq(diff) == last for diff in self._buffer):
                self.duplicates += 1
                return self._status(rows, StatusCode.DUPLICATE, _seq(self._buffer[-1]), last, 1)
            self._buffer.append(rows.copy())
            self._buffer = deque(sorted(self._buffer, key=_seq))
        else:
            self._buffer.append(rows.copy())
        if len(self._buffer) <= self._max_buffered:
            return NONE
        return self._release((len(self._buffer) + 1) // 2, int(rows["ts_recv"][0]))

    def _release(self, count: int, ts_recv: int) -> EventArray:
        """Return the oldest `count` buffered diffs as doubtful rows."""
        if not count:
            return NONE
        out = []
        for _ in range(count):
            diff = self._buffer.popleft()
            diff["ts_recv"] = np.maximum(diff["ts_recv"], ts_recv)
            diff["flags"] |= int(Flag.STALE)
            self._passed = _seq(diff)
            out.append(diff)
        if not self._said_stale:
            self._said_stale = True
            out.insert(0, self._status(out[0], StatusCode.STALE, ABSENT, ABSENT, count))
        return np.concatenate(out)

    def _gap(self, rows: EventArray, found: int) -> EventArray:
        expected = self._last
        self.gaps += 1
        self._synced = False
        self._said_stale = True
        self._passed = ABSENT
        said = [
            self._status(rows, StatusCode.GAP, expected, found, 1),
            self._status(rows, StatusCode.STALE, expected, found, 1),
        ]
        said.append(self._wait(rows, _seq(rows)))
        return np.concatenate(said)

    def _status(
        self, rows: EventArray, code: StatusCode, expected: int, found: int, count: int
    ) -> EventArray:
        return status_row(
            code,
            int(rows["ts_recv"][0]),
            ts_event=int(rows["ts_event"][0]),
            inst=self.inst,
            task=self._task_id,
            expected=expected,
            found=found,
            count=count,
        )


class SpotBookSync(BookSync):
    """State machine of one book of a spot market."""

    _beyond = 1

    def _before(self, words: npt.NDArray[np.int64]) -> int:
        return int(words[FIRST_SEQ]) - 1


def _seq(rows: EventArray) -> int:
    return int(rows.view(np.int64)[SEQ])
