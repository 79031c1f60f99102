"""Queue models of one's own: how much of a shrinking level stood behind our order.

The simulated exchange asks such a function whenever a price level loses more than what traded
there. It says which part of that left from behind us; the rest left from ahead and moves us up.
Use one with ``extrema-nb backtest … --queue strategies.queue_models:pro_rata``, or as
``ExchangeConfig(queue=pro_rata)``; ``--queue-n`` sets `n`.
"""

from __future__ import annotations

import numpy as np

from extrema_nb.jit import kernel

__all__ = ["big_ones_ahead", "power3", "pro_rata"]


@kernel
def pro_rata(front: float, back: float, change: float, n: float) -> float:  # noqa: ARG001  # the exchange passes all four
    """Everybody at the price is as likely to leave."""
    return back / (front + back)


@kernel
def power3(front: float, back: float, change: float, n: float) -> float:  # noqa: ARG001  # the exchange passes all four
    """Do what the built-in model of that name does."""
    ahead: float = (front / (front + back)) ** n
    return 1.0 - ahead


@kernel
def big_ones_ahead(front: float, back: float, change: float, n: float) -> float:
    """Small cancellations come from behind, and those above `n` from anywhere.

    Who quotes early stays; a large order that gives up stood there long.
    """
    if change <= n:
        return min(back / change, 1.0)  # as much of it as there is behind us
    return float(np.sqrt(back / (front + back)))
