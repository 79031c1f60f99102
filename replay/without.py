"""A source without the rows that a backtest makes itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from extrema_nb.contracts import Source
from extrema_nb.events import EventArray, EventKind
from replay.sources.keep import Keep, keep_of

__all__ = ["ACCOUNT", "Without"]

ACCOUNT = (
    EventKind.ACC_ORDER,
    EventKind.FILL,
    EventKind.ACC_BAL,
    EventKind.ACC_POS,
    EventKind.INTENT,
)
"""What the recording of a live session tells about that session's own orders."""


class Without:
    """Rows of `source` but for some kinds; `left_out` counts them during a pass.

    A live session records its reports and timers beside the market. In a backtest they would be
    taken for reports about the orders of the backtest, whose ids are the same numbers.
    """

    def __init__(self, source: Source, kinds: Iterable[EventKind]) -> None:
        self.source = source
        self.instruments = source.instruments
        self.left_out = 0  # rows, of the latest pass
        self._drop = np.zeros(256, np.bool_)
        self._drop[[int(kind) for kind in kinds]] = True

    def describe(self) -> dict[str, Any]:
        """Return what the source says of itself."""
        return self.source.describe()

    @property
    def most_rows(self) -> int | None:
        """A number of rows that are not exceeded, if the source knows one before reading."""
        return getattr(self.source, "most_rows", None)

    def keep(self) -> Keep | None:
        """Return where what is made of these rows may be kept, None if nowhere."""
        return keep_of(self.source, "without", np.flatnonzero(self._drop).tolist())

    def batches(self, batch_rows: int = 65_536) -> Iterator[EventArray]:
        """Yield the rows that are left, in order."""
        self.left_out = 0
        for batch in self.source.batches(batch_rows):
            dropped = self._drop[batch["kind"].view(np.uint8)]
            found = int(np.count_nonzero(dropped))
            self.left_out += found
            if found < len(batch):
                yield batch[~dropped] if found else batch
