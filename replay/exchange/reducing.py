"""Reduce-only orders that have nothing left to reduce: they end at once, as at real venues.

An order that can only reduce is of no use once another one has closed or turned its position. It
expires at the exchange time of that execution, after all market rows of the moment, as an order
whose time is up does. Waiting stops stay: they are looked at when they fire.
"""

from __future__ import annotations

from extrema_nb.events import Flag
from extrema_nb.jit import kernel
from replay.exchange.model import X_NEXT_EXPIRY, X_NOW, Exchange

__all__ = ["AT_ONCE", "end_idle"]

AT_ONCE = -1  # in `expires`: as soon as the moment's rows are done, because nothing is to reduce
_REDUCE_ONLY = int(Flag.REDUCE_ONLY)


@kernel(part=True)
def end_idle(x: Exchange, inst: int) -> None:
    """Let the reduce-only orders end that the position has left without a use."""
    held = x.held[inst]
    least = 0.5 * x.specs[inst].lot_size
    for i in range(x.n_orders[inst]):
        order = x.resting[inst, i]
        idle = -order.side * held < least
        if order.bits & _REDUCE_ONLY and idle and order.leaves_qty > 0.0:
            order.expires = AT_ONCE
            x.clock[X_NEXT_EXPIRY] = min(x.clock[X_NEXT_EXPIRY], x.clock[X_NOW])
