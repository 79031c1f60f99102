"""Rate limits by the venue's own accounting: several weighted windows, and a reserve for cancels.

Rules
-----
1. A window is sliding: in any `interval_s` at most `capacity` is spent. A venue's aligned windows
   are then kept too, whatever their phase.
2. What the venue reports as used (`observe`) counts when it is more than we know of: other
   processes share the address.
3. `urgent` requests (cancels) may use the `reserve`; others leave it alone.
4. After 429 or 418 (`pause`) nothing leaves, urgent or not, until the venue's time is over.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from extrema_nb.errors import ConfigError

__all__ = ["Limit", "RateLimiter"]


class Limit(NamedTuple):
    """One window: at most `capacity` in `interval_s`, the last `reserve` of it for the urgent."""

    name: str
    capacity: int
    interval_s: float
    reserve: int = 0


class _Window:
    """What was spent in one sliding window."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.spent: deque[tuple[float, int]] = deque()  # (time, cost), oldest first
        self.used = 0

    def expire(self, now: float) -> None:
        while self.spent and self.spent[0][0] <= now - self.limit.interval_s:
            self.used -= self.spent.popleft()[1]

    def add(self, now: float, cost: int) -> None:
        self.spent.append((now, cost))
        self.used += cost

    def wait_s(self, now: float, cost: int, *, urgent: bool) -> float:
        self.expire(now)
        room = self.limit.capacity - (0 if urgent else self.limit.reserve)
        over = self.used + cost - room
        if over <= 0:
            return 0.0
        for at, spent in self.spent:
            over -= spent
            if over <= 0:
                return at + self.limit.interval_s - now
        return self.limit.interval_s


class RateLimiter:
    """Keeps requests within `limits`.

    Parameters
    ----------
    limits : windows; names are what `costs` and `observe` use
    now : seconds of a monotonic clock
    """

    def __init__(
        self, limits: Iterable[Limit] = (), *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._now = now
        self._windows = {limit.name: _Window(limit) for limit in limits}
        for limit in (window.limit for window in self._windows.values()):
            if not 0 <= limit.reserve < limit.capacity or limit.interval_s <= 0:
                raise ConfigError(
                    f"{limit} can never be kept; expected 0 <= reserve < capacity, interval_s > 0"
                )
        self._paused_until = float("-inf")
        self._turn = asyncio.Lock()  # first come, first served among those that can wait
        self.waited_s = 0.0  # time spent waiting in all

    def wait_s(self, costs: Mapping[str, int], *, urgent: bool = False) -> float:
        """Return how long `costs` must wait, seconds; 0 when it may go now.

        A cost of a window that nobody declared is free. A cost above the whole capacity is
        treated as the whole capacity: the venue will say no, not we.
        """
        now = self._now()
        wait = max(0.0, self._paused_until - now)
        for name, cost in costs.items():
            window = self._windows.get(name)
            if window is not None:
                room = window.limit.capacity - (0 if urgent else window.limit.reserve)
                wait = max(wait, window.wait_s(now, min(cost, room), urgent=urgent))
        return wait

    def take(self, costs: Mapping[str, int]) -> None:
        """Count `costs` as spent now."""
        now = self._now()
        for name, cost in costs.items():
            window = self._windows.get(name)
            if window is not None and cost:
                window.add(now, cost)

    async def acquire(self, costs: Mapping[str, int], *, urgent: bool = False) -> None:
        """Wait until `costs` fit, then count them; urgent ones overtake those that wait."""
        if urgent:
            await self._wait(costs, urgent=True)
            return
        async with self._turn:
            await self._wait(costs, urgent=False)

    async def _wait(self, costs: Mapping[str, int], *, urgent: bool) -> None:
        while (wait := self.wait_s(costs, urgent=urgent)) > 0:
            self.waited_s += wait
            await asyncio.sleep(wait)
        self.take(costs)

    def observe(self, name: str, used: int) -> None:
        """Take over the venue's count of a window when it is above ours."""
        window = self._windows.get(name)
        if window is None:
            return
        now = self._now()
        window.expire(now)
        if used > window.used:
            window.add(now, used - window.used)

    def pause(self, seconds: float) -> None:
        """Let nothing leave for `seconds`."""
        self._paused_until = max(self._paused_until, self._now() + seconds)

    def used(self, name: str) -> int:
        """Return what is spent in the window `name`."""
        window = self._windows[name]
        window.expire(self._now())
        return window.used
