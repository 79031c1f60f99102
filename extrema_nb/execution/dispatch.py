"""Starts requests: which at once, which together, which only after an earlier one is answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import numpy.typing as npt

from extrema_nb.events import Action, Flag, OrderEvent, OrderStatus
from extrema_nb.execution.desk import Desk
from extrema_nb.execution.operations import Operations
from extrema_nb.execution.plan import Step, pack, plan
from extrema_nb.execution.tracker import OrderState
from extrema_nb.wire import LocalCode, OrderReport, Request

__all__ = ["Dispatcher"]

log = logging.getLogger(__name__)


class Dispatcher:
    """Turns bursts of intents into running requests.

    Parameters
    ----------
    desk : shared state
    operations : carry out the requests
    spawn : starts a supervised task
    after : called with the orders of a request that has ended
    """

    def __init__(
        self,
        desk: Desk,
        operations: Operations,
        spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
        after: Callable[[list[int]], None],
    ) -> None:
        self._desk = desk
        self._operations = operations
        self._spawn = spawn
        self._after = after
        self.busy: dict[int, asyncio.Task[None]] = {}  # order id -> its last request

    def send(self, intents: npt.NDArray[Any]) -> None:
        """Start what (n,) INTENT rows ask for."""
        steps = plan(intents, lambda: self._desk.tracker.open)
        self._send_cancels(steps.cancels)
        for step in steps.amends:
            self._one(step)
        self._send_submits(steps.submits)
        for step in steps.later:
            self._one(step)

    def _send_cancels(self, steps: list[Step]) -> None:
        free = [step for step in steps if self._is_free(step.order_id)]
        size = self._desk.trading.max_cancels
        for group in pack(free, size, lambda step: self._desk.tracker[step.order_id].inst):
            orders = [self._desk.tracker[step.order_id] for step in group]
            self._launch([step.order_id for step in group], self._cancelling(orders))
        taken = {step.order_id for step in free}
        for step in steps:
            if step.order_id not in taken:
                self._one(step)

    def _is_free(self, order_id: int) -> bool:
        return order_id not in self.busy and self._desk.tracker.get(order_id) is not None

    def _cancelling(self, orders: list[OrderState]) -> Callable[[], Awaitable[None]]:
        return lambda: self._operations.cancel(orders)

    def _send_submits(self, steps: list[Step]) -> None:
        fresh = [step for step in steps if not self._is_known(step)]
        for group in pack(fresh, self._desk.trading.max_submits, lambda _: 0):
            batch = [pair for pair in map(self._operations.encode, group) if pair is not None]
            if batch:
                self._desk.used |= {order.inst for order, _ in batch}
                self._launch([order.id for order, _ in batch], self._submitting(batch))

    def _submitting(self, batch: list[tuple[OrderState, Request]]) -> Callable[[], Awaitable[None]]:
        return lambda: self._operations.submit(batch)

    def _is_known(self, step: Step) -> bool:
        """Return whether a SUBMIT uses an id again; sending it would mix up two orders."""
        known = self._desk.tracker.get(step.order_id) is not None
        if known:
            log.error("order %d was submitted before; the second one is not sent", step.order_id)
        return known

    def _one(self, step: Step) -> None:
        """Start a single step once the order's earlier requests are answered."""
        if step.action == Action.SUBMIT:
            self._send_submits([step])
            return
        order = self._desk.tracker.get(step.order_id)
        if order is None:
            self._unknown(step)
        elif step.action == Action.CANCEL:
            self._launch([order.id], self._cancelling([order]))
        else:
            self._launch([order.id], lambda: self._operations.amend(step, order))

    def _unknown(self, step: Step) -> None:
        """Answer a cancel or amend of an order that this session does not have."""
        refused = {
            Action.CANCEL: OrderEvent.CANCEL_REJECTED,
            Action.AMEND: OrderEvent.AMEND_REJECTED,
        }
        report = OrderReport(
            int(step.intent.inst), step.order_id, -1, refused[step.action], OrderStatus.NONE,
            int(step.intent.side), float("nan"), 0.0, 0.0, self._desk.venue_now(),
            code=LocalCode.UNKNOWN_ORDER, flags=Flag.SYNTHETIC,
        )  # fmt: skip
        self._desk.tell([report])

    def _launch(self, order_ids: list[int], start: Callable[[], Awaitable[None]]) -> None:
        """Run a request when the earlier ones of its orders are answered."""
        before = [self.busy[i] for i in order_ids if i in self.busy]

        async def turn() -> None:
            if before:
                await asyncio.wait(before)
            await start()

        task = self._spawn(turn(), "request")
        for order_id in order_ids:
            self.busy[order_id] = task

        def done(task: asyncio.Task[None]) -> None:
            for order_id in order_ids:
                if self.busy.get(order_id) is task:
                    del self.busy[order_id]
            self._after(order_ids)

        task.add_done_callback(done)
