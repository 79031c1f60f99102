"""Orders of partial runs in which the peer is known to be wrong, found in our log: `known.py`.

Own orders do not see each other, so leaving such an order out of both logs leaves the rest whole.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.bench.peer.log import What

__all__ = ["AMENDED_TO_MORE", "FAR_MARKET", "REST_OF_A_TAKER", "causes", "excused", "without"]

REST_OF_A_TAKER = "what is left of a crossing GTC rests; the peer fills it at its limit"
FAR_MARKET = "a market order that walks 100 ticks or more; the peer stops there"
WALK = 100  # ticks
AMENDED_TO_MORE = "filled in part while an amend to more than was left then was on its way"


def excused(log: npt.NDArray[Any]) -> dict[int, str]:
    """Return the orders to leave out and why, from our log of a partial run."""
    found = dict.fromkeys(_far(log), FAR_MARKET)
    asked: dict[int, Any] = {}  # order → amend on its way
    limits: dict[int, int] = {}
    last: dict[int, Any] = {}  # order → newest line that the exchange caused
    left: dict[int, float] = {}  # order → open since a fill that an amend on its way has not seen
    for row in log:
        number, what = int(row["id"]), What(int(row["what"]))
        before = last.get(number)
        at_once = before is not None and before["ts_exch"] == row["ts_exch"]
        if what == What.SUBMIT:
            limits[number] = int(row["tick"])
        elif what == What.ASK_AMEND:
            asked[number] = row
            left.pop(number, None)
        elif what == What.FILL and row["qty"] > 0.0:
            left[number] = float(row["qty"])
            if at_once and before["what"] == What.AMENDED:
                found[number] = REST_OF_A_TAKER
        elif what == What.ACCEPTED and at_once and before["what"] == What.FILL:
            found[number] = REST_OF_A_TAKER
        elif what == What.AMENDED:
            ask = asked.pop(number)
            if int(ask["tick"]) == limits[number] and ask["qty"] > left.get(number, np.inf) + 1e-9:
                found[number] = AMENDED_TO_MORE
            limits[number] = int(ask["tick"])
        # several fills of one moment hang together, so an AMENDED before them is kept
        if what not in (What.SUBMIT, What.ASK_AMEND, What.ASK_CANCEL) and not (
            at_once and what == What.FILL and before["what"] == What.AMENDED
        ):
            last[number] = row
    return found


def _far(log: npt.NDArray[Any]) -> set[int]:
    """Return the market orders that were executed far from where they began."""
    fills = log[(log["what"] == What.FILL) & (log["tick"] == 0)]
    began: dict[int, int] = {}
    far = set()
    for number, tick in zip(fills["id"].tolist(), fills["exec_tick"].tolist(), strict=True):
        if abs(tick - began.setdefault(number, tick)) >= WALK:
            far.add(number)
    return far


def without(log: npt.NDArray[Any], orders: dict[int, str]) -> npt.NDArray[Any]:
    """Return a log without some orders."""
    return log[~np.isin(log["id"], list(orders))]


def causes(orders: dict[int, str]) -> dict[str, int]:
    """Return how many orders each cause has."""
    return dict(Counter(orders.values()))
