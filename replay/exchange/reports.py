"""What the exchange tells: report rows, in order, each due one response latency later."""

from __future__ import annotations

from typing import Any

from extrema_nb.events import (
    ACC_ORDER,
    FILL,
    EventKind,
    Flag,
    OrderEvent,
    OrderStatus,
)
from extrema_nb.jit import kernel
from replay.exchange.model import (
    X_FILLS,
    X_LAST_REPORT,
    X_NOW,
    X_REPORT_TAIL,
    X_RESPONSE,
    X_TRADE_ID,
    Exchange,
)

__all__ = [
    "BAD_TRIGGER",
    "CANNOT_REDUCE",
    "NO_LIQUIDITY",
    "SELF_TRADE",
    "TOO_MANY_ORDERS",
    "UNKNOWN_ORDER",
    "execute",
    "refuse",
    "report",
]

NO_LIQUIDITY = -100_001  # `code` of a market order into an empty side
UNKNOWN_ORDER = -100_002  # `code` of a cancel or amend of an order that is not there
TOO_MANY_ORDERS = -100_003
SELF_TRADE = -100_004  # `code` of an order that would have traded with another of ours
CANNOT_REDUCE = -100_005  # `code` of a reduce-only order without a position to reduce
BAD_TRIGGER = -100_006  # `code` of a stop order whose trigger is no price

_ACC_ORDER = int(EventKind.ACC_ORDER)
_FILL = int(EventKind.FILL)
_LAST = int(Flag.LAST)
_MAKER = int(Flag.MAKER)
_FILLED = int(OrderStatus.FILLED)
_PARTIALLY = int(OrderStatus.PARTIALLY_FILLED)
_EXPIRED = int(OrderStatus.EXPIRED)
_E_TRADE = int(OrderEvent.TRADE)
_E_EXPIRED = int(OrderEvent.EXPIRED)
_REDUCE_ONLY = int(Flag.REDUCE_ONLY)


@kernel
def _next_report(x: Exchange, inst: int, side: int, kind: int, flags: int) -> int:
    """Open a report row with its head written; return its place in `reports`."""
    clock = x.clock
    at = int(clock[X_REPORT_TAIL])
    clock[X_REPORT_TAIL] = at + 1
    due = max(clock[X_NOW] + clock[X_RESPONSE], clock[X_LAST_REPORT])
    clock[X_LAST_REPORT] = due
    row = x.reports[at]
    row.ts_event = clock[X_NOW]
    row.ts_recv = due
    row.inst = inst
    row.kind = kind
    row.side = side
    row.flags = flags
    return at


@kernel
def report(
    x: Exchange, inst: int, order: Any, event: int, status: int, leaves: float, code: int
) -> None:
    """Report about an order in the book."""
    at = _next_report(x, inst, int(order.side), _ACC_ORDER, _LAST)
    row = x.reports.view(ACC_ORDER)[at]
    row.client_order_id = order.client_order_id
    row.venue_order_id = order.venue_order_id
    row.price = order.price
    row.leaves_qty = leaves
    row.status = status
    row.event = event
    row.tif = order.tif
    row.order_type = order.order_type
    row.code = code


@kernel
def refuse(x: Exchange, inst: int, request: Any, event: int, status: int, code: int) -> None:
    """Report about an order that is not in the book."""
    at = _next_report(x, inst, int(request.side), _ACC_ORDER, _LAST)
    row = x.reports.view(ACC_ORDER)[at]
    row.client_order_id = request.client_order_id
    row.venue_order_id = -1
    row.price = request.price
    row.leaves_qty = 0.0
    row.status = status
    row.event = event
    row.tif = request.tif
    row.order_type = request.order_type
    row.code = code


@kernel
def execute(x: Exchange, inst: int, order: Any, price: float, qty: float, maker: bool) -> None:
    """Fill `qty` of an order at `price` and report it; what is left below half a lot is nothing.

    A reduce-only order fills at most what there is to reduce; the rest expires.
    """
    spec = x.specs[inst]
    side = int(order.side)
    reducing = order.bits & _REDUCE_ONLY != 0
    if reducing:
        qty = min(qty, max(-side * x.held[inst], 0.0))
        if qty < 0.5 * spec.lot_size:
            report(x, inst, order, _E_EXPIRED, _EXPIRED, order.leaves_qty, CANNOT_REDUCE)
            order.leaves_qty = 0.0
            return
    x.held[inst] += side * qty
    unit = qty * spec.contract_value * spec.multiplier
    value = unit / price if spec.inverse == 1 else unit * price
    at = _next_report(x, inst, side, _FILL, _MAKER if maker else 0)
    row = x.reports.view(FILL)[at]
    row.client_order_id = order.client_order_id
    row.trade_id = x.clock[X_TRADE_ID]
    row.price = price
    row.qty = qty
    row.fee = value * (spec.maker_fee if maker else spec.taker_fee)
    x.clock[X_TRADE_ID] += 1
    x.clock[X_FILLS] += 1
    leaves = order.leaves_qty - qty
    if leaves < 0.5 * spec.lot_size:
        leaves = 0.0
    order.leaves_qty = leaves
    report(x, inst, order, _E_TRADE, _PARTIALLY if leaves > 0.0 else _FILLED, leaves, 0)
