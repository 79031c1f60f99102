"""Closing an account that has too little margin: its orders first, then its positions.

Rules
-----
1. It happens at the end of the moment in which the equity fell below the maintenance margin: after
   all market rows of that time, before requests that arrive then.
2. All orders and waiting stops are cancelled, then each position is closed at market, level by
   level of what the book shows, whatever `partial` says; what the book cannot take stays open and is
   tried again when a price moves.
3. The executions are of orders that the exchange makes, with negative ids; they are flagged
   LIQUIDATED and pay the liquidation fee beside the taker's.

One instrument at a time, so that reports find room: the loop comes again until it is done.
"""

from __future__ import annotations

import numpy as np

from extrema_nb.books.l2 import ASK, BID, NO_ASK, NO_BID
from extrema_nb.events import BUY, SELL, Flag, OrderEvent, OrderStatus, OrderType, TimeInForce
from extrema_nb.jit import kernel
from replay.exchange.available import available, best_for, next_for, use_up
from replay.exchange.model import (
    X_LIQUIDATE_INST,
    X_LIQUIDATE_LEVEL,
    X_LIQUIDATE_ORDER,
    X_LIQUIDATING,
    X_LIQUIDATIONS,
    X_STOPS,
    Exchange,
)
from replay.exchange.reports import LIQUIDATED, execute, report
from replay.exchange.resting import drop_filled, insert, price_of
from replay.exchange.stops import remove_stop

__all__ = ["liquidate"]

_FLAG = int(Flag.LIQUIDATED)
_CANCELED = int(OrderStatus.CANCELED)
_EXPIRED = int(OrderStatus.EXPIRED)
_E_CANCELED = int(OrderEvent.CANCELED)
_E_EXPIRED = int(OrderEvent.EXPIRED)
_MARKET = int(OrderType.MARKET)
_IOC = int(TimeInForce.IOC)


@kernel(part=True)
def _cancel_some(x: Exchange) -> bool:
    """Cancel what rests in one instrument, or one waiting stop; say whether there was any."""
    for inst in range(x.hub.instruments):
        if x.n_orders[inst] > 0:
            for i in range(x.n_orders[inst]):
                order = x.resting[inst, i]
                report(x, inst, order, _E_CANCELED, _CANCELED, order.leaves_qty, LIQUIDATED)
                order.leaves_qty = 0.0
            drop_filled(x, inst, 0)
            return True
    if x.clock[X_STOPS] > 0:
        order = x.stops[0]
        report(x, int(order.inst), order, _E_CANCELED, _CANCELED, order.leaves_qty, LIQUIDATED)
        remove_stop(x, 0)
        return True
    return False


@kernel(part=True)
def _close_some(x: Exchange, inst: int) -> bool:
    """Take some levels with what is held; say whether there is more to take."""
    clock = x.clock
    held = x.held[inst]
    side = SELL if held > 0.0 else BUY
    other = ASK if side == BUY else BID
    level = int(clock[X_LIQUIDATE_LEVEL])
    if level == NO_BID:
        level = best_for(x, inst, other)
    if level in (NO_ASK, NO_BID):
        return False
    clock[X_LIQUIDATE_ORDER] -= 1
    request = x.closing[0]
    request.client_order_id = clock[X_LIQUIDATE_ORDER]
    request.price = np.nan
    request.qty = abs(held)
    request.side = side
    request.tif = _IOC
    request.order_type = _MARKET
    request.flags = _FLAG
    order = x.resting[inst, insert(x, inst, request, 0)]
    levels = 0
    while order.leaves_qty > 0.0 and level != NO_ASK and level != NO_BID:
        if levels >= x.hub.max_orders:
            break
        levels += 1
        qty = min(order.leaves_qty, available(x, inst, other, level))
        following = next_for(x, inst, other, level)
        if qty > 0.0:
            execute(x, inst, order, price_of(x, inst, level), qty, False)
            use_up(x, inst, other, level, qty)
        level = following
    if order.leaves_qty > 0.0:
        report(x, inst, order, _E_EXPIRED, _EXPIRED, order.leaves_qty, LIQUIDATED)
        order.leaves_qty = 0.0
    else:
        level = NO_ASK
    drop_filled(x, inst, 0)
    clock[X_LIQUIDATE_LEVEL] = level
    return level != NO_ASK and level != NO_BID


@kernel(part=True)
def liquidate(x: Exchange) -> None:
    """Do the next step of closing the account; `X_LIQUIDATING` is 0 when it is done."""
    clock = x.clock
    if clock[X_LIQUIDATING] == 1:
        if _cancel_some(x):
            return
        clock[X_LIQUIDATING] = 2
        clock[X_LIQUIDATE_INST] = 0
        clock[X_LIQUIDATE_LEVEL] = NO_BID
        clock[X_LIQUIDATIONS] += 1
    inst = int(clock[X_LIQUIDATE_INST])
    if inst < x.hub.instruments:
        if x.held[inst] == 0.0 or not _close_some(x, inst):
            clock[X_LIQUIDATE_INST] = inst + 1
            clock[X_LIQUIDATE_LEVEL] = NO_BID
        return
    clock[X_LIQUIDATING] = 0
