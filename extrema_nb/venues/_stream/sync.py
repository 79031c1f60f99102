"""Book synchronisation where the snapshot is the first push of the channel.

Rules
-----
1. A book begins with a snapshot, whose first row is flagged START. RESYNCED follows it when the
   book was not good before.
2. ``prev_seq`` of a message must be ``seq`` of the one before. ``seq`` not above it: seen before,
   dropped, said as DUPLICATE. Anything else: GAP (expected, found) and STALE, until a snapshot.
3. Messages without numbers (-1) can not be checked and pass.
4. While there is no snapshot, rows leave at once, flagged STALE, after a STALE status: what comes
   before a snapshot on the same connection is contained in it, so nothing is worth waiting.
5. A snapshot numbered below what has already left is refused: it could not contain that. The venue
   is asked again.
"""

from __future__ import annotations

import numpy as np

from extrema_nb.events import ABSENT, EventArray, Flag, StatusCode, empty_events, status_row

__all__ = ["FLAGS_AT", "PREV_SEQ", "SEQ", "StreamSync"]

NONE = empty_events(0)
FIRST_SEQ, SEQ, PREV_SEQ = 6, 5, 7  # places among the words of a row
FLAGS_AT = 11  # place of `flags` among a row's int16
START = int(Flag.START)
STALE = int(Flag.STALE)


class StreamSync:
    """State machine of one book; see the rules above.

    Parameters
    ----------
    inst : instrument id
    task_id : goes into STATUS rows
    max_buffered : not used, nothing is buffered
    """

    def __init__(self, inst: int, *, task_id: int = ABSENT, max_buffered: int = 1000) -> None:
        del max_buffered
        self.inst = inst
        self._task_id = task_id
        self._synced = False
        self._said_stale = False
        self._last = ABSENT  # seq of the last message that left, good or doubtful
        self.gaps = 0
        self.duplicates = 0
        self.superseded = 0
        self.resyncs = 0

    @property
    def needs_snapshot(self) -> bool:
        """Whether the book can not go on without a snapshot."""
        return not self._synced

    def on_diff(self, rows: EventArray) -> EventArray:
        """Return what to publish for one message of the channel; often `rows` itself.

        Parameters
        ----------
        rows : (levels,) EVENT of kind LOB, one message; a snapshot when its first row says START
        """
        if rows.view(np.int16)[FLAGS_AT] & START:
            return self.on_snapshot(rows)
        words = rows.view(np.int64)
        seq, prev = int(words[SEQ]), int(words[PREV_SEQ])
        if not self._synced:
            return self._doubtful(rows, seq)
        if seq == ABSENT:
            return self._accept(rows)
        if seq <= self._last:
            self.duplicates += 1
            return self._status(rows, StatusCode.DUPLICATE, self._last, seq, 1)
        if prev != self._last:
            return self._gap(rows, seq, prev)
        self._last = seq
        return self._accept(rows)

    def on_snapshot(self, rows: EventArray) -> EventArray:
        """Return what to publish for a snapshot; nothing when it is older than what has left.

        Parameters
        ----------
        rows : (levels,) EVENT of kind LOB, all flagged SNAPSHOT, the first one START
        """
        seq = int(rows.view(np.int64)[SEQ])
        if self._synced and ABSENT < seq <= self._last:
            self.duplicates += 1
            return self._status(rows, StatusCode.DUPLICATE, self._last, seq, 1)
        if ABSENT < seq < self._last:
            self.superseded += 1
            return NONE
        self._last = seq
        self._restart()
        if self._synced:
            return self._accept(rows)
        self._synced, self._said_stale = True, False
        self.resyncs += 1
        rows = self._accept(rows)
        return np.concatenate([rows, self._status(rows, StatusCode.RESYNCED, ABSENT, seq, 0)])

    def on_disconnect(self, ts_recv: int) -> EventArray:
        """Return the STALE row, if the book was good: what is missed comes back as a snapshot."""
        if not self._synced:
            return NONE
        self._synced, self._said_stale = False, True
        return status_row(StatusCode.STALE, ts_recv, inst=self.inst, task=self._task_id)

    def flush(self, ts_recv: int) -> EventArray:
        """Return nothing: nothing is held back."""
        del ts_recv
        return NONE

    def _restart(self) -> None:
        """Forget the levels: a snapshot follows."""

    def _accept(self, rows: EventArray) -> EventArray:
        """Return what to publish for a message that is in sequence."""
        return rows

    def _doubtful(self, rows: EventArray, seq: int) -> EventArray:
        self._last = max(self._last, seq)
        rows["flags"] |= STALE
        if self._said_stale:
            return rows
        self._said_stale = True
        return np.concatenate([self._status(rows, StatusCode.STALE, ABSENT, ABSENT, 1), rows])

    def _gap(self, rows: EventArray, seq: int, prev: int) -> EventArray:
        expected, found = self._last, seq if prev == ABSENT else prev
        self.gaps += 1
        self._synced, self._said_stale = False, True
        return np.concatenate(
            [
                self._status(rows, StatusCode.GAP, expected, found, 1),
                self._status(rows, StatusCode.STALE, expected, found, 1),
                self._doubtful(rows, seq),
            ]
        )

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
