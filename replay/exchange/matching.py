"""What the exchange does with a market row and with a request: docs/exchange-models.md, in code.

Rules (no partial fill)
-----------------------
1. A book row updates the book, then the queue places of own orders at its side and tick; if it
   improved its side's best price, own opposite orders at or through the new best fill completely.
2. A trade fills own orders of the passive side: through its price completely, at its price when
   the queue ahead is used up. Trades at or beyond the opposite best fill nobody.
3. Own orders neither see each other nor use up the market's volume.
4. A crossing order fills completely at the opposite best, whatever is there. Post-only expires
   instead. Market into an empty side is rejected.
5. Whatever happens is reported in order of client order id, each execution by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from extrema_nb.books.l2 import (
    ASK,
    BID,
    NO_ASK,
    NO_BID,
    apply_level,
    best_ask,
    best_bid,
    price_to_tick,
    quantity,
)
from extrema_nb.events import (
    ACC_ORDER,
    BUY,
    FILL,
    Action,
    EventKind,
    Flag,
    OrderEvent,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from extrema_nb.jit import kernel
from extrema_nb.strategy.book_view import tick_to_price
from replay.exchange.model import (
    FAR,
    X_FILLS,
    X_LAST_REPORT,
    X_NOW,
    X_QUEUE,
    X_REPORT_TAIL,
    X_RESPONSE,
    X_SIDELESS,
    X_TRADE_ID,
    X_VENUE_ID,
    Exchange,
)
from replay.exchange.queue import is_reached, level_changed, traded

__all__ = ["NO_LIQUIDITY", "UNKNOWN_ORDER", "on_level", "on_request", "on_trade"]

NO_LIQUIDITY = -100_001  # `code` of a market order into an empty side
UNKNOWN_ORDER = -100_002  # `code` of a cancel or amend of an order that is not there
TOO_MANY_ORDERS = -100_003

_ACC_ORDER = int(EventKind.ACC_ORDER)
_FILL = int(EventKind.FILL)
_LAST = int(Flag.LAST)
_MAKER = int(Flag.MAKER)
_MARKET = int(OrderType.MARKET)
_GTX = int(TimeInForce.GTX)
_IOC = int(TimeInForce.IOC)
_FOK = int(TimeInForce.FOK)
_SUBMIT = int(Action.SUBMIT)
_CANCEL = int(Action.CANCEL)
_AMEND = int(Action.AMEND)
_LIVE = int(OrderStatus.LIVE)
_FILLED = int(OrderStatus.FILLED)
_CANCELED = int(OrderStatus.CANCELED)
_REJECTED = int(OrderStatus.REJECTED)
_EXPIRED = int(OrderStatus.EXPIRED)
_E_ACCEPTED = int(OrderEvent.ACCEPTED)
_E_TRADE = int(OrderEvent.TRADE)
_E_CANCELED = int(OrderEvent.CANCELED)
_E_REJECTED = int(OrderEvent.REJECTED)
_E_EXPIRED = int(OrderEvent.EXPIRED)
_E_AMENDED = int(OrderEvent.AMENDED)
_E_CANCEL_REJECTED = int(OrderEvent.CANCEL_REJECTED)
_E_AMEND_REJECTED = int(OrderEvent.AMEND_REJECTED)


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
def _report(
    x: Exchange, inst: int, order: Any, event: int, status: int, leaves: float, code: int
) -> None:
    at = _next_report(x, inst, order.side, _ACC_ORDER, _LAST)
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
def _execute(x: Exchange, inst: int, order: Any, price: float, maker: bool) -> None:
    """Fill an order completely at `price` and report it."""
    spec = x.specs[inst]
    qty = order.leaves_qty
    unit = qty * spec.contract_value * spec.multiplier
    value = unit / price if spec.inverse == 1 else unit * price
    at = _next_report(x, inst, order.side, _FILL, _MAKER if maker else 0)
    row = x.reports.view(FILL)[at]
    row.client_order_id = order.client_order_id
    row.trade_id = x.clock[X_TRADE_ID]
    row.price = price
    row.qty = qty
    row.fee = value * (spec.maker_fee if maker else spec.taker_fee)
    x.clock[X_TRADE_ID] += 1
    x.clock[X_FILLS] += 1
    order.leaves_qty = 0.0
    _report(x, inst, order, _E_TRADE, _FILLED, 0.0, 0)


@kernel
def _find(x: Exchange, inst: int, client_order_id: int) -> int:
    for i in range(x.n_orders[inst]):
        if x.resting[inst, i].client_order_id == client_order_id:
            return i
    return -1


@kernel
def _set_ranges(x: Exchange, inst: int) -> None:
    """Note between which ticks own orders lie, so that most rows need no look at them."""
    lowest_bid, highest_bid, lowest_ask, highest_ask = FAR, -FAR, FAR, -FAR
    for i in range(x.n_orders[inst]):
        order = x.resting[inst, i]
        if order.side == BUY:
            lowest_bid = min(lowest_bid, order.tick)
            highest_bid = max(highest_bid, order.tick)
        else:
            lowest_ask = min(lowest_ask, order.tick)
            highest_ask = max(highest_ask, order.tick)
    ranges = x.ranges[inst]
    ranges[0], ranges[1], ranges[2], ranges[3] = lowest_bid, highest_bid, lowest_ask, highest_ask


@kernel
def _drop_filled(x: Exchange, inst: int) -> None:
    """Close the gaps that filled orders left; the others keep their sequence."""
    kept = 0
    for i in range(x.n_orders[inst]):
        if x.resting[inst, i].leaves_qty > 0.0:
            if kept != i:
                x.resting[inst, kept] = x.resting[inst, i]
            kept += 1
    x.n_orders[inst] = kept
    _set_ranges(x, inst)


@kernel
def _remove(x: Exchange, inst: int, place: int) -> None:
    x.resting[inst, place].leaves_qty = 0.0
    _drop_filled(x, inst)


@kernel
def _insert(x: Exchange, inst: int, order: Any, tick: int) -> None:
    """Put an order at the end of its level's queue; orders stay sorted by client order id."""
    n = int(x.n_orders[inst])
    place = n
    while place > 0 and x.resting[inst, place - 1].client_order_id > order.client_order_id:
        x.resting[inst, place] = x.resting[inst, place - 1]
        place -= 1
    row = x.resting[inst, place]
    row.client_order_id = order.client_order_id
    row.venue_order_id = x.clock[X_VENUE_ID]
    row.tick = tick
    row.price = order.price
    row.qty = order.qty
    row.leaves_qty = order.qty
    row.front = quantity(x.books, inst, BID if order.side == BUY else ASK, tick)
    row.cum = 0.0
    row.inst = inst
    row.side = order.side
    row.tif = order.tif
    row.order_type = order.order_type
    x.clock[X_VENUE_ID] += 1
    x.n_orders[inst] = n + 1
    _set_ranges(x, inst)


