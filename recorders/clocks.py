"""How far a venue's clock is ahead of ours, asked over REST: half of the way is the error.

The answer says the time when it was written. Of some questions the quickest tells most: its time
less the middle of question and answer, give or take half of what it took.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from extrema_nb.clock import Clock
from extrema_nb.errors import VenueError
from extrema_nb.events import EventArray, StatusCode, status_row
from extrema_nb.feeds.history import ask
from extrema_nb.net.http import HttpClient, HttpError
from extrema_nb.venues import MarketVenue

__all__ = ["ClockWatch"]

log = logging.getLogger(__name__)

QUESTIONS = 3  # a round; the quickest counts


class ClockWatch:
    """Asks a venue for its clock from time to time and publishes STATUS rows CLOCK.

    Parameters
    ----------
    venue, http : who is asked, and through what
    task_id : goes into the rows
    publish : takes them
    """

    def __init__(
        self, venue: MarketVenue, http: HttpClient, clock: Clock, task_id: int,
        publish: Callable[[EventArray], None],
    ) -> None:  # fmt: skip
        self.offset_us: int | None = None  # of the last round; None: not yet known
        self.error_us: int | None = None
        self.failures = 0
        self._venue, self._http, self._clock = venue, http, clock
        self._task_id, self._publish = task_id, publish

    async def run(self, every_s: float) -> None:
        """Ask until cancelled; a venue that does not answer is asked again next time."""
        while True:
            try:
                await self.ask()
            except (HttpError, VenueError) as error:
                self.failures += 1
                log.info("clock of %s: %s", self._venue.id, error)
            await asyncio.sleep(every_s)

    async def ask(self) -> None:
        """Ask once, some questions in a row."""
        best: tuple[int, int] | None = None
        for _ in range(QUESTIONS):
            before = self._clock.now()
            raw = await ask(self._venue, self._http, self._venue.server_time_request())
            after = self._clock.now()
            there = self._venue.decode_server_time(raw)
            found = ((after - before + 1) // 2, there - (before + after) // 2)
            best = found if best is None or found[0] < best[0] else best
        if best is not None:
            self.error_us, self.offset_us = best
            self._publish(
                status_row(
                    StatusCode.CLOCK, self._clock.now(), task=self._task_id,
                    found=self.offset_us, expected=self.error_us,
                )
            )  # fmt: skip
