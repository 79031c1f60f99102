"""Quote one order a side around a fair value that leans with the order-book imbalance."""

from __future__ import annotations

import extrema_nb as xnb

__all__ = ["ObiMaker"]


class ObiMaker(xnb.Strategy):
    """Make a market around mid + lean x imbalance - skew x position.

    Looks at the book at most every `refresh_us`, moves an order only when its price is off by a
    tick or more, and amends rather than cancels.
    """

    class Params:
        half_spread: xnb.f8 = 5.0  # ticks
        lean: xnb.f8 = 10.0  # ticks at an imbalance of 1
        skew: xnb.f8 = 20.0  # ticks at the largest position
        levels: xnb.i8 = 5  # book levels in the imbalance
        qty: xnb.f8 = 0.01  # base units
        max_position: xnb.f8 = 0.05  # base units, either side
        refresh_us: xnb.i8 = 100_000  # µs between looks

    class State:
        next_look: xnb.i8 = 0  # µs
        fair: xnb.f8 = xnb.nan  # quote units

    def on_lob(ctx, p, s, book):
        if ctx.now < s.next_look or not book.is_valid:
            return
        s.next_look = ctx.now + p.refresh_us
        tick = ctx.instrument(book.inst).tick_size
        position = ctx.position(book.inst)
        lean = p.lean * book.imbalance(p.levels) - p.skew * position / p.max_position
        s.fair = book.mid + lean * tick
        # post-only orders: never ask for a price that the other side already stands at
        bid = min(s.fair - p.half_spread * tick, book.ask_price - tick)
        ask = max(s.fair + p.half_spread * tick, book.bid_price + tick)

        has_bid = False
        has_ask = False
        for order in ctx.orders(book.inst):
            price = bid if order.side == xnb.BUY else ask
            if order.side == xnb.BUY:
                has_bid = True
            else:
                has_ask = True
            if order.status == xnb.OrderStatus.LIVE and abs(order.price - price) >= tick:
                ctx.amend(order.client_order_id, price, order.leaves_qty)
        if not has_bid and position + p.qty <= p.max_position:
            ctx.buy(book.inst, bid, p.qty, xnb.GTX)
        if not has_ask and position - p.qty >= -p.max_position:
            ctx.sell(book.inst, ask, p.qty, xnb.GTX)

    def on_status(ctx, p, s, status):
        # a book that cannot be trusted is no place to quote
        if status.code == xnb.StatusCode.STALE and status.inst >= 0:
            ctx.cancel_all(status.inst)
