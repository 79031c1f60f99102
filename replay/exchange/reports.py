"""What the exchange tells: report rows, in order, each due one response latency later."""

from __future__ import annotations

from typing import Any

from extrema_nb.events import (
    ACC_ORDER,
    FILL,
    Action,
    EventKind,
    Flag,
    OrderEvent,
    OrderStatus,
)
from extrema_nb.jit import kernel
from replay.exchange.fees import fee_of
from replay.exchange.latency import Latency, response_latency
from replay.exchange.model import (
    P_CASH,
    P_LIQUIDATION_FEE,
    X_FEED,
    X_FILLS,
    X_LAST_REPORT,
    X_MARGIN,
    X_MODELLED,
    X_NOW,
    X_REDUCES,
    X_REPORT_HEAD,
    X_REPORT_TAIL,
    X_REPORTS,
    X_RESPONSE,
    X_TRADE_ID,
    Exchange,
)
from replay.exchange.reducing import end_idle

__all__ = [
    "BAD_TRIGGER",
    "CANNOT_REDUCE",
    "LIQUIDATED",
    "LOST",
    "NO_LIQUIDITY",
    "NO_MARGIN",
    "SELF_TRADE",
    "TOO_MANY_ORDERS",
    "UNKNOWN_ORDER",
    "execute",
    "lose",
    "open_report",
    "refuse",
    "report",
]

NO_LIQUIDITY = -100_001  # `code` of a market order into an empty side
UNKNOWN_ORDER = -100_002  # `code` of a cancel or amend of an order that is not there
TOO_MANY_ORDERS = -100_003
SELF_TRADE = -100_004  # `code` of an order that would have traded with another of ours
CANNOT_REDUCE = -100_005  # `code` of a reduce-only order without a position to reduce
NO_MARGIN = -100_008  # `code` of an order or amend that needs more margin than there is
LIQUIDATED = -100_009  # `code` of what ends because the margin became too small
LOST = -100_007  # `code` of a request that was refused on its way
BAD_TRIGGER = -100_006  # `code` of a stop order whose trigger is no price

_ACC_ORDER = int(EventKind.ACC_ORDER)
_FILL = int(EventKind.FILL)
_LAST = int(Flag.LAST)
_MAKER = int(Flag.MAKER)
_FILLED = int(OrderStatus.FILLED)
_PARTIALLY = int(OrderStatus.PARTIALLY_FILLED)
_EXPIRED = int(OrderStatus.EXPIRED)
_REJECTED = int(OrderStatus.REJECTED)
_E_TRADE = int(OrderEvent.TRADE)
_E_REJECTED = int(OrderEvent.REJECTED)
_E_CANCEL_REJECTED = int(OrderEvent.CANCEL_REJECTED)
_E_AMEND_REJECTED = int(OrderEvent.AMEND_REJECTED)
_CANCEL = int(Action.CANCEL)
_AMEND = int(Action.AMEND)
_TERMS = int(Action.TERMS)
_LIQUIDATED = int(Flag.LIQUIDATED)
_E_EXPIRED = int(OrderEvent.EXPIRED)
_REDUCE_ONLY = int(Flag.REDUCE_ONLY)


@kernel(inline=True, part=True)
def _response(x: Exchange) -> int:
    """Return how long the report at hand takes to us, µs."""
    clock = x.clock
    if clock[X_MODELLED] == 0:
        return int(clock[X_RESPONSE])
    clock[X_REPORTS] += 1
    return response_latency(
        Latency(x.hub.latency), int(clock[X_NOW]), int(clock[X_FEED]), int(clock[X_REPORTS])
    )


