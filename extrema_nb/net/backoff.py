"""Back-off: how long to wait before the next try."""

from __future__ import annotations

import random

__all__ = ["Backoff"]


class Backoff:
    """Endless, capped, exponential delays with jitter.

    Jitter takes away up to half of a delay: many clients that lost one server must not come back
    in step, and no client should come back at once.

    Parameters
    ----------
    first_s : longest first delay, seconds
    cap_s : longest delay, seconds
    factor : growth from one delay to the next
    rng : source of the jitter; give a seeded one for a repeatable sequence
    """

    def __init__(
        self,
        first_s: float = 0.5,
        cap_s: float = 30.0,
        factor: float = 2.0,
        rng: random.Random | None = None,
    ) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self._factor = factor
        self._rng = rng or random.Random()  # noqa: S311 - jitter is no secret
        self._ceiling_s = first_s
        self.tries = 0  # delays given since the last `reset`

    def next(self) -> float:
        """Return the next delay, seconds."""
        ceiling = self._ceiling_s
        self._ceiling_s = min(self._cap_s, ceiling * self._factor)
        self.tries += 1
        return ceiling * (1.0 - 0.5 * self._rng.random())

    def reset(self) -> None:
        """Begin anew with the first delay: good data has come."""
        self._ceiling_s = self._first_s
        self.tries = 0
