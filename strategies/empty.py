"""The least strategy: it logs each tick of the scheduler."""

from __future__ import annotations

import extrema_nb as xnb

__all__ = ["Empty"]


class Empty(xnb.Strategy):
    """Count the ticks of every timer and log each of them."""

    messages = ("tick {value}",)

    class State:
        ticks: xnb.i8 = 0

    def on_schedule(ctx, p, s, tick):
        s.ticks += 1
        ctx.log(0, tick.tick)
