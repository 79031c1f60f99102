"""The seven strategies of the agreement, for extrema-nb; `engine.py` has them for the peer.

All prices are whole ticks, so that neither engine's rounding enters a decision.
"""

# ruff: noqa: C901, N805, PLR0912  # handlers have no self, and branch where kernels would

from __future__ import annotations

import math
from typing import Any

import extrema_nb as xnb
from extrema_nb.events import FOK, GTC, GTX, IOC

__all__ = [
    "Books",
    "FreeGrid",
    "Grid",
    "IocCross",
    "MixedTif",
    "ModifyChase",
    "Noop",
    "Requote",
    "Script",
]


_LIVE = int(xnb.OrderStatus.LIVE)
_PART = int(xnb.OrderStatus.PARTIALLY_FILLED)


@xnb.kernel
def _rests(order: Any) -> bool:
    """Say whether an order is in the book and nothing is asked of it."""
    return order.status == _LIVE or order.status == _PART  # noqa: PLR1714  # as kernels compare


class Noop(xnb.Strategy):
    """Watch nothing, not even a book."""


class Books(xnb.Strategy):
    """Do nothing, but be free to look at any level: the whole book is kept."""

    def on_liquidation(ctx, p, s, row):
        ctx.log(0, ctx.book(0).bid_qty)


class Requote(xnb.Strategy):
    """Cancel every cancellable order in id order, then join both sides: requote and join_hold."""

    class Params:
        qty: xnb.f8 = 0.010

    def on_schedule(ctx, p, s, tick):
        for order in ctx.orders(0):
            if _rests(order):
                ctx.cancel(order.client_order_id)
        book = ctx.book(0)
        if not math.isnan(book.bid_price) and not math.isnan(book.ask_price):
            ctx.buy(0, book.bid_price, p.qty, GTX)
            ctx.sell(0, book.ask_price, p.qty, GTX)


class IocCross(xnb.Strategy):
    """Take five ticks deep, sides in turn, two small and two large orders."""

    class Params:
        qty: xnb.f8 = 0.010

    def on_schedule(ctx, p, s, tick):
        book = ctx.book(0)
        if math.isnan(book.bid_price) or math.isnan(book.ask_price):
            return
        size = ctx.instrument(0).tick_size
        qty = p.qty if tick.tick % 4 < 2 else 200 * p.qty
        if tick.tick % 2 == 0:
            ctx.buy(0, book.ask_price + 5 * size, qty, IOC)
        else:
            ctx.sell(0, book.bid_price - 5 * size, qty, IOC)


class Grid(xnb.Strategy):
    """Ten levels a side, ten ticks apart, on a fixed grid around the mid."""

    class Params:
        qty: xnb.f8 = 0.020
        limit: xnb.f8 = 1e9  # base units of position

    class State:  # the grid as it was when nothing was left to do
        first_bid: xnb.i8 = -1
        first_ask: xnb.i8 = -1
        open_orders: xnb.i8 = -1
        buying: xnb.i8 = 0
        selling: xnb.i8 = 0

    def on_schedule(ctx, p, s, tick):
        book = ctx.book(0)
        if math.isnan(book.bid_price) or math.isnan(book.ask_price):
            return
        size = ctx.instrument(0).tick_size
        bid = math.floor(book.bid_price / size + 0.5)
        ask = math.floor(book.ask_price / size + 0.5)
        first_bid = min(math.floor((bid + ask - 40) / 20) * 10, bid)
        first_ask = max(math.ceil((bid + ask + 40) / 20) * 10, ask)
        position = ctx.position(0)
        buying = position + p.qty <= p.limit + 1e-9
        selling = position - p.qty >= -p.limit - 1e-9
        if (
            first_bid == s.first_bid
            and first_ask == s.first_ask
            and len(ctx.orders(0)) == s.open_orders
            and buying == s.buying
            and selling == s.selling
        ):
            return  # the same grid with all of its orders: nothing to cancel, nothing is missing
        busy = False
        for order in ctx.orders(0):
            if _rests(order):
                at = math.floor(order.price / size + 0.5)
                if order.side > 0:
                    away = first_bid - at
                    wanted = buying
                else:
                    away = at - first_ask
                    wanted = selling
                if not wanted or away < 0 or away > 90 or away % 10 != 0:
                    ctx.cancel(order.client_order_id)
                    busy = True
        for level in range(10):
            if buying and not ctx.has_order(0, xnb.BUY, (first_bid - 10 * level) * size):
                ctx.buy(0, (first_bid - 10 * level) * size, p.qty, GTX)
                busy = True
            if selling and not ctx.has_order(0, xnb.SELL, (first_ask + 10 * level) * size):
                ctx.sell(0, (first_ask + 10 * level) * size, p.qty, GTX)
                busy = True
        s.first_bid = first_bid
        s.first_ask = first_ask
        s.open_orders = -1 if busy else len(ctx.orders(0))
        s.buying = buying
        s.selling = selling


