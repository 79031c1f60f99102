"""Own orders that go from one tape to the next."""

from __future__ import annotations

from extrema_nb.books.l2 import ASK, BID
from extrema_nb.events import BUY
from extrema_nb.jit import kernel
from replay.exchange.available import forget_refreshed
from replay.exchange.funding import await_funding
from replay.exchange.margin import take_marks
from replay.exchange.model import (
    X_DANGER,
    X_MARGIN,
    X_MARK_DEED,
    X_MARKET,
    X_PAYMENT,
    X_TAKEN,
    Exchange,
)
from replay.exchange.resting import settle
from replay.tape.lookup import NEVER

__all__ = ["leave", "rebind"]


@kernel(part=True)
def rebind(x: Exchange) -> None:
    """Begin a tape: own orders keep their places in the queues and look out for its changes."""
    x.clock[X_MARKET] = 0
    x.clock[X_PAYMENT] = 0
    await_funding(x)
    x.clock[X_DANGER] = -1
    x.clock[X_MARK_DEED] = 0
    x.move[:] = 0
    for inst in range(x.hub.instruments):
        x.strike[inst, 0] = 0
        x.strike[inst, 1] = 0
        for i in range(x.n_orders[inst]):
            order = x.resting[inst, i]
            side = BID if order.side == BUY else ASK
            _, order.entry, order.entry_end = x.venue.level_at(inst, side, int(order.tick), 0)
    for i in range(x.clock[X_TAKEN]):
        x.taken[i].at = 0


@kernel(part=True)
def leave(x: Exchange) -> None:
    """End a tape: own orders take all of its changes in, the margin account its mark prices."""
    if x.clock[X_MARGIN] != 0:
        take_marks(x, NEVER)
    forget_refreshed(x, NEVER)
    for inst in range(x.hub.instruments):
        for i in range(x.n_orders[inst]):
            order = x.resting[inst, i]
            settle(x, order, NEVER)
            order.joined -= x.venue.hub.market_rows  # as the next tape counts positions
