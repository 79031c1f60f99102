"""What each kind of task does: one body a kind, run in cycles by `supervise`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from extrema_nb.runtime.commands import AckStatus, CommandQueue
from extrema_nb.runtime.plan import Plan
from extrema_nb.runtime.relays import OrderRelay, relay_features, relay_orders, relay_targets
from extrema_nb.runtime.scheduler import Ticker, run_ticker
from extrema_nb.runtime.streams import MakeFeed, StreamWorker
from extrema_nb.runtime.tasks import (
    AltTask,
    Concrete,
    InstIntent,
    ModelPreds,
    OrderExecution,
    TaskKey,
    TimeScheduler,
    about_account,
)
from extrema_nb.runtime.wiring import Wiring

__all__ = ["Workers"]


class Workers:
    """Makes the body of each concrete task."""

    def __init__(
        self, plan: Plan, wiring: Wiring, make_feed: MakeFeed, stop: asyncio.Event
    ) -> None:
        self._plan = plan
        self._wiring = wiring
        self._make_feed = make_feed
        self._stop = stop
        self._orders = OrderRelay(plan.clock)

    def body(self, concrete: Concrete, queue: CommandQueue) -> Callable[[], Awaitable[None]]:
        """Return what one cycle of the task runs."""
        key, task = concrete.key, concrete.task
        publish = self._wiring.publisher(key)
        if isinstance(task, AltTask):
            return partial(self._until_stop, self._alt_body(key, task, queue))
        if about_account(key.kind):
            return partial(self._until_stop, partial(_refuse_all, queue))
        return StreamWorker(concrete, queue, publish, self._make_feed, self._stop).cycle

    def _alt_body(
        self, key: TaskKey, task: AltTask, queue: CommandQueue
    ) -> Callable[[], Awaitable[None]]:
        plan, publish, kind = self._plan, self._wiring.publisher(key), task.kind
        if isinstance(kind, TimeScheduler):
            ticker = Ticker(key.task_id, round(kind.seconds * 1e6) or 1, plan.clock.now())
            return partial(run_ticker, ticker, plan.clock, publish)
        if isinstance(kind, OrderExecution):
            send = partial(self._wiring.send, self._wiring.relay_owner)
            return partial(relay_orders, key, queue, publish, self._orders, send)
        if isinstance(kind, InstIntent):
            return partial(relay_targets, key, queue, publish, plan.clock)
        return partial(self._predict, key, kind, queue)

    async def _predict(self, key: TaskKey, kind: ModelPreds, queue: CommandQueue) -> None:
        publish = self._wiring.publisher(key)
        loop = asyncio.get_running_loop()
        worker = self._plan.make_predictor(kind, key.task_id, publish, self._plan.clock, loop)
        worker.start()
        self._wiring.predictors[key] = worker
        try:
            await relay_features(key, queue, worker.submit)
        finally:
            del self._wiring.predictors[key]
            await asyncio.to_thread(worker.close)

    async def _until_stop(self, body: Callable[[], Awaitable[None]]) -> None:
        """Run a body that has no end of its own until the environment stops."""
        running = asyncio.ensure_future(body())
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
        finally:
            running.cancel()
            stopping.cancel()
            await asyncio.gather(running, stopping, return_exceptions=True)


async def _refuse_all(queue: CommandQueue) -> None:
    """Answer commands to a task whose rows come from the order route."""
    while True:
        (await queue.get()).ack(AckStatus.UNKNOWN)
