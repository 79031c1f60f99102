"""Book synchronisation of Coinbase: snapshot first, then every change of the whole book.

Rules
-----
1. The rules of `_stream.sync`. ``sequence_num`` counts all messages of a connection; the decoder
   makes of it the link to the message of this book before (`_stream.lines`).
2. The older Exchange feed numbers nothing: its changes pass unchecked after a snapshot.
"""

from __future__ import annotations

from extrema_nb.events import ABSENT
from extrema_nb.kernels.memory import CHAINED, UNKNOWN
from extrema_nb.venues._stream.sync import StreamSync

__all__ = ["BookSync"]


class BookSync(StreamSync):
    """State machine of one book; see the rules above."""

    @property
    def pace(self) -> tuple[int, int]:
        """How changes may pass without being asked about (`kernels.memory`), and the last seq."""
        return (UNKNOWN, ABSENT) if self.needs_snapshot else (CHAINED, self._last)

    def went_on(self, last: int) -> None:
        """Take note that changes up to `last` have passed as `pace` allowed."""
        self._last = last
