"""Requests without latency: handled where they are made, if nothing of the moment comes before.

It gives what the way through the queues of `messages` would; `outright` does without reports too.
"""

from __future__ import annotations

from typing import Any

from extrema_nb.events import Action, OrderEvent, OrderStatus
from extrema_nb.jit import kernel
from extrema_nb.strategy.state import C_INTENTS, C_NOW, Context
from replay.exchange.available import has_room
from replay.exchange.messages import reports_of, take_reports
from replay.exchange.model import (
    FAR,
    X_CONSUME,
    X_LAST_ARRIVAL,
    X_NEXT_EXPIRY,
    X_NOW,
    X_OUTRIGHT,
    X_PARTIAL,
    X_REPORT_TAIL,
    X_REQUEST_HEAD,
    X_REQUEST_TAIL,
    Exchange,
)
from replay.exchange.moments import arrive
from replay.exchange.outright import serve_outright
from replay.exchange.reports import report
from replay.exchange.resting import drop_filled, find

__all__ = ["serve_at_once"]

_SUBMIT = int(Action.SUBMIT)
_CANCEL = int(Action.CANCEL)
_AMEND = int(Action.AMEND)
_CANCELED = int(OrderStatus.CANCELED)
_E_CANCELED = int(OrderEvent.CANCELED)


@kernel(part=True)
def _cancel_several(x: Exchange, requests: Any, start: int, end: int) -> int:
    """Handle cancels one after the other as `on_request` does; return the place after the last.

    Takes what lies between `start` and `end` as long as it cancels resting orders of one
    instrument; these leave the book together.
    """
    inst = int(requests[start].inst)
    first = FAR
    k = start
    while k < end and requests[k].action == _CANCEL and requests[k].inst == inst:
        place = find(x, inst, int(requests[k].client_order_id))
        if place < 0:
            break
        order = x.resting[inst, place]
        if order.leaves_qty <= 0.0:  # cancelled a moment ago
            break
        report(x, inst, order, _E_CANCELED, _CANCELED, order.leaves_qty, 0)
        order.leaves_qty = 0.0
        first = min(first, place)
        k += 1
    if k > start:
        drop_filled(x, inst, first)
    return k


@kernel(part=True)
def _fits(x: Exchange, intent: Any, room: int) -> bool:
    """Say whether all levels that an order may meet can be told, and noted where it uses them up."""
    if intent.action != _SUBMIT and intent.action != _AMEND:
        return True
    need = reports_of(x, int(intent.inst), intent.qty)
    return bool(x.clock[X_REPORT_TAIL] + need < room and has_room(x, need))


@kernel(part=True)
def serve_at_once(x: Exchange, ctx: Context) -> int:
    """Let requests arrive that need no time; return how many did.

    They would be the next to happen: nothing of the moment is left that comes before them. What
    does not fit, or follows what must happen first, takes the way of all others.
    """
    clock = x.clock
    t = int(ctx.clock[C_NOW])
    n = int(ctx.clock[C_INTENTS])
    room = int(x.hub.report_cap) - 2 * int(x.hub.max_orders) - 4
    k = 0
    if clock[X_REQUEST_HEAD] == clock[X_REQUEST_TAIL] and clock[X_LAST_ARRIVAL] <= t:
        clock[X_NOW] = t
        while k < n and clock[X_NEXT_EXPIRY] > t and clock[X_REPORT_TAIL] < room:
            after = serve_outright(x, ctx, k, n)
            if after > k:
                k = after
                continue
            if clock[X_PARTIAL] + clock[X_CONSUME] != 0 and not _fits(x, ctx.intents[k], room):
                break
            behind = min(n, k + room - int(clock[X_REPORT_TAIL]))
            several = _cancel_several(x, ctx.intents, k, behind)
            if several == k:
                arrive(x, ctx.intents[k])
                several += 1
            k = several
            if clock[X_OUTRIGHT] != 0:
                take_reports(x, ctx, t + 1)
        if k > 0:
            clock[X_LAST_ARRIVAL] = t
            take_reports(x, ctx, t + 1)
    return k
