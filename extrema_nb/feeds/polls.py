"""What a venue tells only when it is asked: open interest over REST, as rows among those that come.

Rules
-----
1. Polled is what is not among the venue's streams but among its calls.
2. The instruments are asked one after the other, evenly over `poll_s`, under the limits that all
   requests to the venue share; where those are slower, a round takes longer.
3. Rows are flagged POLLED. ``ts_event`` is the venue's time of the value, ``ts_recv`` the time at
   which its answer came.
4. An answer that does not come, or cannot be read, is counted and logged; the instrument is asked
   again in the next round. Nothing else waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from extrema_nb.channels import OpenInterest, Subscription
from extrema_nb.clock import Clock
from extrema_nb.contracts import Publish
from extrema_nb.errors import VenueError
from extrema_nb.events import Flag
from extrema_nb.feeds.history import ask
from extrema_nb.instruments import InstrumentTable
from extrema_nb.net.http import HttpClient
from extrema_nb.venues import MarketVenue

__all__ = ["Polls", "polled"]

log = logging.getLogger(__name__)

LOUD = 10  # failures that are logged one by one; after that each hundredth


def polled(venue: MarketVenue, subscription: Subscription) -> bool:
    """Say whether a channel is one that the venue does not push but answers to."""
    return (
        isinstance(subscription.channel, OpenInterest)
        and OpenInterest not in venue.channels
        and "open_interest" in venue.calls
    )


class Polls:
    """Asks a venue for the open interest of instruments, round after round.

    Parameters
    ----------
    venue, table, http, clock : who is asked, about what, and through what
    insts : instrument ids
    every_s : s of a round
    publish : takes the rows
    """

    def __init__(
        self, venue: MarketVenue, table: InstrumentTable, http: HttpClient, clock: Clock,
        insts: Sequence[int], *, every_s: float, publish: Publish,
    ) -> None:  # fmt: skip
        self.answers = 0
        self.errors = 0
        self._venue, self._table, self._http, self._clock = venue, table, http, clock
        self._insts, self._every_s, self._publish = list(insts), every_s, publish

    async def run(self) -> None:
        """Ask until cancelled; returns at once where there is nothing to ask for."""
        loop = asyncio.get_running_loop()
        step_s = self._every_s / max(1, len(self._insts))
        due = loop.time()
        while self._insts:
            for inst in self._insts:
                await self.ask(inst)
                due = max(due + step_s, loop.time())
                await asyncio.sleep(due - loop.time())

    async def ask(self, inst: int) -> None:
        """Ask once for one instrument."""
        venue, symbol = self._venue, self._table[inst].symbol
        try:
            raw = await ask(venue, self._http, venue.open_interest_request(symbol))
            rows = venue.decode_open_interest(raw, inst, self._clock.now())
        except VenueError as error:
            self.errors += 1
            if self.errors <= LOUD or self.errors % 100 == 0:
                log.warning("open interest of %s: %s", self._table[inst].name, error)
            return
        rows["flags"] |= Flag.POLLED
        self.answers += 1
        self._publish(rows)
