"""Book synchronisation of OKX: pushed snapshot and changes into rows in sequence.

Rules
-----
The rules of `extrema_nb.venues._chain` hold, with ``seq`` = seqId and ``prev_seq`` = prevSeqId.
On top of them:

1. Numbers jump by arbitrary steps, and begin anew below after maintenance (seqId < prevSeqId):
   such a message continues the book if its prevSeqId is the last seqId.
2. Messages without numbers (until 2023) are numbered by their time, which rises with each
   message of an instrument. That tells copies apart but no gaps; those show in the checksum.
3. A checksum that is not 0 is compared with that of the rows published so far. If they differ
   something was missed: GAP (expected: the venue's, found: ours) and STALE, as for a number.
   A pushed snapshot whose own checksum disagrees ends the checking of the book for good: then
   the venue writes numbers in another way than we do, and no book may be thrown away for that.
4. The venue plans to end the push of snapshots (announced for 2026). A fetched one joins as well,
   if it has a seqId; without one it is refused where messages have numbers.
"""

from __future__ import annotations

import numpy as np

from extrema_nb.events import ABSENT, EventArray, Flag
from extrema_nb.kernels.memory import CHAINED, UNKNOWN
from extrema_nb.venues._chain import FIRST_SEQ, FLAGS, NONE, SEQ, ChainSync
from extrema_nb.venues.okx.checksum import CheckedBook, carried

__all__ = ["BookSync"]

ROW_WORDS = 8
START = int(Flag.START)


class BookSync(ChainSync):
    """State machine of one book; see the rules above.

    Attributes
    ----------
    checked, mismatches : checksums compared, and how many of them differed
    """

    def __init__(self, inst: int, *, task_id: int = ABSENT, max_buffered: int = 1000) -> None:
        super().__init__(inst, task_id=task_id, max_buffered=max_buffered)
        self._numbered = False
        self._checks = True  # the venue writes numbers as we do
        self._book: CheckedBook | None = None  # none while there is nothing to check against
        self._unsaid: EventArray | None = None  # a snapshot that came without a checksum
        self.checked = 0
        self.mismatches = 0

    @property
    def pace(self) -> tuple[int, int]:
        """In sequence only where numbers say so and nothing is checked."""
        found = super().pace
        checked = self._book is not None or self._unsaid is not None
        if found[0] == CHAINED and self._numbered and not checked:
            return found
        return UNKNOWN, ABSENT

    def on_snapshot(self, rows: EventArray) -> EventArray:
        """Return what to publish for a fetched snapshot and the changes that follow it."""
        if self._numbered and int(rows.view(np.int64)[SEQ]) == ABSENT:
            self.old_snapshots += 1  # nobody can say where it belongs
            return NONE
        return super().on_snapshot(rows)

    def _ids(self, rows: EventArray) -> tuple[int, int]:
        last, prev = super()._ids(rows)
        if last == ABSENT:
            ts = int(rows.view(np.int64)[0])
            return ts, min(self._last, ts - 1) if self._synced else ts - 1
        self._numbered = True
        return last, prev

    def _accept(self, rows: EventArray) -> EventArray:
        wanted = carried(int(rows.view(np.int64)[FIRST_SEQ]))
        self._clean(rows)
        if int(rows.view(np.int16)[FLAGS]) & START:
            return self._begin(rows, wanted)
        if self._unsaid is not None:
            if wanted is not None:
                self._book = CheckedBook()
                self._book.apply(self._unsaid)
            self._unsaid = None
        if self._book is None:
            return rows
        self._book.apply(rows)
        if wanted is None:
            return rows
        found = self._book.checksum()
        self.checked += 1
        if found == wanted:
            return rows
        self.mismatches += 1
        self._book = None
        return self._gap(rows, wanted, found)

    def _begin(self, rows: EventArray, wanted: int | None) -> EventArray:
        """Begin to check with a snapshot, or with the change after it if only that says how."""
        self._book = self._unsaid = None
        if not self._checks:
            return rows
        if wanted is None:
            self._unsaid = rows.copy()
            return rows
        book = CheckedBook()
        book.apply(rows)
        self.checked += 1
        self._checks = book.checksum() == wanted
        if self._checks:
            self._book = book
        return rows

    def _release(self, count: int, ts_recv: int) -> EventArray:
        for rows in self._buffer:
            self._clean(rows)
        return super()._release(count, ts_recv)

    def _clean(self, rows: EventArray) -> None:
        """Take the checksum out of rows that are published."""
        words = rows.view(np.int64)
        if words[FIRST_SEQ] < ABSENT:
            words[FIRST_SEQ::ROW_WORDS] = ABSENT
