"""Doubles for tests of the runtime: a group that asks for something on every trade, a route."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import numpy as np

from extrema_nb.events import (
    ACC_ORDER,
    INTENT,
    Action,
    EventKind,
    OrderEvent,
    OrderStatus,
    empty_events,
)
from extrema_nb.runtime.stepper import GroupOutput


class EchoGroup:
    """Gives one SUBMIT for each TRADE row; remembers all rows."""

    def __init__(self):
        self.rows = empty_events(0)
        self.feature_values = []
        self.target_rows = empty_events(0)
        self.warm = False
        self._next_id = 1

    def warm_up(self):
        self.warm = True

    def describe(self):
        return {"strategies": ["echo"]}

    def step(self, rows) -> GroupOutput:
        self.rows = np.concatenate([self.rows, rows])
        trades = rows[rows["kind"] == EventKind.TRADE]
        out = np.zeros(len(trades), INTENT)
        out["client_order_id"] = self._next_id + np.arange(len(trades))
        out["action"] = Action.SUBMIT
        out["ts_recv"] = trades["ts_recv"]
        out["inst"] = trades["inst"]
        self._next_id += len(trades)
        return SimpleNamespace(
            intents=out, features=self.feature_values, targets=self.target_rows, logs=[]
        )


class ListJournal:
    """Keeps everything in memory."""

    def __init__(self):
        self.input = empty_events(0)
        self.asked = []
        self.closed = 0

    def rows(self, rows):
        self.input = np.concatenate([self.input, rows])

    def intents(self, intents):
        self.asked.append(intents.copy())

    def close(self):
        self.closed += 1


class AcceptingRoute:
    """Accepts every order and cancels all when asked."""

    def __init__(self, clock):
        self.sent = np.zeros(0, INTENT)
        self.open: list[int] = []
        self.closed = 0
        self.answers_cancel = True
        self._clock = clock
        self._publish = None

    async def start(self, publish):
        self._publish = publish

    async def send(self, intents):
        self.sent = np.concatenate([self.sent, intents])
        await asyncio.sleep(0)
        for order in intents["client_order_id"][intents["action"] == Action.SUBMIT].tolist():
            self.open.append(order)
            self._publish(self._report(order, OrderStatus.LIVE, OrderEvent.ACCEPTED))

    async def cancel_everything(self):
        await asyncio.sleep(0)
        if self.answers_cancel:
            for order in self.open:
                self._publish(self._report(order, OrderStatus.CANCELED, OrderEvent.CANCELED))
            self.open.clear()

    async def close(self):
        self.closed += 1

    def _report(self, order, status, event):
        rows = empty_events(1)
        out = rows.view(ACC_ORDER)
        out["kind"] = EventKind.ACC_ORDER
        out["ts_recv"] = self._clock.now()
        out["client_order_id"], out["status"], out["event"] = order, status, event
        return rows
