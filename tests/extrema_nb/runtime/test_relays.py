"""Relays: what they stamp and what they refuse."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from extrema_nb.errors import CommandError
from extrema_nb.events import EVENT, INST_INTENT, INTENT, Action, EventKind
from extrema_nb.runtime.commands import (
    AckStatus,
    CommandHandle,
    CommandQueue,
    FeatInput,
    InstIntents,
    OrderExecute,
)
from extrema_nb.runtime.relays import OrderRelay, relay_features, relay_orders, relay_targets
from extrema_nb.runtime.tasks import AltTask, InstIntent, ModelPreds, OrderExecution, Zmq
from extrema_nb.testing import FakeClock, ListSink


def serve(kind, body, *commands):
    """Send commands to a relay, return how each was answered."""

    async def main():
        task = AltTask(kind, task_id=3)
        (key,) = task.task_keys()
        queue = CommandQueue("t")
        running = asyncio.create_task(body(key, queue))
        handle = CommandHandle(key, task, queue)
        answers = []
        for command in commands:
            try:
                await handle.send_command(command, AckStatus.ALT_TASK, 5)
                answers.append(True)
            except CommandError:
                answers.append(False)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return answers

    return asyncio.run(main())


def test_orders_get_ids_in_order_of_submission_and_go_to_ring_and_route():
    clock, ring, sent = FakeClock(), ListSink(), []
    relay = OrderRelay(clock)
    orders = np.zeros(3, INTENT)
    orders["action"] = [Action.SUBMIT, Action.CANCEL, Action.SUBMIT]
    orders["client_order_id"] = [77, 9, 77]
    answers = serve(
        OrderExecution(),
        lambda key, queue: relay_orders(key, queue, ring.write, relay, sent.append),
        OrderExecute(orders),
        OrderExecute(orders[:1].view(EVENT)),
    )
    assert answers == [True, True]
    out = np.concatenate(sent)
    assert out["client_order_id"].tolist() == [1, 9, 2, 3]
    assert out["seq"].tolist() == [0, 1, 2, 3]
    assert set(out["kind"].tolist()) == {EventKind.INTENT}
    assert set(out["ts_recv"].tolist()) == {clock.now()}
    assert ring.rows.tobytes() == out.tobytes()
    assert orders["client_order_id"].tolist() == [77, 9, 77]


def test_what_is_no_array_of_orders_is_refused_as_a_whole():
    ring, sent = ListSink(), []
    bad = [
        OrderExecute([1, 2]),
        OrderExecute(np.zeros(2)),
        OrderExecute(np.zeros((1, 1), INTENT)),
        InstIntents(np.zeros(1, INST_INTENT)),
    ]
    answers = serve(
        OrderExecution(),
        lambda key, queue: relay_orders(
            key, queue, ring.write, OrderRelay(FakeClock()), sent.append
        ),
        *bad,
    )
    assert answers == [False] * 4
    assert sent == []
    assert len(ring.rows) == 0


def test_targets_are_stamped_and_foreign_commands_refused():
    clock, ring = FakeClock(), ListSink()
    rows = np.zeros(2, INST_INTENT)
    rows["weight"] = [0.25, 0.75]
    answers = serve(
        InstIntent(),
        lambda key, queue: relay_targets(key, queue, ring.write, clock),
        InstIntents(rows),
        InstIntents("no rows"),
        FeatInput(1, np.ones(2)),
    )
    assert answers == [True, False, False]
    out = ring.rows.view(INST_INTENT)
    assert out["weight"].tolist() == [0.25, 0.75]
    assert out["module"].tolist() == [-1, -1]
    assert set(out["kind"].tolist()) == {EventKind.INST_INTENT}


@pytest.mark.parametrize("values", [[1, 2, 3], np.ones((3, 1))])
def test_features_reach_the_worker_as_flat_float32(values):
    submitted = []
    answers = serve(
        ModelPreds(Zmq(5555)),
        lambda key, queue: relay_features(key, queue, submitted.extend),
        FeatInput(42, values),
        OrderExecute(np.zeros(1, INTENT)),
    )
    assert answers == [True, False]
    ((module, model, ts, vector),) = submitted
    assert (module, model, ts, vector.dtype, vector.shape) == (-1, 3, 42, np.float32, (3,))
