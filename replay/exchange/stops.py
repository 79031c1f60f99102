"""Stop orders that wait at the exchange for their trigger."""

from __future__ import annotations

from typing import Any

import numpy as np

from extrema_nb.events import BUY, OrderEvent, OrderStatus
from extrema_nb.jit import kernel
from replay.exchange.model import (
    P_TRIGGER,
    STOPS,
    X_NEXT_EXPIRY,
    X_STOPS,
    X_TERMS_ID,
    X_TERMS_TRIGGER,
    X_VENUE_ID,
    Exchange,
)
from replay.exchange.reports import BAD_TRIGGER, TOO_MANY_ORDERS, refuse, report
from replay.exchange.resting import tick_of

__all__ = ["find_stop", "park", "remove_stop", "touched"]

_LIVE = int(OrderStatus.LIVE)
_REJECTED = int(OrderStatus.REJECTED)
_E_ACCEPTED = int(OrderEvent.ACCEPTED)
_E_REJECTED = int(OrderEvent.REJECTED)


@kernel(part=True)
def park(x: Exchange, request: Any, expires: int) -> None:
    """Let a stop order wait; the rows that come after its arrival can trigger it."""
    inst = int(request.inst)
    price = x.params[P_TRIGGER]
    if x.clock[X_TERMS_ID] != request.client_order_id or np.isnan(price):
        refuse(x, inst, request, _E_REJECTED, _REJECTED, BAD_TRIGGER)
        return
    n = int(x.clock[X_STOPS])
    if n >= STOPS:
        refuse(x, inst, request, _E_REJECTED, _REJECTED, TOO_MANY_ORDERS)
        return
    row = x.stops[n]
    row.client_order_id = request.client_order_id
    row.venue_order_id = x.clock[X_VENUE_ID]
    row.tick = tick_of(x, inst, price)
    row.price = request.price
    row.qty = request.qty
    row.leaves_qty = request.qty
    row.expires = expires
    row.inst = inst
    row.bits = request.flags
    row.side = request.side
    row.tif = request.tif
    row.order_type = request.order_type
    row.spare = x.clock[X_TERMS_TRIGGER]
    x.stop_requests[n] = request
    x.clock[X_VENUE_ID] += 1
    x.clock[X_STOPS] = n + 1
    x.clock[X_NEXT_EXPIRY] = min(x.clock[X_NEXT_EXPIRY], expires)
    report(x, inst, row, _E_ACCEPTED, _LIVE, request.qty, 0)


@kernel(part=True)
def find_stop(x: Exchange, inst: int, client_order_id: int) -> int:
    """Return the place of a waiting stop order, -1 if there is none."""
    for i in range(x.clock[X_STOPS]):
        if x.stops[i].client_order_id == client_order_id and x.stops[i].inst == inst:
            return i
    return -1


@kernel(part=True)
def remove_stop(x: Exchange, place: int) -> None:
    """Take a stop order out; the others keep their sequence."""
    n = int(x.clock[X_STOPS]) - 1
    for i in range(place, n):
        x.stops[i] = x.stops[i + 1]
        x.stop_requests[i] = x.stop_requests[i + 1]
    x.clock[X_STOPS] = n


@kernel(part=True)
def touched(x: Exchange, inst: int, by: int, for_buy: int, for_sell: int) -> int:
    """Return the first waiting stop that prices trigger, -1 for none.

    Parameters
    ----------
    by : TriggerBy of the prices
    for_buy, for_sell : ticks that stops to buy and to sell are held against
    """
    for i in range(x.clock[X_STOPS]):
        order = x.stops[i]
        if order.inst == inst and order.spare == by:
            if order.side == BUY:
                if for_buy >= order.tick:
                    return i
            elif for_sell <= order.tick:
                return i
    return -1
