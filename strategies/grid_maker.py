"""Quote a grid around the mid: several levels a side, moved with the market on a timer."""

from __future__ import annotations

import math

import extrema_nb as xnb

__all__ = ["GridMaker"]


class GridMaker(xnb.Strategy):
    """Keep `levels` post-only orders a side, `step` ticks apart, around the mid.

    On each tick of the timer orders that are no longer wanted are cancelled and missing ones are
    sent, bids before asks level by level. Works on instrument 0 unless told otherwise.
    """

    class Params:
        half_spread: xnb.f8 = 20.0  # ticks from the mid to the first level
        step: xnb.f8 = 10.0  # ticks between levels
        levels: xnb.i8 = 10  # orders a side, at most 62
        qty: xnb.f8 = 0.02  # base units an order
        max_position: xnb.f8 = 0.2  # base units; the side that would exceed it is not quoted
        inst: xnb.i8 = 0  # instrument id

    class State:  # the grid as it was when nothing was left to do
        first_bid: xnb.f8 = xnb.nan
        first_ask: xnb.f8 = xnb.nan
        open_orders: xnb.i8 = -1
        buying: xnb.i8 = 0
        selling: xnb.i8 = 0

    def on_schedule(ctx, p, s, tick):  # noqa: PLR0912  # two sides, each with its conditions
        levels = min(p.levels, 62)
        book = ctx.book(p.inst)
        if not book.is_valid:
            ctx.cancel_all(p.inst)
            return
        size = ctx.instrument(p.inst).tick_size
        grid = p.step * size
        per_grid = 1.0 / grid
        mid = book.mid
        # the first level lies on the grid, so that small moves of the mid change nothing
        first_bid = math.floor((mid - p.half_spread * size) * per_grid + 1e-9) * grid
        first_ask = math.ceil((mid + p.half_spread * size) * per_grid - 1e-9) * grid
        first_bid = min(first_bid, book.bid_price)
        first_ask = max(first_ask, book.ask_price)
        position = ctx.position(p.inst)
        buying = position + p.qty <= p.max_position
        selling = position - p.qty >= -p.max_position
        if (
            first_bid == s.first_bid
            and first_ask == s.first_ask
            and len(ctx.orders(p.inst)) == s.open_orders
            and buying == s.buying
            and selling == s.selling
        ):
            return  # the same grid with all of its orders: nothing to cancel, nothing is missing

        s.open_orders = -1
        busy = False
        bids, asks = 0, 0  # levels that have their order, a bit each
        for order in ctx.orders(p.inst):
            if order.side > 0:
                level = math.floor((first_bid - order.price) * per_grid + 0.5)
                price = first_bid - level * grid
                wanted = buying and 0 <= level < levels
            else:
                level = math.floor((order.price - first_ask) * per_grid + 0.5)
                price = first_ask + level * grid
                wanted = selling and 0 <= level < levels
            if not wanted or abs(price - order.price) > 0.5 * size:
                ctx.cancel(order.client_order_id)
                busy = True
            elif order.status != xnb.OrderStatus.PENDING_CANCEL:
                if order.side > 0:
                    bids |= 1 << int(level)
                else:
                    asks |= 1 << int(level)

        for level in range(levels):
            if buying and bids >> level & 1 == 0:
                ctx.buy(p.inst, first_bid - level * grid, p.qty, xnb.GTX)
                busy = True
            if selling and asks >> level & 1 == 0:
                ctx.sell(p.inst, first_ask + level * grid, p.qty, xnb.GTX)
                busy = True

        if not busy:
            s.first_bid = first_bid
            s.first_ask = first_ask
            s.open_orders = len(ctx.orders(p.inst))
            s.buying = buying
            s.selling = selling
