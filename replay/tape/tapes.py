"""The tapes of a source, one after the other: rows cut where both clocks allow it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.events import EVENT, EventArray
from replay.tape.build import TapeData, TapeMaker
from replay.tape.order import exchange_order

__all__ = ["END", "Stretch", "stretches"]

END = (1 << 62) - 1  # µs, a horizon behind everything


class Stretch(NamedTuple):
    """One tape, and up to when it holds all rows of both clocks."""

    data: TapeData
    horizon: int  # µs


def stretches(
    batches: Iterable[EventArray],
    specs: npt.NDArray[Any],
    longest: int,
    *,
    window: int | None = None,
) -> Iterator[Stretch]:
    """Yield the tapes of rows in local order.

    Parameters
    ----------
    batches : EVENT rows by ``ts_recv``, already in the clock that the run uses
    longest : µs, the greatest ``ts_recv - ts_event`` of any market row
    """
    maker = TapeMaker(specs, window=window)
    rows = np.zeros(0, EVENT)
    unseen = np.zeros(0, np.bool_)  # rows that the exchange has not had yet
    begun = 0  # rows that the local side has had
    last = -1  # µs, of the last row by our clock
    for fresh, is_last in _with_last(batches):
        rows = np.concatenate([rows, fresh]) if len(rows) else fresh
        unseen = np.concatenate([unseen, np.ones(len(fresh), np.bool_)])
        if len(fresh):
            last = int(fresh["ts_recv"][-1])
        del fresh  # they are in `rows`
        order = exchange_order(rows, unseen, len(specs))
        horizon, local, ready = END, len(rows), len(order)
        if not is_last:
            horizon = int(rows["ts_recv"][-1]) - max(longest, 0) - 1
            local = max(int(np.searchsorted(rows["ts_recv"], horizon, side="right")), begun)
            ready = int(np.searchsorted(rows["ts_event"][order], horizon, side="right"))
        # funding that is due when all rows are over is nobody's to pay any more
        data = maker.make(rows, order[:ready], begun, local, min(horizon, last))
        yield Stretch(data, horizon)
        del data  # one tape at a time, unless somebody holds it
        if is_last:
            return
        unseen[order[:ready]] = False
        rest = order[ready:]
        keep = min(local, int(rest.min()) if len(rest) else len(rows))
        rows, unseen = rows[keep:].copy(), unseen[keep:].copy()
        begun = local - keep


def _with_last(batches: Iterable[EventArray]) -> Iterator[tuple[EventArray, bool]]:
    """Yield each batch with whether it is the last."""
    held: list[EventArray] = []  # what is given is not held any more
    for batch in batches:
        held.append(batch)
        if len(held) > 1:
            yield held.pop(0), False
    if held:
        yield held.pop(), True
