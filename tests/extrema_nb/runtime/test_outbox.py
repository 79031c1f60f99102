"""The way out."""

from __future__ import annotations

import asyncio

import numpy as np

from extrema_nb.events import ACC_ORDER, INTENT, Action, OrderEvent, OrderStatus
from extrema_nb.runtime.outbox import Outbox
from extrema_nb.testing import FakeClock, ListSink
from extrema_nb.wire import LocalCode


class SlowRoute:
    """Takes its time and remembers what came."""

    def __init__(self):
        self.sent: list[int] = []

    async def send(self, intents):
        await asyncio.sleep(0)
        self.sent += intents["client_order_id"].tolist()


def intents(*ids, action=Action.SUBMIT, ts=0):
    out = np.zeros(len(ids), INTENT)
    out["client_order_id"], out["action"], out["ts_recv"] = ids, action, ts
    return out


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


def test_order_is_kept_and_arrays_may_be_reused():
    async def main():
        route = SlowRoute()
        outbox = Outbox(route, FakeClock(), ListSink().write)
        running = asyncio.create_task(outbox.run())
        reused = intents(0)
        for i in range(5):
            reused["client_order_id"] = i
            outbox.put(reused)
            if i == 2:
                await settle()
        await settle()
        running.cancel()
        assert route.sent == [0, 1, 2, 3, 4]

    asyncio.run(main())


def test_after_the_kill_switch_only_cancels_leave_and_the_rest_is_answered():
    async def main():
        route, reports = SlowRoute(), ListSink()
        outbox = Outbox(route, FakeClock(), reports.write)
        outbox.put(np.concatenate([intents(1), intents(9, action=Action.CANCEL)]))
        outbox.refuse()  # order 1 has not left yet
        outbox.put(np.concatenate([intents(2), intents(3, action=Action.AMEND)]))
        outbox.put(intents(-1, action=Action.CANCEL_ALL))
        running = asyncio.create_task(outbox.run())
        await settle()
        running.cancel()
        assert route.sent == [9, -1]
        told = reports.rows.view(ACC_ORDER)
        assert told["client_order_id"].tolist() == [1, 2, 3]
        assert told["status"].tolist() == [OrderStatus.REJECTED] * 2 + [OrderStatus.LIVE]
        assert told["event"].tolist() == [OrderEvent.REJECTED] * 2 + [OrderEvent.AMEND_REJECTED]
        assert set(told["code"].tolist()) == {LocalCode.STOPPING}
        assert outbox.refused == 3

    asyncio.run(main())


def test_without_a_route_every_order_is_answered():
    reports = ListSink()
    outbox = Outbox(None, FakeClock(), reports.write)
    outbox.put(intents(1, 2))
    assert reports.rows.view(ACC_ORDER)["code"].tolist() == [LocalCode.NOT_SENT] * 2


def test_latency_is_from_the_row_that_caused_the_intent():
    async def main():
        clock = FakeClock()
        outbox = Outbox(SlowRoute(), clock, ListSink().write)
        outbox.put(intents(1, ts=clock.now()))
        clock.advance(32)
        running = asyncio.create_task(outbox.run())
        await settle()
        running.cancel()
        assert outbox.latency.summary()["max_us"] == 32

    asyncio.run(main())
