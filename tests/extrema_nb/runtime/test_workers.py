"""What each kind of task does in a cycle."""

from __future__ import annotations

import asyncio

import pytest

from extrema_nb.channels import AccountOrders
from extrema_nb.errors import CommandError
from extrema_nb.events import EventKind
from extrema_nb.runtime.commands import AckStatus, CommandHandle, CommandQueue, WsMessage
from extrema_nb.runtime.plan import Plan
from extrema_nb.runtime.tasks import (
    AltTask,
    InstIntent,
    ModelPreds,
    OrderExecution,
    TimeScheduler,
    WsTask,
    Zmq,
    expand,
)
from extrema_nb.runtime.wiring import Wiring, make_rings
from extrema_nb.runtime.workers import Workers
from extrema_nb.testing import FakeClock, instrument_table
from tests.extrema_nb.runtime.doubles import AcceptingRoute
from tests.patience import PATIENCE_S


class Model:
    """A worker that remembers its life."""

    def __init__(self, life):
        self.life = life

    def start(self):
        self.life.append("start")

    def submit(self, features):
        self.life.append(f"asked {len(list(features))}")
        return 1

    def close(self):
        self.life.append("close")
        return True


def serve(task, script, life=None):
    """Run the body of `task` while `script(handle, wiring)` runs."""

    async def main():
        clock, stop = FakeClock(), asyncio.Event()
        plan = Plan(tasks=[task], clock=clock, route=AcceptingRoute(clock))
        plan.make_predictor = lambda *_: Model(life)
        plan.concretes = expand([task])
        wiring = Wiring(
            plan, make_rings(plan.concretes, print), instrument_table(), [], lambda *_: None
        )
        (concrete,) = plan.concretes
        queue = CommandQueue("t")
        body = Workers(plan, wiring, None, stop).body(concrete, queue)
        running = asyncio.create_task(body())
        await asyncio.sleep(0)
        await script(CommandHandle(concrete.key, task, queue), wiring)
        stop.set()
        await asyncio.wait_for(running, PATIENCE_S)

    asyncio.run(main())


@pytest.mark.parametrize(
    "task",
    [
        AltTask(OrderExecution()),
        AltTask(InstIntent()),
        AltTask(ModelPreds(Zmq(5555))),
        WsTask(market="binance-usdm", channel=AccountOrders()),
    ],
)
def test_every_task_answers_a_command_that_is_not_for_it_and_ends_at_the_stop(task):
    async def script(handle, _wiring):
        with pytest.raises(CommandError, match="UNKNOWN"):
            await handle.send_command(WsMessage("x"), AckStatus.WS_MESSAGE, 5)

    serve(task, script, life=[])


def test_a_timer_publishes_to_its_ring():
    async def script(handle, wiring):
        await asyncio.sleep(0)
        assert wiring.rings[handle.key].latest(9)["kind"].tolist() == [EventKind.SCHEDULE]

    serve(AltTask(TimeScheduler(60)), script)


def test_a_model_hears_features_while_its_task_runs_and_is_closed_with_it():
    life: list[str] = []
    wirings = []

    async def script(handle, wiring):
        await asyncio.sleep(0)
        wirings.append(wiring)
        assert list(wiring.predictors) == [handle.key]
        wiring._take_features([(0, 1, 2, None)])

    serve(AltTask(ModelPreds(Zmq(5555))), script, life)
    assert life == ["start", "asked 1", "close"]
    assert wirings[0].predictors == {}
