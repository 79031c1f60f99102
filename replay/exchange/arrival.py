"""What requests do when they arrive: docs/exchange-models.md, in code.

Rules
-----
1. An order that crosses takes: whole at the opposite best without `partial`; level by level to its
   limit with it. What is left of a GTC rests, of an IOC or market order expires; a FOK fills only
   if the visible quantity to its limit suffices. Post-only expires instead of taking.
2. A market order into an empty side is rejected.
3. Amending to no more at the same price keeps the queue place; anything else goes to the tail.
4. A stop order waits until its trigger; then it arrives anew as a market or limit order.
5. A reduce-only order is cut to what the position at the exchange leaves to reduce, and ends when
   there is nothing left of that.
6. With margin, what would need more than the equity is refused.
7. With `consume`, an order that would trade with another of ours is handled by `self_trade`, also
   when an amend brings it there; a post-only order expires.
8. A stop that is refused when it fires expires: it was accepted before. An amend of a stop that
   waits changes its limit and quantity, not its trigger.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from extrema_nb.books.l2 import ASK, BID, NO_ASK, NO_BID
from extrema_nb.events import (
    BUY,
    Action,
    Flag,
    OrderEvent,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from extrema_nb.jit import kernel
from replay.exchange.available import available, best_for, next_for, use_up
from replay.exchange.config import SelfTrade
from replay.exchange.margin import may_open
from replay.exchange.model import (
    FAR,
    P_TRIGGER,
    X_CONSUME,
    X_MARGIN,
    X_NEXT_EXPIRY,
    X_NOW,
    X_PARTIAL,
    X_REDUCES,
    X_SELF_TRADE,
    X_STOPS,
    X_TERMS_EXPIRY,
    X_TERMS_ID,
    X_TERMS_TRIGGER,
    Exchange,
)
from replay.exchange.reducing import AT_ONCE
from replay.exchange.reports import (
    CANNOT_REDUCE,
    NO_LIQUIDITY,
    NO_MARGIN,
    SELF_TRADE,
    TOO_MANY_ORDERS,
    UNKNOWN_ORDER,
    execute,
    refuse,
    report,
)
from replay.exchange.resting import (
    STALE,
    drop_filled,
    find,
    insert,
    join_queue,
    price_of,
    ranges_of,
    remove,
    tick_of,
    widen,
)
from replay.exchange.stops import find_stop, park, remove_stop

__all__ = ["crosses", "expire", "on_request", "submit"]

_MARKET = int(OrderType.MARKET)
_STOP_MARKET = int(OrderType.STOP_MARKET)
_STOP_LIMIT = int(OrderType.STOP_LIMIT)
_GTX = int(TimeInForce.GTX)
_IOC = int(TimeInForce.IOC)
_FOK = int(TimeInForce.FOK)
_GTD = int(TimeInForce.GTD)
_SUBMIT = int(Action.SUBMIT)
_CANCEL = int(Action.CANCEL)
_AMEND = int(Action.AMEND)
_CANCEL_ALL = int(Action.CANCEL_ALL)
_TERMS = int(Action.TERMS)
_LIVE = int(OrderStatus.LIVE)
_CANCELED = int(OrderStatus.CANCELED)
_REJECTED = int(OrderStatus.REJECTED)
_EXPIRED = int(OrderStatus.EXPIRED)
_E_ACCEPTED = int(OrderEvent.ACCEPTED)
_E_CANCELED = int(OrderEvent.CANCELED)
_E_REJECTED = int(OrderEvent.REJECTED)
_E_EXPIRED = int(OrderEvent.EXPIRED)
_E_AMENDED = int(OrderEvent.AMENDED)
_E_CANCEL_REJECTED = int(OrderEvent.CANCEL_REJECTED)
_E_AMEND_REJECTED = int(OrderEvent.AMEND_REJECTED)
_REDUCE_ONLY = int(Flag.REDUCE_ONLY)
_OLDEST = int(SelfTrade.CANCEL_OLDEST)
_BOTH = int(SelfTrade.CANCEL_BOTH)


@kernel(inline=True, part=True)
def crosses(side: int, tick: int, opposite: int) -> bool:
    """Say whether an order at `tick` can take from the other side's best."""
    if opposite in (NO_ASK, NO_BID):
        return False
    return tick >= opposite if side == BUY else tick <= opposite