@kernel(inline=True)
def on_level(x: Exchange, inst: int, row: Any) -> None:
    """Apply a LOB_LEVEL row to the exchange's book and to own orders."""
    if x.n_orders[inst] == 0 or row.side == 0:
        apply_level(x.books, inst, row)
    else:
        _meet_level(x, inst, row)


@kernel
def _meet_level(x: Exchange, inst: int, row: Any) -> None:
    """Apply a LOB_LEVEL row while own orders rest."""
    n = x.n_orders[inst]
    bid_before, ask_before = best_bid(x.books, inst), best_ask(x.books, inst)
    previous = apply_level(x.books, inst, row)
    side = int(row.side)
    tick = price_to_tick(x.books, inst, row.price)
    ranges = x.ranges[inst]
    own = 0 if side == BUY else 2
    if ranges[own] <= tick <= ranges[own + 1]:
        new = quantity(x.books, inst, BID if side == BUY else ASK, tick)
        for i in range(n):
            order = x.resting[inst, i]
            if order.side == side and order.tick == tick:
                level_changed(int(x.clock[X_QUEUE]), x.params[0], order, previous, new)
    filled = False
    if side == BUY:
        best = best_bid(x.books, inst)
        if best > bid_before and ranges[2] <= best:
            for i in range(n):
                order = x.resting[inst, i]
                if order.side != BUY and order.tick <= best:
                    _execute(x, inst, order, order.price, True)
                    filled = True
    else:
        best = best_ask(x.books, inst)
        if best < ask_before and ranges[1] >= best:
            for i in range(n):
                order = x.resting[inst, i]
                if order.side == BUY and order.tick >= best:
                    _execute(x, inst, order, order.price, True)
                    filled = True
    if filled:
        _drop_filled(x, inst)


@kernel
def on_trade(x: Exchange, inst: int, row: Any) -> None:
    """Let a public trade fill own orders of the passive side."""
    n = x.n_orders[inst]
    if row.side == 0:
        x.clock[X_SIDELESS] += 1
        return
    if n == 0:
        return
    tick = price_to_tick(x.books, inst, row.price)
    ranges = x.ranges[inst]
    passive = -int(row.side)
    if passive == BUY:
        edge = best_ask(x.books, inst)
        if ranges[1] < tick or tick >= edge:
            return
    else:
        edge = best_bid(x.books, inst)
        if ranges[2] > tick or tick <= edge:
            return
    lot = x.specs[inst].lot_size
    filled = False
    for i in range(n):
        order = x.resting[inst, i]
        if order.side == passive:
            if order.tick == tick:
                traded(int(x.clock[X_QUEUE]), order, row.qty)
                if is_reached(order, lot):
                    _execute(x, inst, order, order.price, True)
                    filled = True
            elif (tick < order.tick < edge) if passive == BUY else (edge < order.tick < tick):
                _execute(x, inst, order, order.price, True)
                filled = True
    if filled:
        _drop_filled(x, inst)


