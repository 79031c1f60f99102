"""Market rows that set off stop orders."""

from __future__ import annotations

from typing import Any

from extrema_nb.books.l2 import ASK, BID, NO_ASK, NO_BID
from extrema_nb.events import TriggerBy
from extrema_nb.jit import kernel
from replay.exchange.arrival import submit
from replay.exchange.model import X_STOPS, Exchange
from replay.exchange.stops import remove_stop, touched
from replay.tape.layout import K_MARK, K_PRINT, K_TRADE

__all__ = ["fire", "fires", "fires_at", "fires_by_touch"]

_TRADE = int(TriggerBy.TRADE)
_MARK = int(TriggerBy.MARK)
_BBO = int(TriggerBy.BBO)


@kernel(part=True)
def fires_at(x: Exchange, inst: int, by: int, tick: int) -> int:
    """Return the first stop that a price triggers, -1 for none."""
    return touched(x, inst, by, tick, tick)


@kernel(part=True)
def fires_by_touch(x: Exchange, inst: int, position: int) -> int:
    """Return the first stop that the best prices at a position trigger, -1 for none."""
    ask = x.venue.touch_of(inst, ASK, position)
    bid = x.venue.touch_of(inst, BID, position)
    return touched(
        x, inst, _BBO, NO_BID if ask == NO_ASK else ask, NO_ASK if bid == NO_BID else bid
    )


@kernel(part=True)
def fires(x: Exchange, row: Any) -> int:
    """Return the first stop that a deed of the tape triggers, -1 for none."""
    inst = int(row.inst)
    if row.kind == K_TRADE or row.kind == K_PRINT:
        return fires_at(x, inst, _TRADE, int(row.tick))
    if row.kind == K_MARK:
        return fires_at(x, inst, _MARK, int(row.tick))
    return -1


@kernel(part=True)
def fire(x: Exchange, place: int) -> None:
    """Let a triggered stop arrive as the order that it stands for."""
    last = int(x.clock[X_STOPS])
    expires = int(x.stops[place].expires)
    # one slot behind the others keeps the request while the list closes up
    request = x.stop_requests[last]
    x.stop_requests[last] = x.stop_requests[place]
    remove_stop(x, place)
    submit(x, request, expires)
