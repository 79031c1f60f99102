"""Two moving averages on candles: long above, short below."""

from __future__ import annotations

import extrema_nb as xnb

__all__ = ["SmaCross"]

WINDOW = 512  # candles kept, the longest average that can be asked for


class SmaCross(xnb.Strategy):
    """Hold `qty` long while the fast average is above the slow one, short below it.

    Acts on closed candles only. Averages are running sums over a ring of closes.
    """

    class Params:
        fast: xnb.i8 = 5  # candles
        slow: xnb.i8 = 20  # candles, at most 512
        qty: xnb.f8 = 0.01  # base units held, either side

    class State:
        closes: xnb.f8[WINDOW]
        n: xnb.i8 = 0  # closed candles so far
        fast_sum: xnb.f8 = 0.0
        slow_sum: xnb.f8 = 0.0

    def on_candle(ctx, p, s, candle):
        if candle.flags & xnb.Flag.CLOSED == 0 or p.slow > WINDOW:
            return
        s.fast_sum += candle.close
        s.slow_sum += candle.close
        if s.n >= p.fast:
            s.fast_sum -= s.closes[(s.n - p.fast) % WINDOW]
        if s.n >= p.slow:
            s.slow_sum -= s.closes[(s.n - p.slow) % WINDOW]
        s.closes[s.n % WINDOW] = candle.close
        s.n += 1
        if s.n < p.slow:
            return
        above = s.fast_sum / p.fast > s.slow_sum / p.slow
        wanted = p.qty if above else -p.qty
        change = wanted - ctx.position(candle.inst)
        for order in ctx.orders(candle.inst):
            change -= order.side * order.leaves_qty
        if abs(change) > 0.5 * p.qty:
            ctx.market(candle.inst, xnb.BUY if change > 0 else xnb.SELL, abs(change))
