"""The compiled exchange beside live market data: for paper trading and the local venue.

The exchange's clock is our receipt clock here: a market row counts at its ``ts_recv``, a request
arrives one entry latency after it was submitted, its reports one response latency later.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.books.l2 import grow, room
from extrema_nb.errors import DataError
from extrema_nb.events import (
    EVENT,
    INTENT,
    LOB_LEVEL,
    TRADE,
    Action,
    EventArray,
    EventKind,
    Flag,
    as_events,
)
from extrema_nb.instruments import InstrumentTable
from extrema_nb.jit import kernel, view_at
from replay.exchange.loop import compact
from replay.exchange.matching import on_level, on_request, on_trade
from replay.exchange.model import (
    X_ENTRY,
    X_LAST_ARRIVAL,
    X_NOW,
    X_REPORT_HEAD,
    X_REPORT_TAIL,
    X_REQUEST_HEAD,
    X_REQUEST_TAIL,
    Exchange,
    ExchangeConfig,
    make_exchange,
)
from replay.exchange.queues import grow_queues

__all__ = ["LiveExchange"]

MAX_ORDERS = 1024  # own orders an instrument can hold
ROW_LIMIT = 2048  # requests that may be on their way
_LOB = int(EventKind.LOB)
_TRADE = int(EventKind.TRADE)
_OFF_BOOK = int(Flag.OFF_BOOK)


@kernel
def _serve(x: Exchange, until: int) -> bool:
    """Handle requests that arrived before `until`; say whether there is room for their reports."""
    clock = x.clock
    while clock[X_REQUEST_HEAD] < clock[X_REQUEST_TAIL]:
        at = clock[X_REQUEST_HEAD]
        if x.arrivals[at] >= until:
            break
        if not compact(x):
            return False
        at = clock[X_REQUEST_HEAD]
        clock[X_NOW] = x.arrivals[at]
        on_request(x, x.requests[at])
        clock[X_REQUEST_HEAD] = at + 1
    return True


@kernel
def _feed(x: Exchange, rows: int, start: int, n: int) -> int:
    """Apply market rows from `start` on; return how far it came, or why it stopped, with the place.

    Encoded as ``place * 4 + reason``: 0 done, 1 book full, 2 too many reports wait.
    """
    for i in range(start, n):
        at = rows + i * 64
        head = view_at(at, 1, EVENT)[0]
        inst = int(head.inst)
        if (head.kind == _LOB or head.kind == _TRADE) and 0 <= inst < x.hub.instruments:
            if not _serve(x, head.ts_recv) or not compact(x):
                return i * 4 + 2
            x.clock[X_NOW] = head.ts_recv
            if head.kind == _LOB:
                if not room(x.books, inst):
                    return i * 4 + 1
                on_level(x, inst, view_at(at, 1, LOB_LEVEL)[0])
            elif head.flags & _OFF_BOOK == 0:
                on_trade(x, inst, view_at(at, 1, TRADE)[0])
    return n * 4


class LiveExchange:
    """Fills orders against live market rows by the models of `ExchangeConfig`.

    Not thread-safe; times are µs of one clock. Reports come in order of ``ts_recv``.
    """

    def __init__(
        self,
        table: InstrumentTable,
        *,
        queue: str = "risk_averse",
        queue_n: float = 2.0,
        entry_latency_us: int = 0,
        response_latency_us: int = 0,
        window: int | None = None,
    ) -> None:
        config = ExchangeConfig(
            queue=queue,
            queue_n=queue_n,
            entry_latency_us=entry_latency_us,
            response_latency_us=response_latency_us,
        )
        self._memory: list[npt.NDArray[Any]] = []
        self._x = make_exchange(
            table.specs(),
            self._memory,
            config,
            max_orders=MAX_ORDERS,
            row_limit=ROW_LIMIT,
            window=window,
        )

    def warm_up(self) -> None:
        """Compile, or load from the cache."""
        _feed(self._x, 0, 0, 0)
        _serve(self._x, 0)

    def step(self, rows: EventArray) -> EventArray:
        """Apply market rows; return the reports that are due by the last row's ``ts_recv``."""
        events = as_events(rows)
        start, n = 0, len(events)
        while start < n:
            told = int(_feed(self._x, events.ctypes.data, start, n))
            start, reason = told // 4, told % 4
            if reason == 1:
                grow(self._x.books, self._memory)
            elif reason == 2:  # see `_feed`
                grow_queues(self._x, self._memory)
        return self.advance(int(events["ts_recv"][-1])) if n else np.zeros(0, EVENT)

    def submit(self, intents: npt.NDArray[Any], now_us: int) -> EventArray:
        """Take INTENT rows at `now_us`; return the reports that are due at once."""
        x = self._x
        clock = x.clock
        for intent in intents:
            if intent["action"] == Action.CANCEL_ALL:
                for order in x.resting[intent["inst"], : x.n_orders[intent["inst"]]].copy():
                    self._push(_cancel_of(intent, order), now_us)
            elif not 0 <= intent["inst"] < x.hub["instruments"]:
                raise DataError(
                    f"an intent is about instrument {intent['inst']}, expected 0 to "
                    f"{x.hub['instruments'] - 1}"
                )
            else:
                self._push(intent, now_us)
        clock[X_NOW] = max(clock[X_NOW], now_us - clock[X_ENTRY])
        return self.advance(now_us)

    def _push(self, intent: Any, now_us: int) -> None:
        x = self._x
        clock = x.clock
        if clock[X_REQUEST_TAIL] + 1 >= x.hub["request_cap"]:
            compact(x)
            if clock[X_REQUEST_TAIL] + 1 >= x.hub["request_cap"]:
                grow_queues(x, self._memory)
        tail = int(clock[X_REQUEST_TAIL])
        due = max(now_us + int(clock[X_ENTRY]), int(clock[X_LAST_ARRIVAL]))
        clock[X_LAST_ARRIVAL] = due
        x.requests[tail] = intent
        x.arrivals[tail] = due
        clock[X_REQUEST_TAIL] = tail + 1

    def advance(self, now_us: int) -> EventArray:
        """Handle what has arrived by `now_us`; return the reports that are due by then."""
        x = self._x
        while not _serve(x, now_us + 1):
            grow_queues(x, self._memory)
        clock = x.clock
        head, tail = int(clock[X_REPORT_HEAD]), int(clock[X_REPORT_TAIL])
        waiting = x.reports[head:tail]
        due = int(np.searchsorted(waiting["ts_recv"], now_us, side="right"))
        out = waiting[:due].copy()
        clock[X_REPORT_HEAD] = head + due
        return out

    @property
    def pending(self) -> bool:
        """Whether a request has not arrived yet or a report is not due yet."""
        clock = self._x.clock
        asked = clock[X_REQUEST_HEAD] < clock[X_REQUEST_TAIL]
        return bool(asked or clock[X_REPORT_HEAD] < clock[X_REPORT_TAIL])

    def open_orders(self, inst: int) -> npt.NDArray[Any]:
        """Return (n,) XORDER, copies of the orders that rest in an instrument."""
        return self._x.resting[inst, : self._x.n_orders[inst]].copy()


def _cancel_of(intent: Any, order: Any) -> Any:
    row = np.zeros(1, INTENT)
    row[0] = intent
    row["action"] = Action.CANCEL
    row["client_order_id"] = order["client_order_id"]
    row["side"] = order["side"]
    row["price"] = order["price"]
    return row[0]
