"""Order methods of the context: what a strategy asks for, held against its limits.

Rules
-----
1. Each method returns a client order id (1, 2, 3 … in order of submission) or a negative `Reject`.
2. A request is in the local order table at once, and leaves as an INTENT row.
3. Orders are the module's own; prices are rounded to the nearest tick, quantities sent as given.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.books.l2 import price_to_tick
from extrema_nb.events import (
    BUY,
    SELL,
    Action,
    EventKind,
    OrderStatus,
    OrderType,
    TimeInForce,
    TriggerBy,
)
from extrema_nb.jit import attach, kernel
from extrema_nb.strategy.book_view import tick_to_price
from extrema_nb.strategy.risk import Reject
from extrema_nb.strategy.state import (
    C_INTENTS,
    C_KILLED,
    C_MODULE,
    C_NEAR,
    C_NEXT_ID,
    C_NOW,
    C_REFUSED,
    C_ROW,
    C_SEQ,
    C_TOKENS_TS,
    ROW_LIMIT,
    Context,
)

__all__ = ["find_order"]

_NEW = int(OrderStatus.PENDING_NEW)
_LIVE = int(OrderStatus.LIVE)
_PARTIAL = int(OrderStatus.PARTIALLY_FILLED)
_CANCELING = int(OrderStatus.PENDING_CANCEL)
_AMENDING = int(OrderStatus.PENDING_AMEND)
_SUBMIT = int(Action.SUBMIT)
_CANCEL = int(Action.CANCEL)
_AMEND = int(Action.AMEND)
_INTENT = int(EventKind.INTENT)
_LIMIT = int(OrderType.LIMIT)
_MARKET = int(OrderType.MARKET)
_STOP_MARKET = int(OrderType.STOP_MARKET)
_STOP_LIMIT = int(OrderType.STOP_LIMIT)
_TERMS = int(Action.TERMS)
_BY_TRADE = int(TriggerBy.TRADE)
_GTC = int(TimeInForce.GTC)
_GTD = int(TimeInForce.GTD)
_IOC = int(TimeInForce.IOC)
_KILLED = int(Reject.KILLED)
_UNKNOWN_INSTRUMENT = int(Reject.UNKNOWN_INSTRUMENT)
_BAD_PRICE = int(Reject.BAD_PRICE)
_BAD_QTY = int(Reject.BAD_QTY)
_MAX_ORDER_QTY = int(Reject.MAX_ORDER_QTY)
_MAX_POSITION = int(Reject.MAX_POSITION)
_MAX_NOTIONAL = int(Reject.MAX_NOTIONAL)
_MAX_OPEN_ORDERS = int(Reject.MAX_OPEN_ORDERS)
_ORDERS_PER_SECOND = int(Reject.ORDERS_PER_SECOND)
_PRICE_COLLAR = int(Reject.PRICE_COLLAR)
_NO_REFERENCE = int(Reject.NO_REFERENCE)
_TOO_MANY_INTENTS = int(Reject.TOO_MANY_INTENTS)
_UNKNOWN_ORDER = int(Reject.UNKNOWN_ORDER)
_PENDING = int(Reject.PENDING)
_BAD_SIDE = int(Reject.BAD_SIDE)


@kernel(part=True)
def find_order(ctx: Context, module: int, inst: int, client_order_id: int) -> int:
    """Return the place of an order among the module's open ones, or -1 (they are sorted by id).

    Orders are mostly asked for one after the other, so the last place and the next are tried first.
    """
    low, high = 0, int(ctx.n_open[module, inst])
    near = int(ctx.clock[C_NEAR])
    for place in range(near, min(near + 2, high)):
        if ctx.open_orders[module, inst, place].client_order_id == client_order_id:
            ctx.clock[C_NEAR] = place
            return place
    while low < high:
        middle = (low + high) // 2
        if ctx.open_orders[module, inst, middle].client_order_id < client_order_id:
            low = middle + 1
        else:
            high = middle
    if (
        low < ctx.n_open[module, inst]
        and ctx.open_orders[module, inst, low].client_order_id == client_order_id
    ):
        ctx.clock[C_NEAR] = low
        return low
    return -1


@kernel(inline=True, part=True)
def _take_token(ctx: Context) -> bool:
    """Take one of the submits that `orders_per_second` allows; deterministic in `ctx.now`."""
    rate = ctx.risk[0].orders_per_second
    if rate == np.inf:
        return True
    now = int(ctx.clock[C_NOW])
    earned = (now - ctx.clock[C_TOKENS_TS]) * 1e-6 * rate
    ctx.tokens[0] = min(ctx.tokens[0] + earned, max(rate, 1.0))
    ctx.clock[C_TOKENS_TS] = now
    if ctx.tokens[0] < 1.0:
        return False
    ctx.tokens[0] -= 1.0
    return True


@kernel(part=True)
def _check(ctx: Context, inst: int, side: int, price: float, qty: float) -> int:
    """Return 0 or the Reject of an order; `price` is NaN for a market order."""
    risk = ctx.risk[0]
    if ctx.clock[C_KILLED] != 0:
        return _KILLED
    if not 0.0 < qty < np.inf:
        return _BAD_QTY
    if qty > risk.max_order_qty:
        return _MAX_ORDER_QTY
    if risk.max_notional < np.inf or risk.price_collar < np.inf:
        reference = ctx.book(inst).mid
        if np.isnan(reference):
            reference = 0.5 * (ctx.bbos[inst].bid_price + ctx.bbos[inst].ask_price)
        if np.isnan(reference):
            return _NO_REFERENCE
        worst = reference if np.isnan(price) else price
        spec = ctx.specs[inst]
        value = qty * spec.contract_value * spec.multiplier
        if spec.inverse == 0:
            value *= worst
        if value > risk.max_notional:
            return _MAX_NOTIONAL
        if side * (worst - reference) > risk.price_collar * reference:
            return _PRICE_COLLAR
    if risk.max_position < np.inf:
        module = ctx.clock[C_MODULE]
        exposed = side * ctx.positions[module, inst].qty + qty
        for i in range(ctx.n_open[module, inst]):
            order = ctx.open_orders[module, inst, i]
            if order.side == side:
                exposed += order.leaves_qty
                # an amend that is on its way may make the order larger
                if order.status == _AMENDING and order.leaves_qty > 0.0:
                    exposed += max(order.new_qty - order.leaves_qty, 0.0)
        if exposed > risk.max_position * (1.0 + 1e-12):
            return _MAX_POSITION
    return 0


@kernel(inline=True, part=True)
def _emit_intent(
    ctx: Context, action: int, order_id: int, inst: int, side: int, price: float, qty: float,
    tif: int, order_type: int, flags: int,
) -> None:  # fmt: skip
    n = ctx.clock[C_INTENTS]
    row = ctx.intents[n]
    row.ts_event = ctx.clock[C_NOW]
    row.ts_recv = ctx.clock[C_NOW]
    row.inst = inst
    row.kind = _INTENT
    row.side = side
    row.flags = flags | 1
    row.client_order_id = order_id
    row.price = price
    row.qty = qty
    row.module = ctx.clock[C_MODULE]
    row.action = action
    row.tif = tif
    row.order_type = order_type
    row.reserved = 0
    row.seq = ctx.clock[C_SEQ]
    ctx.clock[C_SEQ] += 1
    ctx.clock[C_INTENTS] = n + 1


@kernel(part=True)
def _refused(ctx: Context, reject: int) -> int:
    """Count a refusal, so that a strategy that ignores the answer is not without orders silently."""
    ctx.clock[C_REFUSED - reject] += 1
    return reject


@kernel(part=True)
def _submit(
    ctx: Context, inst: int, side: int, price: float, qty: float, tif: int, order_type: int,
    flags: int,
) -> int:  # fmt: skip
    """Send an order; return its id, or a counted `Reject`."""
    answer = _try(ctx, inst, side, price, qty, tif, order_type, flags)
    return answer if answer >= 0 else _refused(ctx, answer)


@kernel(inline=True, part=True)
def _try(
    ctx: Context, inst: int, side: int, price: float, qty: float, tif: int, order_type: int,
    flags: int,
) -> int:  # fmt: skip
    if not 0 <= inst < len(ctx.specs):
        return _UNKNOWN_INSTRUMENT
    if order_type in (_LIMIT, _STOP_LIMIT):
        if not -1e15 < price < 1e15:
            return _BAD_PRICE
        price = tick_to_price(ctx.books, inst, price_to_tick(ctx.books, inst, price))
    refused = _check(ctx, inst, side, price, qty)
    if refused != 0:
        return refused
    module = int(ctx.clock[C_MODULE])
    n = int(ctx.n_open[module, inst])
    if n >= ctx.open_orders.shape[2]:
        return _MAX_OPEN_ORDERS
    if ctx.clock[C_INTENTS] - ctx.clock[C_ROW] >= ROW_LIMIT:
        return _TOO_MANY_INTENTS
    if not _take_token(ctx):
        return _ORDERS_PER_SECOND
    order_id = int(ctx.clock[C_NEXT_ID])
    ctx.clock[C_NEXT_ID] = order_id + 1
    order = ctx.open_orders[module, inst, n]
    order.client_order_id = order_id
    order.venue_order_id = -1
    order.price = price
    order.qty = qty
    order.leaves_qty = qty
    order.ts_submit = ctx.clock[C_NOW]
    order.new_price = np.nan
    order.new_qty = np.nan
    order.inst = inst
    order.module = module
    order.side = side
    order.status = _NEW
    order.tif = tif
    order.order_type = order_type
    order.flags = flags
    ctx.n_open[module, inst] = n + 1
    _emit_intent(ctx, _SUBMIT, order_id, inst, side, price, qty, tif, order_type, flags)
    return order_id


def buy(ctx: Context, inst: int, price: float, qty: float, tif: int = _GTC, flags: int = 0) -> int:
    """Send a limit buy; return its client order id or a negative `Reject`."""
    return _submit(ctx, int(inst), BUY, float(price), float(qty), int(tif), _LIMIT, int(flags))


def sell(ctx: Context, inst: int, price: float, qty: float, tif: int = _GTC, flags: int = 0) -> int:
    """Send a limit sell; return its client order id or a negative `Reject`."""
    return _submit(ctx, int(inst), SELL, float(price), float(qty), int(tif), _LIMIT, int(flags))


def market(ctx: Context, inst: int, side: int, qty: float, flags: int = 0) -> int:
    """Send a market order of side BUY or SELL; return its id or a negative `Reject`."""
    if side != BUY and side != SELL:  # no membership tests in kernels
        return _refused(ctx, _BAD_SIDE)
    return _submit(ctx, int(inst), int(side), np.nan, float(qty), _IOC, _MARKET, int(flags))


@kernel(part=True)
def _terms(ctx: Context, inst: int, side: int, trigger: float, by: int, expires: float) -> None:
    """Send what an intent has no room for ahead of the order that it is about."""
    _emit_intent(ctx, _TERMS, int(ctx.clock[C_NEXT_ID]), inst, side, trigger, expires, 0, 0, 0)
    ctx.intents[ctx.clock[C_INTENTS] - 1].reserved = by


@kernel(part=True)
def _with_terms(
    ctx: Context, inst: int, side: int, price: float, qty: float, tif: int, order_type: int,
    flags: int, trigger: float, by: int, expires: float,
) -> int:  # fmt: skip
    """Submit an order that has a trigger or an end."""
    if not 0 <= inst < len(ctx.specs):
        return _refused(ctx, _UNKNOWN_INSTRUMENT)
    if side != BUY and side != SELL:  # no membership tests in kernels
        return _refused(ctx, _BAD_SIDE)
    if ctx.clock[C_INTENTS] - ctx.clock[C_ROW] + 2 > ROW_LIMIT:
        return _refused(ctx, _TOO_MANY_INTENTS)
    n = int(ctx.clock[C_INTENTS])
    seq = int(ctx.clock[C_SEQ])
    _terms(ctx, inst, side, trigger, by, expires)
    order_id = _submit(ctx, inst, side, price, qty, tif, order_type, flags)
    if order_id < 0:  # the terms of an order that is not sent are not sent either
        ctx.clock[C_INTENTS] = n
        ctx.clock[C_SEQ] = seq
    return order_id


def stop_market(
    ctx: Context, inst: int, side: int, trigger: float, qty: float, by: int = _BY_TRADE,
    flags: int = 0,
) -> int:  # fmt: skip
    """Send a market order that waits for a price; return its id or a negative `Reject`.

    A stop to buy fires at or above `trigger`, a stop to sell at or below; `by` is a `TriggerBy`.
    """
    if not -1e15 < trigger < 1e15:
        return _refused(ctx, _BAD_PRICE)
    return _with_terms(
        ctx, int(inst), int(side), np.nan, float(qty), _GTC, _STOP_MARKET, int(flags),
        float(trigger), int(by), np.nan,
    )  # fmt: skip


def stop_limit(
    ctx: Context, inst: int, side: int, trigger: float, price: float, qty: float,
    tif: int = _GTC, by: int = _BY_TRADE, flags: int = 0,
) -> int:  # fmt: skip
    """Send a limit order that waits for a price; return its id or a negative `Reject`."""
    if not (-1e15 < trigger < 1e15 and -1e15 < price < 1e15):
        return _refused(ctx, _BAD_PRICE)
    return _with_terms(
        ctx, int(inst), int(side), float(price), float(qty), int(tif), _STOP_LIMIT, int(flags),
        float(trigger), int(by), np.nan,
    )  # fmt: skip


def good_till(
    ctx: Context, inst: int, side: int, price: float, qty: float, expires: int, flags: int = 0
) -> int:
    """Send a limit order that expires at `expires` (µs, the venue's clock); return its id."""
    return _with_terms(
        ctx, int(inst), int(side), float(price), float(qty), _GTD, _LIMIT, int(flags), np.nan, 0,
        float(expires),
    )  # fmt: skip


@kernel(part=True)
def _locate(ctx: Context, client_order_id: int) -> tuple[int, int]:
    """Return the instrument of one of the module's open orders and its place, or -1 twice."""
    module = int(ctx.clock[C_MODULE])
    for inst in range(len(ctx.specs)):
        if ctx.n_open[module, inst] > 0:
            place = find_order(ctx, module, inst, client_order_id)
            if place >= 0:
                return inst, place
    return -1, -1


def cancel(ctx: Context, client_order_id: int) -> int:
    """Ask to cancel one of the module's open orders; return its id or a negative `Reject`."""
    inst, place = _locate(ctx, int(client_order_id))
    if inst < 0:
        return _UNKNOWN_ORDER
    order = ctx.open_orders[ctx.clock[C_MODULE], inst, place]
    if order.status == _CANCELING:
        return _PENDING
    if ctx.clock[C_INTENTS] - ctx.clock[C_ROW] >= ROW_LIMIT:
        return _TOO_MANY_INTENTS
    order.status = _CANCELING
    _emit_intent(
        ctx, _CANCEL, order.client_order_id, inst, order.side, order.price, order.leaves_qty,
        order.tif, order.order_type, 0,
    )  # fmt: skip
    return int(client_order_id)


def cancel_all(ctx: Context, inst: int) -> int:
    """Ask to cancel all open orders of the module in `inst`, in id order; return how many."""
    done = 0
    if 0 <= inst < len(ctx.specs):
        module = ctx.clock[C_MODULE]
        for i in range(ctx.n_open[module, inst]):
            if ctx.cancel(ctx.open_orders[module, inst, i].client_order_id) > 0:
                done += 1
    return done


def amend(ctx: Context, client_order_id: int, price: float, qty: float) -> int:
    """Ask for a new price and open quantity; return the id or a negative `Reject`."""
    inst, place = _locate(ctx, int(client_order_id))
    if inst < 0:
        return _UNKNOWN_ORDER
    order = ctx.open_orders[ctx.clock[C_MODULE], inst, place]
    if order.status != _LIVE and order.status != _PARTIAL:
        return _PENDING
    if not -1e15 < price < 1e15:
        return _refused(ctx, _BAD_PRICE)
    price = tick_to_price(ctx.books, inst, price_to_tick(ctx.books, inst, float(price)))
    leaves = order.leaves_qty
    order.leaves_qty = 0.0  # the order does not count against itself
    refused = _check(ctx, inst, order.side, price, float(qty))
    order.leaves_qty = leaves
    if refused != 0:
        return _refused(ctx, refused)
    if ctx.clock[C_INTENTS] - ctx.clock[C_ROW] >= ROW_LIMIT:
        return _refused(ctx, _TOO_MANY_INTENTS)
    if not _take_token(ctx):
        return _refused(ctx, _ORDERS_PER_SECOND)
    order.status = _AMENDING
    order.new_price = price
    order.new_qty = qty
    _emit_intent(
        ctx, _AMEND, order.client_order_id, inst, order.side, price, float(qty), order.tif,
        order.order_type, 0,
    )  # fmt: skip
    return int(client_order_id)


def orders(ctx: Context, inst: int) -> npt.NDArray[Any]:
    """Return (n,) ORDER, the module's open orders in `inst` by id; valid until the next row."""
    module = ctx.clock[C_MODULE]
    return ctx.open_orders[module, inst, : ctx.n_open[module, inst]]


def has_order(ctx: Context, inst: int, side: int, price: float) -> bool:
    """Say whether the module has an open order at `price` that is not being cancelled."""
    module = ctx.clock[C_MODULE]
    half = 0.5 * ctx.specs[inst].tick_size
    for i in range(ctx.n_open[module, inst]):
        order = ctx.open_orders[module, inst, i]
        if abs(order.price - price) < half and order.side == side and order.status != _CANCELING:
            return True
    return False


attach(
    Context, buy, sell, market, stop_market, stop_limit, good_till, cancel, amend, orders, has_order
)  # fmt: skip
attach(Context, cancel_all)  # after `cancel`, which it calls
