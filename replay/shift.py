"""Feeds that come later or earlier: what a machine in another region would have seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.contracts import Source
from extrema_nb.errors import ConfigError
from extrema_nb.events import EVENT, EventArray
from replay.sources.keep import Keep, keep_of

__all__ = ["FeedShift", "parse_shifts", "shifts_of"]


class FeedShift:
    """Rows of `source` with a constant added to ``ts_recv`` by instrument, in order again.

    The venue's clock stays. Memory is bounded by the rows within the widest difference of shifts.

    Parameters
    ----------
    shifts : name → µs, negative for earlier; an instrument that is not named stays; where several
        venues have the name, it stands behind its venue and a colon
    """

    def __init__(self, source: Source, shifts: Mapping[str, int]) -> None:
        self.source = source
        self.instruments = source.instruments
        self.shifts = dict(shifts)
        table = source.instruments
        # the last place is for rows without an instrument
        self.by_inst = np.zeros(len(table) + 1, np.int64)
        for name, shift in self.shifts.items():
            try:
                self.by_inst[table.by_name(name)] = shift
            except ConfigError as error:
                raise ConfigError(
                    f"the feed shift of {name!r}: {error}; the data have "
                    + ", ".join(table.labels())
                ) from error

    def describe(self) -> dict[str, Any]:
        """Return the source's description with the shifts."""
        return {**self.source.describe(), "feed_shift_us": self.shifts}

    def keep(self) -> Keep | None:
        """Return where what is made of these rows may be kept, None if nowhere."""
        return keep_of(self.source, "shift", self.by_inst.tolist())

    def batches(self, batch_rows: int = 65_536) -> Iterator[EventArray]:
        """Yield rows by their shifted ``ts_recv``; of equal times in the order of the source."""
        waiting = np.zeros(0, EVENT)
        least = int(self.by_inst.min())
        for batch in self.source.batches(batch_rows):
            whole = int(batch["ts_recv"][-1]) + least  # nothing that comes later is earlier
            insts = batch["inst"]
            known = (insts >= 0) & (insts < len(self.by_inst) - 1)
            batch["ts_recv"] += self.by_inst[np.where(known, insts, -1)]
            waiting = np.concatenate([waiting, batch])
            waiting = waiting[np.argsort(waiting["ts_recv"], kind="stable")]
            ready = int(np.searchsorted(waiting["ts_recv"], whole, side="left"))
            yield from _pieces(waiting[:ready], batch_rows)
            waiting = waiting[ready:].copy()
        yield from _pieces(waiting, batch_rows)


def shifts_of(source: Any) -> npt.NDArray[np.int64] | None:
    """Return what was added to ``ts_recv`` of each instrument, µs, on whatever way; None for nothing."""
    total = None
    while source is not None:
        if isinstance(source, FeedShift):
            total = source.by_inst if total is None else total + source.by_inst
        source = getattr(source, "source", None)
    return total


def _pieces(rows: EventArray, most: int) -> Iterator[EventArray]:
    for start in range(0, len(rows), most):
        yield rows[start : start + most].copy()


def parse_shifts(words: list[str]) -> dict[str, int]:
    """Return the shifts of words such as ``BTC_USDT_PERP=1500``."""
    out: dict[str, int] = {}
    for word in words:
        name, _, value = word.partition("=")
        try:
            out[name] = int(value)
        except ValueError:
            raise ConfigError(
                f"feed shift {word!r}: expected NAME=MICROSECONDS, such as BTC_USDT_PERP=1500"
            ) from None
    return out
