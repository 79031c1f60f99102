"""Market by order on a tape: what each execution says to orders of ours that wait at its price.

The place in time of a market order is the position of the row that put it at the end of its queue;
an own order's is the position at which it arrived. So whether an execution was of an order behind
ours is one comparison, and nobody has to keep queues while a run goes on.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.books.l3 import (
    BOTH,
    COUNTERS,
    EXECUTE,
    NO_TICK,
    OLD,
    R_CLEARED,
    R_JOINED,
    R_SIDE,
    R_TICK,
    L3Books,
    apply_order,
    grow_orders,
    make_orders,
    orders_room,
)
from extrema_nb.books.layout import BID
from extrema_nb.events import BUY, EVENT, MBO, SELL, EventArray, EventKind
from extrema_nb.jit import kernel, view_at
from replay.tape.layout import K_CLEAR, K_EXECUTE, XROW

__all__ = ["OrderDeeds", "OrderStamps"]

ROW_BYTES = EVENT.itemsize
_MBO = int(EventKind.MBO)


class OrderDeeds(NamedTuple):
    """Executions and clears of a tape, by position, and what was counted."""

    deed: npt.NDArray[Any]  # (n,) XROW
    deed_at: npt.NDArray[np.int32]
    clears: int
    counters: dict[str, int]


NO_DEEDS = OrderDeeds(np.zeros(0, XROW), np.zeros(0, np.int32), 0, {})


@kernel
def _stamp(
    books: L3Books, rows: int, order: int, start: int, m: int, base: int, deed: int, at: int,
    told: int,
) -> int:  # fmt: skip
    """Read order rows in the exchange's order from position `start` on; return how far it came.

    Parameters
    ----------
    rows, order : addresses of EVENT rows and of (m,) int64 places in them
    base : place in time of position 0
    deed, at : addresses of (m,) XROW and (m,) int32 that take what concerns own orders
    told : address of (2,) int64: deeds so far, clears among them
    """
    places = view_at(order, m, np.int64)
    deeds, positions = view_at(deed, m, XROW), view_at(at, m, np.int32)
    counts = view_at(told, 2, np.int64)
    did = books.row_did
    for position in range(start, m):
        row = view_at(rows + places[position] * ROW_BYTES, 1, MBO)[0]
        if row.kind != _MBO:
            continue
        if not orders_room(books):
            return position
        apply_order(books, row, base + position)
        executed = row.action == EXECUTE and did[R_TICK] != NO_TICK and row.qty > 0.0
        if did[R_CLEARED] == 0 and not executed:
            continue
        k = int(counts[0])
        counts[0] = k + 1
        positions[k] = position
        out = deeds[k]
        out.inst = row.inst
        if did[R_CLEARED] != 0:
            counts[1] += 1
            out.kind = K_CLEAR
            out.side = 0 if did[R_CLEARED] == BOTH else did[R_CLEARED]
            out.qty = 0.0
            out.tick = 0
            out.edge = 0
        else:
            out.kind = K_EXECUTE
            out.side = BUY if did[R_SIDE] == BID else SELL
            out.qty = row.qty
            out.tick = did[R_TICK]
            out.edge = OLD if did[R_JOINED] == OLD else did[R_JOINED] - base
    return m


class OrderStamps:
    """The market's orders from tape to tape.

    Parameters
    ----------
    specs : (n,) INSTRUMENT
    """

    def __init__(self, specs: npt.NDArray[Any]) -> None:
        self._memory: list[npt.NDArray[Any]] = []
        self._books = make_orders(specs, self._memory)
        self._base = 0
        self._seen = dict.fromkeys(COUNTERS, 0)
        self._any = False

    def read(self, rows: EventArray, places: npt.NDArray[np.int64]) -> OrderDeeds:
        """Return what the order rows among the exchange's rows do to orders of ours.

        Parameters
        ----------
        places : the exchange's rows in its order, as places in `rows`
        """
        m = len(places)
        self._any = self._any or bool((rows["kind"] == EventKind.MBO).any())
        if not self._any:
            self._base += m
            return NO_DEEDS
        deed, at, told = np.zeros(m, XROW), np.zeros(m, np.int32), np.zeros(2, np.int64)
        done = 0
        while (
            done := int(
                _stamp(
                    self._books, rows.ctypes.data, places.ctypes.data, done, m, self._base,
                    deed.ctypes.data, at.ctypes.data, told.ctypes.data,
                )
            )
        ) < m:  # fmt: skip
            grow_orders(self._books, self._memory)
        self._base += m
        n = int(told[0])
        return OrderDeeds(deed[:n].copy(), at[:n].copy(), int(told[1]), self._counted())

    def _counted(self) -> dict[str, int]:
        """Return what was counted since the last call."""
        now = {name: int(self._books.counts[place]) for name, place in COUNTERS.items()}
        new = {name: count - self._seen[name] for name, count in now.items()}
        self._seen = now
        return new
