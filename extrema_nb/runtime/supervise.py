"""Supervised tasks: announce, run, and after a failure wait and run again.

Rules
-----
1. A cycle begins with its announcement, so readers see it before the cycle's rows.
2. Failures of the other side (VenueError, ModelError, OSError, time-outs) are retried after a delay
   that doubles up to a cap, with jitter; a cycle that lasted resets it.
3. Everything else (ConfigError, DataError, bugs) is not retried: it ends the environment.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from extrema_nb.errors import CommandError, ModelError, VenueError
from extrema_nb.net.backoff import Backoff

__all__ = ["RESET_S", "RETRIED", "supervise", "wait_or_stop"]

RESET_S = 60.0  # s; a cycle that lasted this long was a success
RETRIED = (VenueError, ModelError, CommandError, OSError, TimeoutError)

_log = logging.getLogger(__name__)


async def wait_or_stop(stop: asyncio.Event, seconds: float) -> bool:
    """Wait until `stop` is set, at most `seconds`; return whether it is set."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return stop.is_set()
    return True


async def supervise(
    name: str,
    body: Callable[[], Awaitable[None]],
    stop: asyncio.Event,
    *,
    announce: Callable[[], None],
    backoff: Backoff | None = None,
) -> None:
    """Run `body` in cycles until `stop` is set; a cycle that merely returns is begun again too."""
    backoff = backoff or Backoff()
    while not stop.is_set():
        announce()
        started = time.monotonic()
        reason = "returned"
        try:
            await body()
        except RETRIED as error:
            reason = f"failed: {str(error) or type(error).__name__}"
        if stop.is_set():
            return
        if time.monotonic() - started >= RESET_S:
            backoff.reset()
        delay = backoff.next()
        _log.warning("task %s %s; next cycle in %.1f s", name, reason, delay)
        if await wait_or_stop(stop, delay):
            return
