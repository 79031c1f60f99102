"""The exchange's order of rows: by its own clock, then by instrument, then as they came."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.events import EVENT, EventKind
from extrema_nb.jit import kernel, view_at

__all__ = ["exchange_order"]

ROW_BYTES = EVENT.itemsize
_LOB = int(EventKind.LOB)
_TRADE = int(EventKind.TRADE)
_FUNDING = int(EventKind.FUNDING)
_MBO = int(EventKind.MBO)


@kernel
def _sort_places(rows: int, unseen: int, n: int, instruments: int, out: int) -> int:
    """Write the places of unseen market rows by ``ts_event``; return how many, or -1.

    Rows of a feed are nearly in the venue's order, so insertion is quickest; -1 says that they
    are not, and another sort must do it.
    """
    places = view_at(out, n, np.int64)
    fresh = view_at(unseen, n, np.int8)
    found = 0
    steps = 0
    for k in range(n):
        row = view_at(rows + k * ROW_BYTES, 1, EVENT)[0]
        if (
            fresh[k] != 0
            and (row.kind == _LOB or row.kind == _TRADE or row.kind == _FUNDING or row.kind == _MBO)
            and 0 <= row.inst < instruments
        ):
            place = found
            while place > 0:
                before = view_at(rows + places[place - 1] * ROW_BYTES, 1, EVENT)[0]
                if before.ts_event < row.ts_event or (
                    before.ts_event == row.ts_event and before.inst <= row.inst
                ):
                    break
                places[place] = places[place - 1]
                place -= 1
                steps += 1
            places[place] = k
            found += 1
            if steps > 64 * (k + 1024):
                return -1
    return found


def exchange_order(
    rows: npt.NDArray[Any], unseen: npt.NDArray[np.bool_], instruments: int
) -> npt.NDArray[np.int64]:
    """Return the places of market rows that the exchange has not seen, in its order.

    Parameters
    ----------
    rows : (n,) EVENT by ``ts_recv``
    instruments : rows of other instruments are left out
    """
    out = np.empty(len(rows), np.int64)
    n = int(
        _sort_places(rows.ctypes.data, unseen.ctypes.data, len(rows), instruments, out.ctypes.data)
    )
    if n >= 0:
        return out[:n].copy()
    kinds, insts = rows["kind"], rows["inst"]
    market = (kinds == _LOB) | (kinds == _TRADE) | (kinds == _FUNDING) | (kinds == _MBO)
    known = (insts >= 0) & (insts < instruments)
    places = np.flatnonzero(unseen & market & known)
    return places[np.lexsort((insts[places], rows["ts_event"][places]))]
