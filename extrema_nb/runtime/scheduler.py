"""Timers: SCHEDULE rows on a grid that does not drift.

Rules
-----
1. Tick k is due at start + k periods; the first tick, number 0, at once.
2. A late timer tells only the newest tick that is due: the numbers skip the missed ones, which are
   counted, and nothing comes in a burst.
3. ``ts_event`` is when the tick was due, ``ts_recv`` when it was told.
"""

from __future__ import annotations

import asyncio
import logging

from extrema_nb.clock import Clock
from extrema_nb.contracts import Publish
from extrema_nb.events import SCHEDULE, EventArray, EventKind, Flag, empty_events

__all__ = ["Ticker", "run_ticker"]

_log = logging.getLogger(__name__)


class Ticker:
    """The grid of one timer, without waiting.

    Parameters
    ----------
    timer : id, the task id of its scheduler
    period : µs
    start : µs, when tick 0 is due
    """

    def __init__(self, timer: int, period: int, start: int) -> None:
        self.timer = timer
        self.period = period
        self.start = start
        self.missed = 0  # ticks that were skipped because the timer was late
        self._next = 0

    @property
    def due(self) -> int:
        """When the next tick is due, µs."""
        return self.start + self._next * self.period

    def take(self, now: int) -> EventArray | None:
        """Return the newest tick that is due at `now` (µs) as one row, or None before its time."""
        if now < self.due:
            return None
        tick = (now - self.start) // self.period
        self.missed += tick - self._next
        self._next = tick + 1
        rows = empty_events(1)
        row = rows.view(SCHEDULE)
        row["ts_event"] = self.start + tick * self.period
        row["ts_recv"] = now
        row["inst"] = -1
        row["kind"] = EventKind.SCHEDULE
        row["flags"] = Flag.LAST | Flag.SYNTHETIC
        row["timer"], row["tick"], row["period"] = self.timer, tick, self.period
        return rows


async def run_ticker(ticker: Ticker, clock: Clock, publish: Publish) -> None:
    """Publish ticks until cancelled."""
    while True:
        rows = ticker.take(clock.now())
        if rows is not None:
            publish(rows)
        await asyncio.sleep(max(ticker.due - clock.now(), 0) / 1e6)