@kernel(part=True)
def _offered(x: Exchange, inst: int, side: int, limit: int) -> float:
    """Return the visible quantity of the other side down to `limit`."""
    other = ASK if side == BUY else BID
    level = best_for(x, inst, other)
    total = 0.0
    while crosses(side, limit, level):
        total += available(x, inst, other, level)
        level = next_for(x, inst, other, level)
    return total


@kernel(part=True)
def _take(x: Exchange, inst: int, place: int, limit: int) -> None:
    """Let a crossing order take: whole at the best, or level by level down to `limit`."""
    order = x.resting[inst, place]
    side = int(order.side)
    other = ASK if side == BUY else BID
    level = best_for(x, inst, other)
    if x.clock[X_PARTIAL] == 0:
        qty = order.leaves_qty
        execute(x, inst, order, price_of(x, inst, level), qty, False)
        use_up(x, inst, other, level, qty)
        return
    while order.leaves_qty > 0.0 and crosses(side, limit, level):
        offered = available(x, inst, other, level)
        following = next_for(x, inst, other, level)
        qty = min(order.leaves_qty, offered)
        if qty > 0.0:
            execute(x, inst, order, price_of(x, inst, level), qty, False)
            use_up(x, inst, other, level, qty)
        level = following


@kernel(part=True)
def _meets_own(x: Exchange, inst: int, side: int, tick: int) -> bool:
    """Say whether an own order of the other side stands at or better than `tick`."""
    if side == BUY:
        lowest = ranges_of(x, inst)[2]
        return bool(lowest <= tick and lowest != FAR)  # FAR: none, and the limit of a market order
    highest = ranges_of(x, inst)[1]
    return bool(highest >= tick and highest != -FAR)


@kernel(part=True)
def _cancel_own(x: Exchange, inst: int, side: int, tick: int) -> None:
    """Cancel own orders of the other side that an order at `tick` would trade with."""
    for i in range(x.n_orders[inst]):
        order = x.resting[inst, i]
        if order.side != side and (order.tick <= tick if side == BUY else order.tick >= tick):
            report(x, inst, order, _E_CANCELED, _CANCELED, order.leaves_qty, SELF_TRADE)
            order.leaves_qty = 0.0
    drop_filled(x, inst, 0)


@kernel(part=True)
def _avoid_own(x: Exchange, inst: int, side: int, tif: int, tick: int) -> bool:
    """Apply the self-trade rule; say whether the order that comes to `tick` may go on."""
    if x.clock[X_CONSUME] == 0 or not _meets_own(x, inst, side, tick):
        return True
    rule = x.clock[X_SELF_TRADE]
    if tif == _GTX:
        return False
    if rule in (_OLDEST, _BOTH):
        _cancel_own(x, inst, side, tick)
    return bool(rule == _OLDEST)


@kernel(part=True)
def _deny(x: Exchange, inst: int, request: Any, code: int) -> None:
    """Refuse an order that arrives; a stop that has fired was accepted, so it expires."""
    if request.order_type == _STOP_MARKET or request.order_type == _STOP_LIMIT:
        refuse(x, inst, request, _E_EXPIRED, _EXPIRED, code)
    else:
        refuse(x, inst, request, _E_REJECTED, _REJECTED, code)


@kernel(inline=True, part=True)
def _reduced(x: Exchange, inst: int, request: Any) -> float:
    """Return the quantity that a request may have: a reduce-only one is cut to the position."""
    if request.flags & _REDUCE_ONLY == 0:
        return request.qty
    x.clock[X_REDUCES] = 1
    return min(request.qty, max(-request.side * x.held[inst], 0.0))


@kernel(inline=True, part=True)
def _rest(x: Exchange, inst: int, place: int, expires: int) -> None:
    """Put an order that does not cross into its queue, and say that it is accepted."""
    order = x.resting[inst, place]
    join_queue(x, inst, order)
    order.expires = expires
    x.clock[X_NEXT_EXPIRY] = min(x.clock[X_NEXT_EXPIRY], expires)
    widen(x, inst, order)


