"""Book synchronisation of dYdX: numbers in sequence, levels by age, and never crossed.

Rules
-----
1. The rules of `_stream.sync`: a snapshot first, then each message follows the one before.
2. Each level has an age, the message that set it (v3: its offset). A change older than its level is
   dropped: v3 sent levels out of order, one in nine messages of the capture does so.
3. There is no central book: each node has its own, the indexer's can be crossed, and a level may
   stand in it whose order has already traded. While the best bid is at or above the best ask, the
   older of the two goes; of two of one age both lose the smaller quantity. These rows are ours and
   flagged SYNTHETIC; they belong to the message that they follow. Rule of the venue's text
   "How to uncross the orderbook".
4. Rows leave with ``prev_seq`` the ``seq`` published before, so that a file of them chains.
"""

from __future__ import annotations

import numpy as np

from extrema_nb.events import ABSENT, EventArray, empty_events
from extrema_nb.kernels.aged import COUNTS, DONE, LATE, ROOM, UNCROSSED, accept, new_block
from extrema_nb.kernels.memory import CHAINED, UNKNOWN
from extrema_nb.venues._stream.sync import StreamSync

__all__ = ["BookSync"]

LEVELS = 256  # of a side, at first


class BookSync(StreamSync):
    """State machine of one book; see the rules above.

    Attributes
    ----------
    late_levels : levels dropped because a younger one was known
    uncrossed : levels changed by us because the book was crossed
    """

    def __init__(self, inst: int, *, task_id: int = ABSENT, max_buffered: int = 1000) -> None:
        super().__init__(inst, task_id=task_id, max_buffered=max_buffered)
        self._block = new_block(LEVELS)
        self._held = 0  # levels of a side, at most
        self._take_memory()

    @property
    def late_levels(self) -> int:
        """Return how many levels were dropped."""
        return int(self._block[DONE, LATE])

    @property
    def uncrossed(self) -> int:
        """Return how many levels we changed."""
        return int(self._block[DONE, UNCROSSED])

    @property
    def levels_at(self) -> int:
        """Return where the levels lie, for the scanner (`kernels.aged`); it moves as they grow."""
        return self._block_at

    @property
    def pace(self) -> tuple[int, int]:
        """How changes may pass without being asked about (`kernels.memory`), and the last seq."""
        return (UNKNOWN, ABSENT) if self.needs_snapshot else (CHAINED, self._last)

    def went_on(self, last: int) -> None:
        """Take note that changes up to `last` have passed as `pace` allowed, and are in the book."""
        self._last = last
        self._held = int(self._block[COUNTS, :2].max())

    def _accept(self, rows: EventArray) -> EventArray:
        """Return the rows that keep the published book as the venue means it, and uncrossed."""
        count = len(rows)
        self._held += count
        if self._held > self._room:
            self._make_room(count)
        self._words[: 8 * count] = rows.view(np.int64)
        n = accept(self._block_at, self._rows, self._values, 0, count)
        return self._out[:n]

    def _make_room(self, count: int) -> None:
        """See how many levels there are, and make room for `count` more of a side."""
        self._held = int(self._block[COUNTS, :2].max()) + count
        if self._held > self._block[COUNTS, ROOM]:
            self._block = new_block(2 * self._held, self._block)
            self._take_memory()

    def _take_memory(self) -> None:
        """Make the rows that fit the block: its levels, a message, and a row a level that crosses."""
        self._block_at = int(self._block.ctypes.data)
        self._room = int(self._block[COUNTS, ROOM])
        self._out = empty_events(4 * self._room)
        self._words = self._out.view(np.int64)
        self._rows = self._words.reshape(-1, 8)
        self._values = self._out.view(np.float64).reshape(-1, 8)