@kernel
def _refuse(x: Exchange, inst: int, request: Any, event: int, status: int, code: int) -> None:
    """Report about an order that is not in the book."""
    at = _next_report(x, inst, request.side, _ACC_ORDER, _LAST)
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
def _take(x: Exchange, inst: int, request: Any, price: float) -> None:
    """Fill a crossing order as taker: through the book's slot for one more order."""
    _insert(x, inst, request, 0)
    place = _find(x, inst, request.client_order_id)
    _execute(x, inst, x.resting[inst, place], price, False)
    _drop_filled(x, inst)


@kernel
def _arrive(x: Exchange, inst: int, request: Any) -> None:
    """Handle a SUBMIT: take, rest or expire."""
    if x.n_orders[inst] >= x.hub.max_orders:
        _refuse(x, inst, request, _E_REJECTED, _REJECTED, TOO_MANY_ORDERS)
        return
    buy = request.side == BUY
    opposite = best_ask(x.books, inst) if buy else best_bid(x.books, inst)
    empty = opposite in (NO_ASK, NO_BID)
    if request.order_type == _MARKET:
        if empty:
            _refuse(x, inst, request, _E_REJECTED, _REJECTED, NO_LIQUIDITY)
        else:
            _take(x, inst, request, tick_to_price(x.books, inst, opposite))
        return
    tick = price_to_tick(x.books, inst, request.price)
    crosses = not empty and (tick >= opposite if buy else tick <= opposite)
    if crosses:
        if request.tif == _GTX:
            _refuse(x, inst, request, _E_EXPIRED, _EXPIRED, 0)
        else:
            _take(x, inst, request, tick_to_price(x.books, inst, opposite))
    elif request.tif in (_IOC, _FOK):
        _refuse(x, inst, request, _E_EXPIRED, _EXPIRED, 0)
    else:
        _insert(x, inst, request, tick)
        order = x.resting[inst, _find(x, inst, request.client_order_id)]
        _report(x, inst, order, _E_ACCEPTED, _LIVE, order.leaves_qty, 0)


@kernel
def _change(x: Exchange, inst: int, request: Any, place: int) -> None:
    """Handle an AMEND: less at the same price keeps the queue place, else the tail."""
    order = x.resting[inst, place]
    tick = price_to_tick(x.books, inst, request.price)
    if tick == order.tick and request.qty <= order.leaves_qty:
        order.leaves_qty = request.qty
        order.qty = request.qty
        _report(x, inst, order, _E_AMENDED, _LIVE, order.leaves_qty, 0)
        return
    buy = order.side == BUY
    opposite = best_ask(x.books, inst) if buy else best_bid(x.books, inst)
    empty = opposite in (NO_ASK, NO_BID)
    crosses = not empty and (tick >= opposite if buy else tick <= opposite)
    order.price = request.price  # also in the report of an order that ends by it
    if crosses and order.tif == _GTX:
        _report(x, inst, order, _E_EXPIRED, _EXPIRED, order.leaves_qty, 0)
        _remove(x, inst, place)
        return
    order.tick = tick
    order.qty = request.qty
    order.leaves_qty = request.qty
    _report(x, inst, order, _E_AMENDED, _LIVE, order.leaves_qty, 0)
    if crosses:
        _execute(x, inst, order, tick_to_price(x.books, inst, opposite), False)
        _drop_filled(x, inst)
        return
    order.front = quantity(x.books, inst, BID if buy else ASK, tick)
    order.cum = 0.0
    _set_ranges(x, inst)


@kernel
def on_request(x: Exchange, request: Any) -> None:
    """Handle one INTENT row that has arrived at the exchange."""
    inst = int(request.inst)
    if request.action == _SUBMIT:
        _arrive(x, inst, request)
        return
    place = _find(x, inst, request.client_order_id)
    if request.action == _CANCEL:
        if place < 0:
            _refuse(x, inst, request, _E_CANCEL_REJECTED, _REJECTED, UNKNOWN_ORDER)
        else:
            order = x.resting[inst, place]
            _report(x, inst, order, _E_CANCELED, _CANCELED, order.leaves_qty, 0)
            _remove(x, inst, place)
    elif request.action == _AMEND:
        if place < 0 or not 0.0 < request.qty < np.inf:
            _refuse(x, inst, request, _E_AMEND_REJECTED, _REJECTED, UNKNOWN_ORDER)
        else:
            _change(x, inst, request, place)
