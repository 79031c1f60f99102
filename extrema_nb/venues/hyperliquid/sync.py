"""Book synchronisation of Hyperliquid: there is nothing to join, only to notice.

Rules
-----
1. Every push holds the whole book of 20 levels and replaces what was known; there are no changes
   and no numbers, so a lost push is healed by the next one, half a second later.
2. A push older than the last one (two connections, a file out of order) is dropped: `superseded`.
3. The end of the connection makes the book STALE; RESYNCED follows the next push.
"""

from __future__ import annotations

from extrema_nb.events import EventArray, empty_events
from extrema_nb.kernels.memory import CHAINED, UNKNOWN
from extrema_nb.venues._stream.sync import StreamSync

__all__ = ["BookSync"]

NONE = empty_events(0)


class BookSync(StreamSync):
    """State machine of one book; see the rules above."""

    _newest = -1  # ts_event of the last push, µs

    @property
    def pace(self) -> tuple[int, int]:
        """How pushes may pass without being asked about (`kernels.memory`), and the last time."""
        return (UNKNOWN, -1) if self.needs_snapshot else (CHAINED, self._newest)

    def went_on(self, last: int) -> None:
        """Take note that pushes up to the time `last` have passed as `pace` allowed."""
        self._newest = last

    def on_snapshot(self, rows: EventArray) -> EventArray:
        """Return what to publish for a push; nothing when it is older than the one before."""
        ts_event = int(rows["ts_event"][0])
        if ts_event < self._newest:
            self.superseded += 1
            return NONE
        self._newest = ts_event
        return super().on_snapshot(rows)
