"""Queue models: how much stands ahead of an order when trades and book changes come in.

``front`` is what stands ahead, ``cum`` what has traded at the level since it last changed.
Definitions and edge cases: docs/exchange-models.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from extrema_nb.jit import kernel
from replay.exchange.config import QueueModel

__all__ = ["level_changed", "lots_reached", "share_behind", "traded"]

_RISK_AVERSE = int(QueueModel.RISK_AVERSE)
_POWER = int(QueueModel.POWER)
_POWER2 = int(QueueModel.POWER2)
_POWER3 = int(QueueModel.POWER3)
_LOG = int(QueueModel.LOG)
_THROUGH = int(QueueModel.THROUGH)
_FIFO = int(QueueModel.FIFO)


@kernel(part=True)
def share_behind(model: int, n: float, front: float, back: float) -> float:
    """Return the part of a reduction that is taken to have been behind the order, 0 to 1."""
    if model == _POWER:
        below, above = back**n, back**n + front**n
    elif model == _POWER2:
        below, above = back**n, (back + front) ** n
    elif model == _POWER3:
        total = front + back
        if total == 0.0:
            return np.nan
        return 1.0 - (front / total) ** n
    elif model == _LOG:
        below, above = np.log(1.0 + back), np.log(1.0 + back) + np.log(1.0 + front)
    else:
        below, above = np.log(1.0 + back), np.log(1.0 + back + front)
    if above == 0.0:
        return np.nan if below == 0.0 else 1.0
    return below / above


@kernel(part=True)
def level_changed(model: int, n: float, order: Any, previous: float, new: float) -> None:
    """Move the order's place when its level goes from `previous` to `new`."""
    if model == _RISK_AVERSE:
        order.front = min(order.front, new)
        return
    if model in (_THROUGH, _FIFO):
        return
    change = previous - new - order.cum
    order.cum = 0.0
    if change < 0.0:
        order.front = min(order.front, new)
        return
    front = order.front
    back = previous - front
    share = share_behind(model, n, front, back)
    if share == np.inf:
        share = 1.0
    moved = front - (1.0 - share) * change + min(back - share * change, 0.0)
    order.front = new if np.isnan(moved) else min(moved, new)


@kernel(part=True)
def traded(model: int, order: Any, qty: float) -> None:
    """Move the order's place when `qty` trades at its price."""
    order.front -= qty
    if model != _RISK_AVERSE:
        order.cum += qty


@kernel(part=True)
def lots_reached(order: Any, lot: float) -> float:
    """Return by how many lots the queue ahead was overrun, 0 if it was not.

    ``round(-front / lot)``, half away from zero: exactly exhausting the queue does not fill.
    """
    return np.floor(-order.front / lot + 0.5) if order.front < 0.0 else 0.0
