"""Follow the aggressor: buy or sell after net taker volume passes a threshold."""

from __future__ import annotations

import extrema_nb as xnb

__all__ = ["FlowFollow"]


class FlowFollow(xnb.Strategy):
    """Trade in the direction of net taker flow.

    Sends one market order each time the flow passes `threshold`, then starts again from zero.
    """

    class Params:
        threshold: xnb.f8 = 5.0  # base units
        qty: xnb.f8 = 0.01  # base units
        max_position: xnb.f8 = 0.1  # base units, either side

    class State:
        flow: xnb.f8 = 0.0  # signed taker volume since the last order, base units

    def on_trade(ctx, p, s, trade):
        s.flow += trade.side * trade.qty
        if abs(s.flow) > p.threshold:
            side = xnb.BUY if s.flow > 0 else xnb.SELL
            if side * ctx.position(trade.inst) + p.qty <= p.max_position:
                ctx.market(trade.inst, side, p.qty)
            s.flow = 0.0