class FreeGrid(Grid):
    """The same, and free to look at any level, as the peer's is."""

    def on_liquidation(ctx, p, s, row):
        ctx.log(0, ctx.book(0).bid_qty)


class ModifyChase(xnb.Strategy):
    """Keep one order a side at the touch by amending; every fifth time ask for 0.001 less."""

    class Params:
        qty: xnb.f8 = 0.030

    def on_schedule(ctx, p, s, tick):
        book = ctx.book(0)
        if math.isnan(book.bid_price) or math.isnan(book.ask_price):
            return
        size = ctx.instrument(0).tick_size
        has_bid = False
        has_ask = False
        for order in ctx.orders(0):
            if order.side > 0:
                has_bid = True
                price = book.bid_price
            else:
                has_ask = True
                price = book.ask_price
            if not _rests(order):
                continue
            if tick.tick % 5 == 4 and order.leaves_qty > 0.0015:
                ctx.amend(order.client_order_id, order.price, order.leaves_qty - 0.001)
            elif abs(order.price - price) > 0.5 * size:
                ctx.amend(order.client_order_id, price, order.leaves_qty)
        if not has_bid:
            ctx.buy(0, book.bid_price, p.qty, GTX)
        if not has_ask:
            ctx.sell(0, book.ask_price, p.qty, GTX)


class MixedTif(xnb.Strategy):
    """Market, fill-or-kill two ticks through, crossing GTC, crossing post-only; sides in turn."""

    class Params:
        qty: xnb.f8 = 0.010

    def on_schedule(ctx, p, s, tick):
        book = ctx.book(0)
        if math.isnan(book.bid_price) or math.isnan(book.ask_price):
            return
        size = ctx.instrument(0).tick_size
        step = tick.tick % 8
        if step == 0:
            ctx.market(0, xnb.BUY, p.qty)
        elif step == 1:
            ctx.market(0, xnb.SELL, p.qty)
        elif step == 2:
            ctx.buy(0, book.ask_price + 2 * size, 150 * p.qty, FOK)
        elif step == 3:
            ctx.sell(0, book.bid_price - 2 * size, 150 * p.qty, FOK)
        elif step == 4:
            ctx.buy(0, book.ask_price + 2 * size, p.qty, GTC)
        elif step == 5:
            ctx.sell(0, book.bid_price - 2 * size, p.qty, GTC)
        elif step == 6:
            ctx.buy(0, book.ask_price, p.qty, GTX)
        else:
            ctx.sell(0, book.bid_price, p.qty, GTX)


class Script(xnb.Strategy):
    """Carry out the lines of a table: at, action, side, tick, qty, tif, ref.

    Actions: 1 submit, 2 cancel, 3 amend in a way that both engines understand alike (a new price
    with the open quantity, or at the same price less), 5 market, 6 amend as it says.
    Only live orders are cancelled and amended.
    """

    class Params:
        script: xnb.f8[24, 7]

    def on_schedule(ctx, p, s, tick):
        size = ctx.instrument(0).tick_size
        for k in range(24):
            if p.script[k, 0] != tick.tick:
                continue
            action = int(p.script[k, 1])
            side = int(p.script[k, 2])
            price = p.script[k, 3] * size
            qty = p.script[k, 4]
            if action == 1:
                if side > 0:
                    ctx.buy(0, price, qty, int(p.script[k, 5]))
                else:
                    ctx.sell(0, price, qty, int(p.script[k, 5]))
            elif action == 5:
                ctx.market(0, side, qty)
            else:
                for order in ctx.orders(0):
                    if order.client_order_id == int(p.script[k, 6]) and _rests(order):
                        if action == 2:
                            ctx.cancel(order.client_order_id)
                        elif action == 6:
                            ctx.amend(order.client_order_id, price, qty)
                        elif abs(order.price - price) < 0.5 * size:
                            ctx.amend(order.client_order_id, price, min(qty, order.leaves_qty))
                        else:
                            ctx.amend(order.client_order_id, price, order.leaves_qty)
