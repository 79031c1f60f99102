"""The way out: intents from the kernels, in order, to the order route.

Rules
-----
1. `put` copies and never waits; one task sends, so that order is kept over all groups.
2. After `refuse` only cancels go out. What is held back is answered with a rejection of ours, so
   that no kernel waits for a report that never comes.
3. Latency is taken when a burst is handed to the route: now less the receipt of the row that
   caused each intent, by the clock that stamped the row.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.clock import Clock
from extrema_nb.contracts import OrderRoute, Publish
from extrema_nb.events import (
    ACC_ORDER,
    INTENT,
    Action,
    EventArray,
    EventKind,
    Flag,
    OrderEvent,
    OrderStatus,
    empty_events,
)
from extrema_nb.runtime.latency import Histogram
from extrema_nb.wire import LocalCode

__all__ = ["Outbox", "rejections"]


def rejections(intents: npt.NDArray[Any], code: int, now: int) -> EventArray:
    """Return the ACC_ORDER rows that refuse (n,) INTENT rows; cancels get none. `now` in µs."""
    action = intents["action"]
    asked = intents[(action == Action.SUBMIT) | (action == Action.AMEND)]
    new = asked["action"] == Action.SUBMIT
    rows = empty_events(len(asked))
    out = rows.view(ACC_ORDER)
    out["ts_event"] = out["ts_recv"] = now
    out["inst"], out["side"] = asked["inst"], asked["side"]
    out["kind"] = EventKind.ACC_ORDER
    out["flags"] = Flag.LAST | Flag.SYNTHETIC
    out["client_order_id"] = asked["client_order_id"]
    out["venue_order_id"] = -1
    out["price"] = asked["price"]
    out["leaves_qty"] = np.where(new, 0.0, asked["qty"])
    out["status"] = np.where(new, OrderStatus.REJECTED, OrderStatus.LIVE)
    out["event"] = np.where(new, OrderEvent.REJECTED, OrderEvent.AMEND_REJECTED)
    out["tif"], out["order_type"] = asked["tif"], asked["order_type"]
    out["code"] = code
    return rows


class Outbox:
    """Queue between the kernels and the route.

    Parameters
    ----------
    route : None refuses everything
    clock : the clock that stamps ``ts_recv``
    publish : takes the rejections of what is held back
    """

    def __init__(self, route: OrderRoute | None, clock: Clock, publish: Publish) -> None:
        self.latency = Histogram()  # row received -> intent handed to the route
        self.refused = 0  # intents held back
        self._route = route
        self._clock = clock
        self._publish = publish
        self._waiting: deque[npt.NDArray[Any]] = deque()
        self._wake = asyncio.Event()
        self._refusing = False

    def put(self, intents: npt.NDArray[Any]) -> None:
        """Take (n,) INTENT rows; the array may be reused by the caller afterwards."""
        if not len(intents):
            return
        taken = np.array(intents.view(INTENT), copy=True)
        if self._route is None:
            self._hold_back(taken, LocalCode.NOT_SENT)
            return
        if self._refusing:
            cancels = np.isin(taken["action"], (Action.CANCEL, Action.CANCEL_ALL))
            self._hold_back(taken[~cancels], LocalCode.STOPPING)
            taken = taken[cancels]
        if len(taken):
            self._waiting.append(taken)
            self._wake.set()

    def refuse(self) -> None:
        """Let only cancels out from now on, also of what still waits (kill switch)."""
        self._refusing = True
        waiting = list(self._waiting)
        self._waiting.clear()
        for intents in waiting:
            self.put(intents)

    async def run(self) -> None:
        """Send until cancelled."""
        if self._route is None:
            return
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                intents = self._waiting.popleft()
                self._note(intents)
                await self._route.send(intents)

    def _hold_back(self, intents: npt.NDArray[Any], code: int) -> None:
        self.refused += len(intents)
        self._publish(rejections(intents, code, self._clock.now()))

    def _note(self, intents: npt.NDArray[Any]) -> None:
        now = self._clock.now()
        for ts_recv in intents["ts_recv"].tolist():
            self.latency.note((now - ts_recv) * 1000)