@kernel(part=True)
def submit(x: Exchange, request: Any, expires: int) -> None:
    """Handle an order that arrives: take, rest, expire or reject."""
    inst = int(request.inst)
    side = int(request.side)
    if x.n_orders[inst] >= x.hub.max_orders:
        _deny(x, inst, request, TOO_MANY_ORDERS)
        return
    qty = _reduced(x, inst, request)
    if qty < x.scale[inst, 2] and request.flags & _REDUCE_ONLY:
        _deny(x, inst, request, CANNOT_REDUCE)
        return
    if x.clock[X_MARGIN] != 0 and not may_open(x, inst, side, qty, request.price):
        _deny(x, inst, request, NO_MARGIN)
        return
    is_market = request.order_type == _MARKET or request.order_type == _STOP_MARKET
    tick = (FAR if side == BUY else -FAR) if is_market else tick_of(x, inst, request.price)
    opposite = best_for(x, inst, ASK if side == BUY else BID)
    takes = crosses(side, tick, opposite)
    if is_market and not takes:
        _deny(x, inst, request, NO_LIQUIDITY)
        return
    if takes and request.tif == _GTX:
        refuse(x, inst, request, _E_EXPIRED, _EXPIRED, 0)
        return
    if not _avoid_own(x, inst, side, int(request.tif), tick):
        refuse(x, inst, request, _E_EXPIRED, _EXPIRED, SELF_TRADE)
        return
    if not takes and (request.tif == _IOC or request.tif == _FOK):
        refuse(x, inst, request, _E_EXPIRED, _EXPIRED, 0)
        return
    if (
        takes
        and request.tif == _FOK
        and x.clock[X_PARTIAL] != 0
        and _offered(x, inst, side, tick) < qty - x.scale[inst, 2]
    ):
        refuse(x, inst, request, _E_EXPIRED, _EXPIRED, 0)
        return
    place = insert(x, inst, request, 0 if is_market else tick)
    order = x.resting[inst, place]
    order.qty = qty
    order.leaves_qty = qty
    if not takes:
        _rest(x, inst, place, expires)
        report(x, inst, order, _E_ACCEPTED, _LIVE, order.leaves_qty, 0)
        return
    _take(x, inst, place, tick)
    if order.leaves_qty > 0.0:
        if is_market or request.tif == _IOC or request.tif == _FOK:
            report(x, inst, order, _E_EXPIRED, _EXPIRED, order.leaves_qty, 0)
            order.leaves_qty = 0.0
        else:
            _rest(x, inst, place, expires)
            report(x, inst, order, _E_ACCEPTED, _LIVE, order.leaves_qty, 0)
            return
    drop_filled(x, inst, 0)


@kernel(part=True)
def _amend(x: Exchange, inst: int, request: Any, place: int) -> None:
    """Handle an AMEND: less at the same price keeps the queue place, else the tail."""
    order = x.resting[inst, place]
    tick = tick_of(x, inst, request.price)
    if tick == order.tick and request.qty <= order.leaves_qty:
        order.leaves_qty = request.qty
        order.qty = request.qty
        report(x, inst, order, _E_AMENDED, _LIVE, order.leaves_qty, 0)
        return
    side = int(order.side)
    opposite = best_for(x, inst, ASK if side == BUY else BID)
    takes = crosses(side, tick, opposite)
    order.price = request.price  # also in the report of an order that ends by it
    if takes and order.tif == _GTX:
        report(x, inst, order, _E_EXPIRED, _EXPIRED, order.leaves_qty, 0)
        remove(x, inst, place)
        return
    if x.clock[X_CONSUME] != 0:
        goes_on = _avoid_own(x, inst, side, int(order.tif), tick)
        place = find(x, inst, int(request.client_order_id))  # those before it may have left
        order = x.resting[inst, place]
        if not goes_on:
            report(x, inst, order, _E_EXPIRED, _EXPIRED, order.leaves_qty, SELF_TRADE)
            remove(x, inst, place)
            return
    order.tick = tick
    order.qty = request.qty
    order.leaves_qty = request.qty
    report(x, inst, order, _E_AMENDED, _LIVE, order.leaves_qty, 0)
    if takes:
        _take(x, inst, place, tick)
        if order.leaves_qty <= 0.0:
            drop_filled(x, inst, 0)
            return
    join_queue(x, inst, order)
    x.ranges[inst, 0] = STALE


@kernel(part=True)
def _amend_stop(x: Exchange, inst: int, request: Any, waiting: int) -> None:
    """Give a stop that waits another limit and quantity; its trigger stays."""
    order = x.stops[waiting]
    if order.order_type == _STOP_LIMIT:
        order.price = request.price
        x.stop_requests[waiting].price = request.price
    order.qty = request.qty
    order.leaves_qty = request.qty
    x.stop_requests[waiting].qty = request.qty
    report(x, inst, order, _E_AMENDED, _LIVE, request.qty, 0)


