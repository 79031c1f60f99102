"""How long a test waits for what must come, in one place.

A wait ends when the event comes; the limit only tells a slow machine from one that waits for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["PATIENCE_S", "at_rest"]

PATIENCE_S = 90.0  # below the limit of a test, so that the test says what it waited for


async def at_rest(measure: Callable[[], object], still_s: float) -> None:
    """Wait until `measure` has given the same for `still_s`: what was on its way has come."""
    before, now = object(), measure()
    while before != now:
        await asyncio.sleep(still_s)
        before, now = now, measure()
