"""Books whose messages name their predecessor, with the snapshot pushed or fetched: OKX, Gate.

Rules
-----
1. A message flagged START is a snapshot that the stream itself brought. It replaces the book and
   is published, unless the book is good and has its number already: then it is the copy of
   another connection (DUPLICATE).
2. Without a snapshot, changes are buffered. Those that a snapshot contains (``seq`` at or below
   its own) are dropped (`superseded`), whether it was pushed or fetched.
3. The first change that is kept must join a fetched snapshot: ``prev_seq <= seq of the snapshot``.
   A fetched snapshot that the buffer does not reach back to is refused (`old_snapshots`); the
   venue must be asked again.
4. From then on ``prev_seq`` must be the ``seq`` of the message before. ``seq`` at or below it:
   seen before, dropped, said as DUPLICATE. Anything else: GAP (expected, found) and STALE, and
   all begins again with rule 2. RESYNCED follows the snapshot that mends it.
5. A change that names itself as its predecessor and holds no level says only that nothing
   changed; it passes.
6. Buffered changes keep their ``ts_event`` but take the ``ts_recv`` of the snapshot that sets
   them free: rows never go back in time.
7. The buffer is bounded. When it is full the older half leaves as it is, flagged STALE, after a
   STALE status: better a doubtful row than a lost one.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from extrema_nb.events import ABSENT, EventArray, Flag, StatusCode, empty_events, status_row
from extrema_nb.kernels.memory import CHAINED, UNKNOWN, WAVED

__all__ = ["FIRST_SEQ", "FLAGS", "NONE", "PREV_SEQ", "SEQ", "ChainSync"]

NONE = empty_events(0)
FLAGS = 11  # place of `flags` among a row's int16
SEQ, FIRST_SEQ, PREV_SEQ = 5, 6, 7  # places among the words of a row
START = int(Flag.START)


class ChainSync:
    """State machine of one book; see the rules above.

    Parameters
    ----------
    inst : instrument id
    task_id : goes into STATUS rows
    max_buffered : change messages kept while waiting; 0 lets them pass at once, flagged STALE
    """

    def __init__(self, inst: int, *, task_id: int = ABSENT, max_buffered: int = 1000) -> None:
        self.inst = inst
        self._task_id = task_id
        self._max_buffered = max_buffered
        self._buffer: deque[EventArray] = deque()
        self._synced = False
        self._joined = False  # a change has joined the snapshot; from here on the chain is strict
        self._last = ABSENT  # seq of the last message published
        self._passed = ABSENT  # seq of the last change that left the buffer without a snapshot
        self._said_stale = False
        self.gaps = 0
        self.duplicates = 0
        self.superseded = 0
        self.resyncs = 0
        self.old_snapshots = 0  # refused because the changes did not reach back to them

    @property
    def needs_snapshot(self) -> bool:
        """Whether the book can not go on without a snapshot."""
        return not self._synced

    @property
    def buffered(self) -> int:
        """Return how many changes wait for a snapshot."""
        return len(self._buffer)

    @property
    def pace(self) -> tuple[int, int]:
        """How changes may pass without being asked about (`kernels.memory`), and the last seq."""
        if self._synced and self._joined:
            return CHAINED, self._last
        if not self._synced and self._said_stale and not self._max_buffered + len(self._buffer):
            return WAVED, self._passed
        return UNKNOWN, ABSENT

    def went_on(self, last: int) -> None:
        """Take note that changes up to `last` have passed as `pace` allowed."""
        if self._synced:
            self._last = last
        else:
            self._passed = last

    def on_diff(self, rows: EventArray) -> EventArray:
        """Return what to publish for one message of the stream; often `rows` itself.

        Parameters
        ----------
        rows : (levels,) EVENT of kind LOB, one message; a snapshot if flagged START
        """
        last, prev = self._ids(rows)
        if int(rows.view(np.int16)[FLAGS]) & START:
            seen = self._synced and last <= self._last
            return self._seen(rows, last) if seen else self._restart(rows, last, joined=True)
        if not self._synced:
            return self._wait(rows, last)
        if prev == self._last or (not self._joined and prev <= self._last < last):
            self._last = last
            self._joined = True
            return self._accept(rows)
        if last > self._last:
            return self._gap(rows, self._last, prev)
        if not self._joined:
            self.superseded += 1
            return NONE
        return self._seen(rows, last)

    def on_snapshot(self, rows: EventArray) -> EventArray:
        """Return what to publish for a snapshot that was fetched, and the changes that follow it.

        Nothing when it is older than what is known: `needs_snapshot` stays true, ask again.

        Parameters
        ----------
        rows : (levels,) EVENT of kind LOB, all flagged SNAPSHOT
        """
        last = self._ids(rows)[0]
        if self._synced and last <= self._last:
            self.old_snapshots += 1
            return NONE
        first = next((ids for ids in map(self._ids, self._buffer) if ids[0] > last), None)
        reaches_back = first is None or first[1] <= last
        if not reaches_back or last < self._passed:
            self.old_snapshots += 1
            return NONE
        return self._restart(rows, last, joined=False)

    def on_disconnect(self, ts_recv: int) -> EventArray:
        """Return the STALE row, if the book was good, and what was buffered.

        Changes missed while away can only come back as a snapshot.
        """
        out = self.flush(ts_recv)
        if self._synced:
            self._lose()
            stale = status_row(StatusCode.STALE, ts_recv, inst=self.inst, task=self._task_id)
            out = np.concatenate([stale, out])
        self._passed = ABSENT
        return out

    def flush(self, ts_recv: int) -> EventArray:
        """Return the buffered changes, flagged STALE: no snapshot will come (end of a file)."""
        return self._release(len(self._buffer), ts_recv)

    def _ids(self, rows: EventArray) -> tuple[int, int]:
        """Return the number of a message and that of the one before it."""
        words = rows.view(np.int64)
        return int(words[SEQ]), int(words[PREV_SEQ])

    def _accept(self, rows: EventArray) -> EventArray:
        """Take a message that is in its place; return what to publish for it."""
        return rows

    def _restart(self, rows: EventArray, last: int, *, joined: bool) -> EventArray:
        """Begin anew with a snapshot and let go what waits behind it."""
        waiting = [diff for diff in self._buffer if self._ids(diff)[0] > last]
        self.superseded += len(self._buffer) - len(waiting)
        self._buffer.clear()
        self._synced, self._joined, self._last = True, joined, last
        self._passed, self._said_stale = ABSENT, False
        self.resyncs += 1
        ts_recv = int(rows["ts_recv"][0])
        resynced = self._status(rows, StatusCode.RESYNCED, ABSENT, last, len(waiting))
        out = [self._accept(rows), resynced]
        for diff in waiting:
            diff["ts_recv"] = np.maximum(diff["ts_recv"], ts_recv)
            out.append(self.on_diff(diff))
        return np.concatenate(out)

    def _wait(self, rows: EventArray, last: int) -> EventArray:
        """Buffer a change in order of its numbers."""
        buffer = self._buffer
        if buffer and last <= self._ids(buffer[-1])[0]:
            if any(self._ids(diff)[0] == last for diff in buffer):
                return self._seen(rows, last)
            buffer.append(rows.copy())
            self._buffer = buffer = deque(sorted(buffer, key=lambda diff: self._ids(diff)[0]))
        else:
            buffer.append(rows.copy())
        if len(buffer) <= self._max_buffered:
            return NONE
        return self._release((len(buffer) + 1) // 2, int(rows["ts_recv"][0]))

    def _release(self, count: int, ts_recv: int) -> EventArray:
        """Return the oldest `count` buffered changes as doubtful rows."""
        if not count:
            return NONE
        out = []
        for _ in range(count):
            diff = self._buffer.popleft()
            diff["ts_recv"] = np.maximum(diff["ts_recv"], ts_recv)
            diff["flags"] |= int(Flag.STALE)
            self._passed = self._ids(diff)[0]
            out.append(diff)
        if not self._said_stale:
            self._said_stale = True
            out.insert(0, self._status(out[0], StatusCode.STALE, ABSENT, ABSENT, count))
        return np.concatenate(out)

    def _seen(self, rows: EventArray, last: int) -> EventArray:
        """Say that a message was seen before."""
        self.duplicates += 1
        newest = self._last if self._synced else self._ids(self._buffer[-1])[0]
        return self._status(rows, StatusCode.DUPLICATE, newest, last, 1)

    def _lose(self) -> None:
        """Forget that the book is good."""
        self._synced = False
        self._said_stale = True
        self._passed = ABSENT

    def _gap(self, rows: EventArray, expected: int, found: int) -> EventArray:
        """Say that something is missing before `rows`, and keep them for the next snapshot."""
        self.gaps += 1
        self._lose()
        said = [
            self._status(rows, StatusCode.GAP, expected, found, 1),
            self._status(rows, StatusCode.STALE, expected, found, 1),
        ]
        said.append(self._wait(rows, self._ids(rows)[0]))
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
