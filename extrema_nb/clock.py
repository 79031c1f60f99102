"""Clocks: the only place that reads wall time."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Something that tells the time in µs since the UNIX epoch; never goes back."""

    def now(self) -> int:
        """Return µs since the UNIX epoch."""
        ...


class SystemClock:
    """Wall time that never goes back.

    The wall clock is read once; after that the monotonic clock counts on, so that a step of the
    system's clock can not put rows out of order. `resync` takes a new reading, forwards only.
    """

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.monotonic_ns()

    def now(self) -> int:
        """Return µs since the UNIX epoch."""
        return (time.monotonic_ns() + self._offset) // 1000

    def resync(self) -> int:
        """Follow the wall clock again if it is ahead; return the step in µs."""
        step = time.time_ns() - time.monotonic_ns() - self._offset
        if step > 0:
            self._offset += step
        return step // 1000
