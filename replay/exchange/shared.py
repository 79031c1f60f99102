"""What the variants of a run share: time, timers, and how far the loop has come."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.events import SCHEDULE
from extrema_nb.jit import attach_views

__all__ = ["Shared", "make_shared"]

# places in `now_of`
N_PHASE = 0  # 0 choose, 1 bring the variants there, 2 let them act
N_TIME = 1  # µs, of the event that all variants wait for
N_SOURCE = 2
N_LIMIT = 3  # position of the exchange before it
N_VARIANT = 4  # next variant to serve
N_END = 5  # last moment of the data: timers do not run beyond it
N_NEXT_MARK = 6  # time of the next account mark, FAR for none
N_MARK_EVERY = 7  # µs
N_LISTENS = 8  # 1: some handler hears reports, so books must be current when one comes
N_ROW = 9  # local row to show, of a visit
N_LOOKS = 10  # what handlers look at, see `catch_up`
N_BIDS_STRUCK = 11  # of one instrument: next strike of own bids on the tape …
N_ASKS_STRUCK = 12
N_LOWEST = 13  # … and the ticks from which on the strikes before the moment reach own bids …
N_HIGHEST = 14  # … and own asks
N_SIZE = 16

SHARED = np.dtype(
    (
        np.record,
        np.dtype(
            [
                (name, "<i8")
                for name in (
                    "variants", "timer_count", "cell_count", "now_of", "timers", "timer_row",
                    "contexts", "exchanges", "cells",
                )
            ],
            align=True,
        ),
    )
)  # fmt: skip


class Shared(NamedTuple):
    """Variants that run over one tape in lockstep.

    Arrays: ``now_of`` (N_SIZE,) int64; ``timers`` (timers, 4) int64: id, next due, period, tick;
    ``timer_row`` (1,) SCHEDULE; ``contexts`` and ``exchanges`` (variants,) addresses; ``cells``
    (variants, cells) addresses of params and states.
    """

    at: int


attach_views(
    Shared,
    SHARED,
    now_of=(N_SIZE, np.int64),
    timers=(("timer_count", 4), np.int64),
    timer_row=(1, SCHEDULE),
    contexts=("variants", np.int64),
    exchanges=("variants", np.int64),
    cells=(("variants", "cell_count"), np.int64),
)


def make_shared(
    contexts: list[int],
    exchanges: list[int],
    cells: list[tuple[int, ...]],
    timers: list[tuple[int, int, int]],
    memory: list[npt.NDArray[Any]],
) -> Shared:
    """Return what `variants` share; `timers` are (id, first due, period) in µs."""
    arrays = {
        "now_of": np.zeros(N_SIZE, np.int64),
        "timers": np.array([(*t, 0) for t in timers] or [(0, 1 << 62, 0, 0)], np.int64),
        "timer_row": np.zeros(1, SCHEDULE),
        "contexts": np.array(contexts, np.int64),
        "exchanges": np.array(exchanges, np.int64),
        "cells": np.array(cells, np.int64).reshape(len(contexts), -1),
    }
    record = np.zeros(1, SHARED)
    record["variants"], record["timer_count"] = len(contexts), len(arrays["timers"])
    record["cell_count"] = arrays["cells"].shape[1]
    for name, array in arrays.items():
        record[name] = array.ctypes.data
    memory.extend([record, *arrays.values()])
    return Shared(record.ctypes.data)
