"""Async modules: plain Python for support logic, fed with batches, one at a time.

A module overrides the handlers that it needs; only these kinds of rows reach it.
Handlers of one module never run at the same time: a slow ``await`` delays that module alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from extrema_nb.events import VIEWS, EventArray, EventKind
from extrema_nb.runtime.commands import CommandRegistry
from extrema_nb.runtime.tasks import AltTask, TaskKey, WsTask

__all__ = ["HANDLERS", "AsyncModule", "Batch", "TaskEvent", "handled_kinds", "runs_of"]

HANDLERS: dict[EventKind, str] = {
    EventKind.TRADE: "on_trade",
    EventKind.LOB: "on_lob",
    EventKind.MBO: "on_lob_mbo",
    EventKind.BBO: "on_bbo",
    EventKind.CANDLE: "on_candle",
    EventKind.FUNDING: "on_funding",
    EventKind.ACC_ORDER: "on_acc_order",
    EventKind.FILL: "on_fill",
    EventKind.ACC_BAL: "on_acc_bal_pos",
    EventKind.ACC_POS: "on_acc_pos",
    EventKind.PRED: "on_preds",
    EventKind.SCHEDULE: "on_schedule",
    EventKind.INST_INTENT: "on_inst_intent",
    EventKind.INTENT: "on_order_execution",
    EventKind.STATUS: "on_status",
    EventKind.LIQUIDATION: "on_liquidation",
}


class Batch(NamedTuple):
    """Rows of one kind, in order, from one task.

    ``rows`` is a typed view: ``batch.rows["price"]``, or ``for trade in batch.rows: trade.price``.
    It belongs to the handler.
    """

    task_id: int
    key: TaskKey
    rows: EventArray


class TaskEvent(NamedTuple):
    """A concrete task begins a cycle: at the start and after every failure."""

    task_id: int
    key: TaskKey
    task: AltTask | WsTask


class AsyncModule:
    """Base of async modules; every handler does nothing by default.

    Raising in a handler is not survived: it is logged with the module's name and stops the
    environment cleanly.
    """

    commands: CommandRegistry  # set before `initialize` of the tasks, after that of the modules

    @property
    def name(self) -> str:
        """Name in logs."""
        return type(self).__name__

    async def initialize(self) -> None:
        """Prepare; awaited once, for all modules at the same time, before anything runs."""

    async def finalize(self) -> None:
        """Tidy up; awaited once, after the last row was handled."""

    def command_init(self, registry: CommandRegistry) -> None:
        """Take the registry of command handles; called after `initialize`."""
        self.commands = registry

    async def on_alt_event(self, event: TaskEvent) -> None:
        """Note that a task other than a stream begins a cycle."""

    async def on_ws_event(self, event: TaskEvent) -> None:
        """Note that a stream task begins a cycle; a module that took it over connects now."""

    async def on_trade(self, batch: Batch) -> None:
        """Take public trades, TRADE rows."""

    async def on_lob(self, batch: Batch) -> None:
        """Take book levels, LOB_LEVEL rows; ``Flag.LAST`` ends a message."""

    async def on_lob_mbo(self, batch: Batch) -> None:
        """Take single orders of the book, MBO rows."""

    async def on_bbo(self, batch: Batch) -> None:
        """Take best prices, BBO rows."""

    async def on_candle(self, batch: Batch) -> None:
        """Take candles, CANDLE rows."""

    async def on_funding(self, batch: Batch) -> None:
        """Take funding rates, FUNDING rows."""

    async def on_liquidation(self, batch: Batch) -> None:
        """Take positions that the venue closed, LIQUIDATION rows."""

    async def on_acc_order(self, batch: Batch) -> None:
        """Take reports about orders, ACC_ORDER rows."""

    async def on_fill(self, batch: Batch) -> None:
        """Take executions, FILL rows."""

    async def on_acc_bal_pos(self, batch: Batch) -> None:
        """Take balances, ACC_BAL rows."""

    async def on_acc_pos(self, batch: Batch) -> None:
        """Take positions, ACC_POS rows."""

    async def on_preds(self, batch: Batch) -> None:
        """Take predictions, PRED rows, one a value; ``Flag.LAST`` ends an answer."""

    async def on_schedule(self, batch: Batch) -> None:
        """Take ticks, SCHEDULE rows."""

    async def on_inst_intent(self, batch: Batch) -> None:
        """Take targets of other modules, INST_INTENT rows."""

    async def on_order_execution(self, batch: Batch) -> None:
        """Take orders that other modules sent, INTENT rows."""

    async def on_status(self, batch: Batch) -> None:
        """Take health of feeds, STATUS rows; LAGGED tells rows that this module lost."""


def handled_kinds(module: AsyncModule) -> frozenset[EventKind]:
    """Return the kinds whose handler the module overrides."""
    return frozenset(
        kind
        for kind, name in HANDLERS.items()
        if getattr(type(module), name) is not getattr(AsyncModule, name)
    )


def runs_of(rows: EventArray) -> Iterator[tuple[EventKind, EventArray]]:
    """Yield the longest stretches of one kind, in order, each as its typed view."""
    kinds = rows["kind"]
    cuts = np.flatnonzero(np.diff(kinds)) + 1
    for part in np.split(rows, cuts):
        if len(part):
            kind = EventKind(int(part["kind"][0]))
            yield kind, part.view(VIEWS[kind])