@kernel(inline=True, part=True)
def open_report(x: Exchange, inst: int, side: int, kind: int, flags: int, more: bool) -> int:
    """Open a report row with its head written; return its place in `reports`.

    `more` says that it belongs to the message of the row before: they come together.
    """
    clock = x.clock
    at = int(clock[X_REPORT_TAIL])
    clock[X_REPORT_TAIL] = at + 1
    due = int(clock[X_LAST_REPORT])
    if not more:
        due = max(clock[X_NOW] + _response(x), due)
    clock[X_LAST_REPORT] = due
    row = x.reports[at]
    row.ts_event = clock[X_NOW]
    row.ts_recv = due
    row.inst = inst
    row.kind = kind
    row.side = side
    row.flags = flags
    return at


@kernel(part=True)
def report(
    x: Exchange, inst: int, order: Any, event: int, status: int, leaves: float, code: int
) -> None:
    """Report about an order in the book."""
    at = open_report(x, inst, int(order.side), _ACC_ORDER, _LAST, event == _E_TRADE)
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


@kernel(part=True)
def refuse(x: Exchange, inst: int, request: Any, event: int, status: int, code: int) -> None:
    """Report about an order that is not in the book."""
    at = open_report(x, inst, int(request.side), _ACC_ORDER, _LAST, False)
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


@kernel(part=True)
def lose(x: Exchange, request: Any, after: int) -> None:
    """Report that a request was refused on its way, `after` µs after it left."""
    clock = x.clock
    action = request.action
    if action == _TERMS:
        return  # the order that they belong to tells it
    event = _E_REJECTED
    if action == _CANCEL:
        event = _E_CANCEL_REJECTED
    elif action == _AMEND:
        event = _E_AMEND_REJECTED
    now = clock[X_NOW]
    clock[X_NOW] = request.ts_recv
    refuse(x, int(request.inst), request, event, _REJECTED, LOST)
    clock[X_NOW] = now
    at = clock[X_REPORT_TAIL] - 1
    due = int(request.ts_recv) + after
    if at > clock[X_REPORT_HEAD]:  # it does not overtake what is on its way already
        due = max(due, int(x.reports[at - 1].ts_recv))
    x.reports[at].ts_recv = due
    clock[X_LAST_REPORT] = due


@kernel(part=True)
def execute(x: Exchange, inst: int, order: Any, price: float, qty: float, maker: bool) -> None:
    """Fill `qty` of an order at `price` and report it; what is left below half a lot is nothing.

    A reduce-only order fills at most what there is to reduce; with nothing left the rest expires,
    and so do others that the execution leaves without a use.
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
    held = x.held[inst] + side * qty
    x.held[inst] = held if abs(held) >= 0.5e-6 * spec.lot_size else 0.0
    unit = qty * spec.contract_value * spec.multiplier
    value = unit / price if spec.inverse == 1 else unit * price
    fee = fee_of(x, inst, side, maker, value, qty)
    flags = _MAKER if maker else 0
    if x.clock[X_MARGIN] != 0:
        if order.bits & _LIQUIDATED:
            flags |= _LIQUIDATED
            fee += value * x.params[P_LIQUIDATION_FEE]
        # what an inverse contract costs is counted in base units, the other way round
        x.params[P_CASH] += (value if spec.inverse == 1 else -value) * side - fee
    at = open_report(x, inst, side, _FILL, flags, False)
    row = x.reports.view(FILL)[at]
    row.client_order_id = order.client_order_id
    row.trade_id = x.clock[X_TRADE_ID]
    row.price = price
    row.qty = qty
    row.fee = fee
    x.clock[X_TRADE_ID] += 1
    x.clock[X_FILLS] += 1
    leaves = order.leaves_qty - qty
    if leaves < 0.5 * spec.lot_size:
        leaves = 0.0
    order.leaves_qty = leaves
    report(x, inst, order, _E_TRADE, _PARTIALLY if leaves > 0.0 else _FILLED, leaves, 0)
    if reducing and leaves > 0.0 and -side * x.held[inst] < 0.5 * spec.lot_size:
        report(x, inst, order, _E_EXPIRED, _EXPIRED, leaves, CANNOT_REDUCE)
        order.leaves_qty = 0.0
    if x.clock[X_REDUCES] != 0:
        end_idle(x, inst)