@kernel(part=True)
def _may_amend(x: Exchange, inst: int, request: Any, place: int) -> bool:
    """Say whether the margin suffices for what an order is to become."""
    order = x.resting[inst, place]
    more = request.qty - order.leaves_qty
    return more <= 0.0 or may_open(x, inst, int(order.side), more, request.price)


@kernel(part=True)
def expire(x: Exchange) -> None:
    """End the orders whose time is up or that are of no use, in order of instrument and client order id.

    One instrument at a time, so that their reports find room: `X_NEXT_EXPIRY` stays as it is until
    nothing more is due.
    """
    now = int(x.clock[X_NOW])
    soonest = FAR
    for inst in range(x.hub.instruments):
        ended = False
        for i in range(x.n_orders[inst]):
            order = x.resting[inst, i]
            if order.expires <= now:
                code = CANNOT_REDUCE if order.expires == AT_ONCE else 0
                report(x, inst, order, _E_EXPIRED, _EXPIRED, order.leaves_qty, code)
                order.leaves_qty = 0.0
                ended = True
            else:
                soonest = min(soonest, order.expires)
        if ended:
            drop_filled(x, inst, 0)
            return
    i = 0
    while i < x.clock[X_STOPS]:
        order = x.stops[i]
        if order.expires <= now:
            report(x, int(order.inst), order, _E_EXPIRED, _EXPIRED, order.leaves_qty, 0)
            remove_stop(x, i)
        else:
            soonest = min(soonest, order.expires)
            i += 1
    x.clock[X_NEXT_EXPIRY] = soonest


@kernel(inline=True, part=True)
def _cancel_request(x: Exchange, inst: int, request: Any) -> None:
    place = find(x, inst, int(request.client_order_id))
    if place >= 0:
        order = x.resting[inst, place]
        report(x, inst, order, _E_CANCELED, _CANCELED, order.leaves_qty, 0)
        remove(x, inst, place)
        return
    waiting = find_stop(x, inst, int(request.client_order_id))
    if waiting >= 0:
        report(x, inst, x.stops[waiting], _E_CANCELED, _CANCELED, x.stops[waiting].leaves_qty, 0)
        remove_stop(x, waiting)
        return
    refuse(x, inst, request, _E_CANCEL_REJECTED, _REJECTED, UNKNOWN_ORDER)


@kernel(part=True)
def on_request(x: Exchange, request: Any) -> None:
    """Handle one INTENT row that has arrived at the exchange."""
    inst = int(request.inst)
    action = request.action
    if action == _TERMS:  # of the order that follows: trigger, what it is held against, expiry
        x.clock[X_TERMS_ID] = request.client_order_id
        x.clock[X_TERMS_TRIGGER] = request.reserved
        x.clock[X_TERMS_EXPIRY] = FAR if np.isnan(request.qty) else int(request.qty)
        x.params[P_TRIGGER] = request.price
    elif action == _SUBMIT:
        expires = FAR
        if x.clock[X_TERMS_ID] == request.client_order_id:
            expires = int(x.clock[X_TERMS_EXPIRY])
        if request.tif == _GTD and expires <= x.clock[X_NOW]:
            refuse(x, inst, request, _E_EXPIRED, _EXPIRED, 0)
        elif request.order_type == _STOP_MARKET or request.order_type == _STOP_LIMIT:
            park(x, request, expires)
        else:
            submit(x, request, expires)
    elif action == _CANCEL:
        _cancel_request(x, inst, request)
    elif action == _AMEND:
        place = find(x, inst, int(request.client_order_id))
        waiting = find_stop(x, inst, int(request.client_order_id)) if place < 0 else -1
        if not 0.0 < request.qty < np.inf:
            refuse(x, inst, request, _E_AMEND_REJECTED, _REJECTED, UNKNOWN_ORDER)
        elif waiting >= 0:
            _amend_stop(x, inst, request, waiting)
        elif place < 0:
            refuse(x, inst, request, _E_AMEND_REJECTED, _REJECTED, UNKNOWN_ORDER)
        elif x.clock[X_MARGIN] != 0 and not _may_amend(x, inst, request, place):
            refuse(x, inst, request, _E_AMEND_REJECTED, _REJECTED, NO_MARGIN)
        else:
            _amend(x, inst, request, place)
