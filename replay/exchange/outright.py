"""Requests that need no time and whose reports nobody hears: done on both sides, without a report.

It gives what the way of all others would (`arrival`, then `extrema_nb.strategy.local`), for what most
requests are: cancels of orders that rest, and limit orders that come to rest.
"""

from __future__ import annotations

from extrema_nb.books.l2 import ASK, BID
from extrema_nb.events import BUY, Action, Flag, OrderStatus, OrderType, TimeInForce
from extrema_nb.jit import kernel
from extrema_nb.strategy.local import drop_ended, end_order
from extrema_nb.strategy.requests import find_order
from extrema_nb.strategy.state import C_ROWS, Context
from replay.exchange.arrival import crosses
from replay.exchange.available import best_for
from replay.exchange.model import (
    FAR,
    X_LAST_REPORT,
    X_NOW,
    X_OUTRIGHT,
    X_REPORT_HEAD,
    X_REPORT_TAIL,
    X_TERMS_ID,
    Exchange,
)
from replay.exchange.resting import drop_filled, find, insert, join_queue, tick_of, widen

__all__ = ["serve_outright"]

_SUBMIT = int(Action.SUBMIT)
_CANCEL = int(Action.CANCEL)
_LIMIT = int(OrderType.LIMIT)
_GTC = int(TimeInForce.GTC)
_GTX = int(TimeInForce.GTX)
_NEW = int(OrderStatus.PENDING_NEW)
_LIVE = int(OrderStatus.LIVE)
_CANCELED = int(OrderStatus.CANCELED)
_REDUCE_ONLY = int(Flag.REDUCE_ONLY)


@kernel(inline=True, part=True)
def _cancels(x: Exchange, ctx: Context, start: int, end: int) -> int:
    """Cancel resting orders of one module and instrument; return the place after the last."""
    inst, module = int(ctx.intents[start].inst), int(ctx.intents[start].module)
    first_there, first_here = FAR, FAR
    k = start
    while k < end:
        request = ctx.intents[k]
        if request.action != _CANCEL or request.inst != inst or request.module != module:
            break
        order_id = int(request.client_order_id)
        here = find_order(ctx, module, inst, order_id)
        there = here  # with one module both tables are alike
        if (
            here < 0
            or here >= x.n_orders[inst]
            or x.resting[inst, there].client_order_id != order_id
        ):
            there = find(x, inst, order_id)
        if here < 0 or there < 0 or x.resting[inst, there].leaves_qty <= 0.0:
            break
        x.resting[inst, there].leaves_qty = 0.0
        end_order(ctx, module, inst, here, _CANCELED)
        first_there, first_here = min(first_there, there), min(first_here, here)
        k += 1
    if k > start:
        drop_filled(x, inst, first_there)
        drop_ended(ctx, module, inst, first_here)
    return k


@kernel(inline=True, part=True)
def _rests(x: Exchange, ctx: Context, k: int) -> bool:
    """Let a limit order come to rest; False, and nothing is done, if it does anything else."""
    request = ctx.intents[k]
    inst, side, order_id = int(request.inst), int(request.side), int(request.client_order_id)
    if (
        request.action != _SUBMIT
        or request.order_type != _LIMIT
        or (request.tif != _GTX and request.tif != _GTC)
        or request.flags & _REDUCE_ONLY != 0
        or x.n_orders[inst] >= x.hub.max_orders
        or x.clock[X_TERMS_ID] == order_id
    ):
        return False
    tick = tick_of(x, inst, request.price)
    if crosses(side, tick, best_for(x, inst, ASK if side == BUY else BID)):
        return False
    here = find_order(ctx, int(request.module), inst, order_id)
    if here < 0:
        return False
    order = x.resting[inst, insert(x, inst, request, tick)]
    join_queue(x, inst, order)
    widen(x, inst, order)
    mine = ctx.open_orders[int(request.module), inst, here]
    mine.venue_order_id = order.venue_order_id
    if mine.status == _NEW:  # else its cancel follows
        mine.status = _LIVE
    return True


@kernel(part=True)
def serve_outright(x: Exchange, ctx: Context, start: int, end: int) -> int:
    """Handle intents from `start` on as long as they are of the plain kind; return where it ended."""
    clock = x.clock
    k = start
    if clock[X_OUTRIGHT] == 0 or clock[X_REPORT_HEAD] != clock[X_REPORT_TAIL]:
        return k
    while k < end:
        if ctx.intents[k].action == _CANCEL:
            after = _cancels(x, ctx, k, end)
            if after == k:
                break
            k = after
        elif _rests(x, ctx, k):
            k += 1
        else:
            break
    if k > start:
        ctx.clock[C_ROWS] += k - start  # the reports that would have come
        clock[X_LAST_REPORT] = clock[X_NOW]
    return k
