"""The loop of one module."""

from __future__ import annotations

import asyncio

import numpy as np

from extrema_nb.channels import Lob, Trades
from extrema_nb.events import StatusCode, status_row
from extrema_nb.runtime.dispatch import ModuleLoop
from extrema_nb.runtime.modules import AsyncModule
from extrema_nb.runtime.plan import Plan
from extrema_nb.runtime.tasks import AltTask, TimeScheduler, WsTask, expand
from extrema_nb.runtime.wiring import make_rings
from extrema_nb.testing import FakeClock, bbo, trade
from tests.patience import PATIENCE_S

TASKS = [
    WsTask(market="binance-usdm", channel=Trades()),
    WsTask(market="binance-usdm", channel=Lob(kind="bbo")),
    AltTask(TimeScheduler(1)),
]


class Story(AsyncModule):
    """Notes what happens; leaves the loop a turn in each handler."""

    def __init__(self):
        self.lines: list[str] = []
        self.busy = False

    async def _note(self, line):
        assert not self.busy  # handlers never run at the same time
        self.busy = True
        await asyncio.sleep(0)
        self.lines.append(line)
        self.busy = False

    async def on_trade(self, batch):
        await self._note(f"{batch.key}: {batch.rows['price'].tolist()}")

    async def on_ws_event(self, event):
        await self._note(f"{event.key} starts")


def play(module, binding, script):
    """Publish what `script(rings)` says, close, and let the module read it."""

    async def main():
        plan = Plan(tasks=TASKS, clock=FakeClock())
        plan.concretes = expand(TASKS)
        rings = make_rings(plan.concretes, lambda *_: None)
        keys = list(rings)
        loop = ModuleLoop(module, None if binding is None else {keys[binding]}, rings, plan)
        script([rings[key] for key in keys])
        for ring in rings.values():
            ring.close()
        await asyncio.wait_for(loop.run(), PATIENCE_S)
        loop.close()

    asyncio.run(main())
    return module.lines


def test_rows_events_and_announcements_keep_their_order():
    def script(rings):
        rings[0].announce(status_row(StatusCode.STARTED, 1))
        rings[0].publish(np.concatenate([trade(1, 1), trade(2, 1)]))
        rings[0].publish(np.concatenate([bbo(1, 1, 2, 1), trade(3, 1)]))
        rings[0].publish(status_row(StatusCode.GAP, 1))
        rings[2].announce(status_row(StatusCode.STARTED, 1))

    assert play(Story(), None, script) == [
        "Trades[1] starts",
        "Trades[1]: [1.0, 2.0, 3.0]",  # what it does not handle is not in its way
    ]


def test_an_announcement_in_the_middle_cuts_the_rows():
    def script(rings):
        rings[0].publish(trade(1, 1))
        rings[0].announce(status_row(StatusCode.STARTED, 1))
        rings[0].publish(trade(2, 1))

    assert play(Story(), 0, script) == [
        "Trades[1]: [1.0]",
        "Trades[1] starts",
        "Trades[1]: [2.0]",
    ]


def test_a_binding_leaves_out_everything_else():
    def script(rings):
        rings[0].publish(trade(1, 1))
        rings[1].announce(status_row(StatusCode.STARTED, 1))

    assert play(Story(), 1, script) == ["Lob[1] starts"]


def test_status_rows_reach_those_who_handle_them_and_announcements_are_none():
    class Health(Story):
        async def on_status(self, batch):
            await self._note(f"status {batch.rows['code'].tolist()}")

    def script(rings):
        rings[2].announce(status_row(StatusCode.STARTED, 1))
        rings[2].publish(status_row(StatusCode.CLOCK, 1))

    assert play(Health(), 2, script) == [f"status [{int(StatusCode.CLOCK)}]"]


def test_a_module_that_handles_nothing_ends_at_once():
    class Idle(AsyncModule):
        lines = ()

    assert play(Idle(), None, lambda rings: rings[0].publish(trade(1, 1))) == ()
