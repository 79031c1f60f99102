"""When to save, and where: the moments between which a run is driven."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from extrema_nb.errors import ConfigError

__all__ = ["Plan"]


class Plan(NamedTuple):
    """What is to be saved of a run.

    Times are µs of ``ts_recv`` as the source has it.
    """

    path: Path | None = None  # where checkpoints go; each takes the place of the one before
    every_us: int = 0  # of the data's time; 0 for none
    until: int | None = None  # stop there; the end of the data if None

    def check(self, first: int, last: int, done: int | None) -> None:
        """Raise ConfigError if it cannot be carried out.

        Parameters
        ----------
        first, last : of the data
        done : up to where the run has come that is to go on; None of a fresh one
        """
        if self.every_us < 0:
            raise ConfigError(f"checkpoints every {self.every_us} µs: expected more than 0")
        if self.path is None and (self.every_us or self.until is not None):
            raise ConfigError("there is no file to save to; give --checkpoint FILE")
        if self.path is not None and not self.every_us and self.until is None:
            raise ConfigError(
                f"nothing says when {self.path} is to be written; give --until or "
                "--checkpoint-every"
            )
        if self.until is not None and not first <= self.until <= last:
            raise ConfigError(
                f"the run is to stop at {self.until}, expected a time within the data: "
                f"{first} to {last} µs"
            )
        if self.until is not None and done is not None and self.until <= done:
            raise ConfigError(
                f"the run is to stop at {self.until} µs, where the checkpoint already is ({done}); "
                "give a later time"
            )

    def moments(self, start: int, last: int) -> Iterator[int]:
        """Yield the times after `start` at which to save, up to the end of the data."""
        end = last if self.until is None else self.until
        if self.every_us:
            due = (start // self.every_us + 1) * self.every_us
            while due < end:
                yield due
                due += self.every_us
        if self.until is not None:
            yield self.until
