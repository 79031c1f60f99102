"""Which rows a recording can hold: of a known kind, of a known instrument or none, with a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from extrema_nb.events import VIEWS, EventArray
from extrema_nb.jit import kernel, view_at

__all__ = ["first_unfit", "unfit"]

MAX_TS = 1 << 60  # µs; far beyond any date
KINDS = sum(1 << int(kind) for kind in VIEWS)
MOST_KINDS = 62  # bits of a mask
TS_RECV, HEAD, WORDS = 1, 2, 8  # words of a row: its head is instrument, kind, side and flags


@kernel
def first_unfit(rows: int, n: int, instruments: int) -> int:
    """Return the place of the first row that cannot be held, `n` if there is none.

    Parameters
    ----------
    rows : address of `n` EVENT rows
    """
    words = view_at(rows, (n, WORDS), np.int64)
    for i in range(n):
        head, ts = words[i, HEAD], words[i, TS_RECV]
        kind, inst = head << 24 >> 56, head << 32 >> 32
        if not (0 <= kind <= MOST_KINDS and (KINDS >> kind) & 1):
            return i
        if inst < -1 or inst >= instruments or ts < 0 or ts > MAX_TS:
            return i
    return n


def unfit(rows: EventArray, instruments: int) -> npt.NDArray[np.bool_] | None:
    """Return which of contiguous rows cannot be held; None where all can."""
    n = int(rows.size)
    if first_unfit(int(rows.ctypes.data), n, instruments) == n:
        return None
    bad: npt.NDArray[np.bool_] = ~np.isin(rows["kind"], [int(kind) for kind in VIEWS])
    bad |= (rows["inst"] >= instruments) | (rows["inst"] < -1)
    bad |= (rows["ts_recv"] < 0) | (rows["ts_recv"] > MAX_TS)
    return bad
