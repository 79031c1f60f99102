"""A portfolio of two modules: a signal that says what to hold, an executor that gets it.

They talk through targets: `FlowSignal` calls `ctx.target`, and `TargetExecutor` sees it in
`on_inst_intent`, in the same row. Register both; their order does not matter.
"""

from __future__ import annotations

import math

import extrema_nb as xnb

__all__ = ["FlowSignal", "TargetExecutor"]


class FlowSignal(xnb.Strategy):
    """Turn an exponentially fading flow of taker volume into a weight between -1 and 1."""

    class Params:
        half_life_s: xnb.f8 = 2.0  # seconds
        scale: xnb.f8 = 5.0  # base units of flow for a weight of tanh(1)
        step: xnb.f8 = 0.25  # least change of the weight that is told

    class State:
        flow: xnb.f8 = 0.0  # base units
        last: xnb.i8 = 0  # µs of the last trade
        told: xnb.f8 = 0.0  # weight last told

    def on_trade(ctx, p, s, trade):
        if s.last > 0:
            s.flow *= 0.5 ** ((trade.ts_recv - s.last) * 1e-6 / p.half_life_s)
        s.last = trade.ts_recv
        s.flow += trade.side * trade.qty
        weight = math.tanh(s.flow / p.scale)
        if abs(weight - s.told) >= p.step:
            s.told = weight
            ctx.target(trade.inst, weight)


class TargetExecutor(xnb.Strategy):
    """Hold `max_qty` times the last weight, with immediate-or-cancel orders through the touch."""

    class Params:
        max_qty: xnb.f8 = 0.1  # base units at a weight of 1
        through: xnb.f8 = 2.0  # ticks beyond the touch that a price may go

    def on_inst_intent(ctx, p, s, target):
        book = ctx.book(target.inst)
        if not book.is_valid or len(ctx.orders(target.inst)) > 0:
            return
        spec = ctx.instrument(target.inst)
        wanted = math.floor(target.weight * p.max_qty / spec.lot_size + 0.5) * spec.lot_size
        change = wanted - ctx.position(target.inst)
        reach = p.through * spec.tick_size
        if change > 0.5 * spec.lot_size:
            ctx.buy(target.inst, book.ask_price + reach, change, xnb.IOC)
        elif change < -0.5 * spec.lot_size:
            ctx.sell(target.inst, book.bid_price - reach, -change, xnb.IOC)
