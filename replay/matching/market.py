"""One simulated market: book and traders of a symbol, driven by simulated time.

Rules
-----
1. Simulated time starts at 0 µs and only moves on; what happens is a function of the seed and of
   the user's requests at their simulated times, not of how often anybody looks.
2. `advance` gives the rows of `out` (see `book`) in the order in which they happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import ConfigError
from extrema_nb.events import TimeInForce
from replay.matching import engine
from replay.matching.book import BEST, N_DIRTY, N_OUT, ORDERS, SEQ, MarketBook, make_book
from replay.matching.engine import Outcome
from replay.matching.traders import DONE, Traders, make_traders, run

__all__ = ["SimMarket"]

ROOM = 8_192  # rows or changed levels that are left before they are taken
PREROLL_US = 2_000_000  # simulated time before the start, so that the book has grown
SIGMA_BP = 0.25  # basis points of fair value a square root of a second


class SimMarket:
    """A price-time-priority market with simulated traders and one user.

    Parameters
    ----------
    seed : of the traders
    start_ticks : price at the start, ticks
    lots : usual size of a quote at the touch, lots
    rate : actions of the traders a second
    """

    def __init__(self, seed: int, *, start_ticks: int, lots: float, rate: float) -> None:
        if start_ticks < 1_000:
            raise ConfigError(f"start price is {start_ticks} ticks, expected at least 1000")
        if not rate > 0:
            raise ConfigError(f"rate is {rate}, expected a positive number of actions a second")
        self.base = start_ticks // 2  # ticks below this are outside the market
        self.width = start_ticks
        self.now = 0  # µs of simulated time
        sigma = start_ticks * SIGMA_BP * 1e-4
        self.book: MarketBook = make_book(self.width)
        self.traders: Traders = make_traders(
            seed,
            start_tick=start_ticks - self.base,
            lots=lots,
            rate=rate,
            now=-PREROLL_US,
            sigma=sigma,
        )
        self.before: list[npt.NDArray[Any]] = []  # rows of the time before the start
        while self.traders.times[0] < 0:
            self.before.extend(self._until(0))
            self.take_changes()
        # What the user may call is loaded now, not at the first order: requests that change nothing.
        engine.submit(self.book, 0, 0, 0, 1, 1, int(TimeInForce.IOC), 0)
        engine.cancel(self.book, 0, 0)
        engine.amend(self.book, 0, 0, 1, 1)

    @property
    def seq(self) -> int:
        """Update id of the last change."""
        return int(self.book.n[SEQ])

    def _until(self, until: int) -> Iterator[npt.NDArray[Any]]:
        status = -1
        while status != DONE:
            status = run(self.book, self.traders, until, ROOM)
            rows = self.take_rows()
            if len(rows):
                yield rows
            if status != DONE and self.book.n[N_DIRTY] > ROOM:
                return  # the caller takes the changes and comes again

    def advance(self, now: int) -> list[npt.NDArray[Any]]:
        """Let the traders act up to `now` (µs, exclusive); return batches of rows."""
        found: list[npt.NDArray[Any]] = []
        self.now = max(self.now, now)
        while self.traders.times[0] < self.now:
            found.extend(self._until(self.now))
            if self.book.n[N_DIRTY] > ROOM:
                break
        return found

    def take_rows(self) -> npt.NDArray[Any]:
        """Return a copy of the rows since the last call."""
        count = int(self.book.n[N_OUT])
        self.book.n[N_OUT] = 0
        return self.book.out[:count].copy()

    def take_changes(self) -> list[tuple[int, int]]:
        """Return (side, ticks) of the levels that changed since the last call."""
        count = int(self.book.n[N_DIRTY])
        found = [
            (int(word) // self.width, int(word) % self.width + self.base)
            for word in self.book.dirty[:count]
        ]
        engine.clear_dirty(self.book)
        return found

    def beat(self) -> None:
        """Raise the update id without a change, so that a snapshot lies inside the next message."""
        self.book.n[SEQ] += 1

    def submit(
        self, side: int, ticks: int, lots: int, tif: int, *, market: bool
    ) -> tuple[int, Outcome]:
        """Bring an order of the user; `side` is +1 or -1. Return (id, Outcome)."""
        tick = min(max(ticks - self.base, 0), self.width - 1)
        oid, outcome = engine.submit(
            self.book, self.now, 0, 0 if side > 0 else 1, tick, lots, tif, int(market)
        )
        return int(oid), Outcome(int(outcome))

    def cancel(self, oid: int) -> Outcome:
        """Cancel an order of the user."""
        return Outcome(int(engine.cancel(self.book, self.now, oid)))

    def amend(self, oid: int, ticks: int, lots: int) -> Outcome:
        """Amend an order of the user; `lots` stay open."""
        tick = min(max(ticks - self.base, 0), self.width - 1)
        return Outcome(int(engine.amend(self.book, self.now, oid, tick, lots)))

    def best(self) -> tuple[int, int, int, int]:
        """Return best bid (ticks, lots) and ask (ticks, lots); lots 0 where a side is empty."""
        n, depth = self.book.n, self.book.depth
        bid, ask = int(n[BEST]), int(n[BEST + 1])
        return (
            bid + self.base if n[ORDERS] else 0, int(depth[0, bid]) if n[ORDERS] else 0,
            ask + self.base if n[ORDERS + 1] else 0, int(depth[1, ask]) if n[ORDERS + 1] else 0,
        )  # fmt: skip

    def lots_at(self, side: int, ticks: int) -> int:
        """Return the lots at a price."""
        tick = ticks - self.base
        return int(self.book.depth[side, tick]) if 0 <= tick < self.width else 0

    def top(self, side: int, count: int) -> list[tuple[int, int]]:
        """Return the best `count` levels (ticks, lots) of side 0 bid or 1 ask, best first."""
        depth = self.book.depth[side]
        if self.book.n[ORDERS + side] == 0:
            return []
        best = int(self.book.n[BEST + side])
        reach = 256
        while True:
            if side == 0:
                part = depth[max(0, best - reach) : best + 1][::-1]
            else:
                part = depth[best : best + reach + 1]
            found = np.flatnonzero(part)[:count]
            if len(found) == count or reach >= self.width:
                step = -1 if side == 0 else 1
                return [(best + step * int(i) + self.base, int(part[i])) for i in found]
            reach *= 4
