"""The paper route: orders go to the simulated exchange, which lives on the live market rows.

Rules
-----
1. The exchange sees each market row after the kernels did; its answers enter after the rows that
   caused them.
2. While the exchange has requests or reports on their way it is asked again every `TICK_S`, so that
   a modelled latency passes even when the market is silent; otherwise nothing runs. Only the
   exchange knows: a report about an order may belong to the request before the last.
3. What happens there by itself at a time, such as funding, happens then, also in a silent market.
4. The exchange object is handed in: the library knows no simulator.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from extrema_nb.clock import Clock
from extrema_nb.contracts import Publish
from extrema_nb.events import ACC_ORDER, INTENT, Action, EventArray, EventKind, OrderStatus

__all__ = ["Exchange", "PaperRoute"]

TICK_S = 0.002  # s; modelled latencies are some ms
LOOK_S = 60.0  # s, between two looks at the clock while nothing is due

_ENDED = (
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.REJECTED,
    OrderStatus.EXPIRED,
)
_REPORTS = (EventKind.ACC_ORDER, EventKind.FILL, EventKind.ACC_BAL, EventKind.ACC_POS)


class Exchange(Protocol):
    """A simulated exchange for live use."""

    @property
    def pending(self) -> bool:
        """Whether a request or a report is still on its way."""
        ...

    @property
    def wakes_at(self) -> int | None:
        """When something happens there by itself, µs; None for never."""
        ...

    def counters(self) -> dict[str, int]:
        """Return what was counted."""
        ...

    def step(self, rows: EventArray) -> EventArray:
        """Take market rows; return the reports that are due."""
        ...

    def submit(self, intents: npt.NDArray[Any], now_us: int) -> EventArray:
        """Take (n,) INTENT rows; return the reports that are due at once."""
        ...

    def advance(self, now_us: int) -> EventArray:
        """Return the reports that are due at `now_us`."""
        ...


class PaperRoute:
    """Implements `extrema_nb.contracts.OrderRoute` on a simulated exchange."""

    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        self.open: dict[int, int] = {}  # client order id -> instrument
        self._exchange = exchange
        self._clock = clock
        self._publish: Publish | None = None
        self._seq = 0
        self._last = 0  # µs, of the last market row
        self._ticking: asyncio.Task[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at: int | None = None  # µs

    @property
    def stats(self) -> dict[str, int]:
        """What the exchange has counted."""
        return self._exchange.counters()

    def on_market(self, rows: EventArray) -> None:
        """Take rows of the feed, after the kernels have; a direct reader of the feed's rings."""
        reports = np.isin(rows["kind"], _REPORTS)
        if reports.any():
            rows = rows[~reports]
        if not len(rows):
            return
        if int(rows["ts_recv"][0]) < self._last:  # two connections, read in turn
            rows = rows.copy()
            np.maximum(rows["ts_recv"], self._last, out=rows["ts_recv"])
        self._last = int(rows["ts_recv"][-1])
        self._tell(self._exchange.step(rows))
        self._watch()

    async def start(self, publish: Publish) -> None:
        """Begin with nothing open and no position."""
        self._publish = publish

    async def send(self, intents: npt.NDArray[Any]) -> None:
        """Take (n,) INTENT rows in order."""
        if not len(intents):
            return
        for intent in intents:
            if intent["action"] == Action.SUBMIT:
                self.open[int(intent["client_order_id"])] = int(intent["inst"])
        self._seq = max(self._seq, int(intents["seq"].max()) + 1)
        self._tell(self._exchange.submit(np.ascontiguousarray(intents), self._clock.now()))
        self._watch()

    async def cancel_everything(self) -> None:
        """Ask for the cancellation of every open order; reports follow."""
        out = np.zeros(len(self.open), INTENT)
        out["ts_event"] = out["ts_recv"] = self._clock.now()
        out["kind"] = EventKind.INTENT
        out["action"] = Action.CANCEL
        out["price"] = out["qty"] = np.nan
        out["client_order_id"] = list(self.open.keys())
        out["inst"] = list(self.open.values())
        out["seq"] = self._seq + np.arange(len(out))
        await self.send(out)

    async def close(self) -> None:
        """Stop. May be called twice."""
        self._publish = None
        self._set_alarm(None)
        if self._ticking is not None:
            self._ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticking
            self._ticking = None

    def _tell(self, reports: EventArray) -> None:
        if not len(reports) or self._publish is None:
            return
        told = reports[reports["kind"] == EventKind.ACC_ORDER].view(ACC_ORDER)
        for order, status in zip(
            told["client_order_id"].tolist(), told["status"].tolist(), strict=True
        ):
            if status in _ENDED:
                self.open.pop(order, None)
        self._publish(reports)

    def _watch(self) -> None:
        """See to it that the exchange is asked again when it has something to say."""
        if self._publish is None:
            return
        if self._exchange.pending and (self._ticking is None or self._ticking.done()):
            self._ticking = asyncio.create_task(self._tick(), name="paper exchange")
        if self._exchange.wakes_at != self._alarm_at:
            self._set_alarm(self._exchange.wakes_at)

    def _set_alarm(self, at: int | None) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._alarm_at = None, at
        if at is not None:
            wait_s = max((at - self._clock.now()) / 1e6, TICK_S)
            # a clock that is set while we wait is noticed soon
            self._alarm = asyncio.get_running_loop().call_later(min(wait_s, LOOK_S), self._ring)

    def _ring(self) -> None:
        self._alarm = self._alarm_at = None
        self._tell(self._exchange.advance(self._clock.now()))
        self._watch()

    async def _tick(self) -> None:
        while self._exchange.pending:
            await asyncio.sleep(TICK_S)
            self._tell(self._exchange.advance(self._clock.now()))
