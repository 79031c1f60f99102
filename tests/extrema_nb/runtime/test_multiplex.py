"""Reading several rings: fairness, lag, end."""

from __future__ import annotations

import asyncio

from extrema_nb.events import STATUS, EventKind, StatusCode, empty_events
from extrema_nb.runtime.multiplex import Multiplexer
from extrema_nb.runtime.rings import LAG_REPORT_US, Ring
from extrema_nb.runtime.tasks import OrderExecution, TaskKey
from extrema_nb.testing import FakeClock
from tests.patience import PATIENCE_S


def key(i):
    return TaskKey(OrderExecution(), i)


def marked(value, n=1):
    rows = empty_events(n)
    rows["kind"] = EventKind.TRADE
    rows["w0"] = value
    return rows


def setup(n, capacity=64, limit=4):
    rings = [Ring(capacity, str(i)) for i in range(n)]
    clock = FakeClock()
    return rings, clock, Multiplexer([(key(i), r) for i, r in enumerate(rings)], clock, limit=limit)


def test_a_ready_ring_waits_for_at_most_one_batch_of_each_other():
    async def main():
        rings, _, mux = setup(4)
        for i in (0, 1, 2):
            rings[i].publish(marked(i, 60))
        rings[3].publish(marked(3))
        served = []
        for _ in range(4):
            found, rows = await mux.next()
            served.append(found.task_id)
            assert len(rows) <= 4
            rings[0].publish(marked(0, 4))  # the noisy one never runs dry
        assert 3 in served
        assert sorted(served) == [0, 1, 2, 3]

    asyncio.run(main())


def test_loss_is_told_as_a_row_before_the_rows_that_follow_it():
    async def main():
        rings, clock, mux = setup(2, capacity=3)
        rings[1].publish(marked(5, 10))
        found, rows = await mux.next()
        assert found == key(1)
        assert rows["kind"].tolist()[:2] == [EventKind.STATUS, EventKind.TRADE]
        told = rows.view(STATUS)[0]
        assert (told["code"], told["count"], told["task"]) == (StatusCode.LAGGED, 7, 1)
        assert told["ts_recv"] == clock.now()
        rings[1].publish(marked(5, 10))
        _, rows = await mux.next()
        assert EventKind.STATUS not in rows["kind"]
        clock.advance(LAG_REPORT_US)
        rings[1].publish(marked(6, 5))
        _, rows = await mux.next()
        assert rows.view(STATUS)["count"][0] == 7 + 2
        assert mux.lost == 7 + 7 + 2

    asyncio.run(main())


def test_the_end_comes_when_all_rings_are_closed_and_read():
    async def main():
        rings, _, mux = setup(2)
        rings[0].publish(marked(1))
        for ring in rings:
            ring.close()
        assert (await mux.next())[0] == key(0)
        assert await mux.next() is None

    asyncio.run(main())


def test_without_rings_it_ends_at_once():
    async def main():
        assert await Multiplexer([], FakeClock()).next() is None

    asyncio.run(main())


def test_a_key_named_twice_is_one_subscription():
    async def main():
        ring = Ring(4)
        mux = Multiplexer([(key(1), ring), (key(1), ring)], FakeClock())
        ring.publish(marked(1))
        ring.close()
        assert len((await mux.next())[1]) == 1
        assert await mux.next() is None

    asyncio.run(main())


def test_a_waiting_reader_wakes_for_any_ring():
    async def main():
        rings, _, mux = setup(3)
        waiting = asyncio.create_task(mux.next())
        await asyncio.sleep(0)
        rings[2].publish(marked(9))
        found, rows = await asyncio.wait_for(waiting, PATIENCE_S)
        assert (found, rows["w0"].tolist()) == (key(2), [9])

    asyncio.run(main())
