"""Commands: answers, back-pressure, lookups."""

from __future__ import annotations

import asyncio

import pytest

from extrema_nb.channels import Trades
from extrema_nb.errors import CommandError, ConfigError
from extrema_nb.runtime.commands import (
    AckStatus,
    CommandHandle,
    CommandQueue,
    CommandRegistry,
    WsConnect,
    WsMessage,
    WsShutdown,
)
from extrema_nb.runtime.tasks import AltTask, OrderExecution, TimeScheduler, WsTask

WS = WsTask(market="binance-usdm", channel=Trades())


def handle(task=WS, queue=None, place=0):
    key = task.task_keys()[place]
    return CommandHandle(key, task, queue or CommandQueue(str(key)))


def test_the_expected_answer_ends_the_wait():
    async def main():
        queue = CommandQueue("t")
        sending = asyncio.create_task(
            handle(queue=queue).send_command(WsConnect(), AckStatus.WS_CONNECT)
        )
        pending = await queue.get()
        assert not sending.done()
        pending.ack(AckStatus.WS_CONNECT)
        pending.ack(AckStatus.UNKNOWN)  # a second answer changes nothing
        await sending

    asyncio.run(main())


def test_another_answer_is_an_error():
    async def main():
        queue = CommandQueue("t")
        sending = asyncio.create_task(
            handle(queue=queue).send_command(WsConnect(), AckStatus.WS_CONNECT)
        )
        (await queue.get()).ack(AckStatus.UNKNOWN)
        with pytest.raises(CommandError, match="UNKNOWN, expected WS_CONNECT"):
            await sending

    asyncio.run(main())


def test_without_expectation_it_returns_once_queued():
    async def main():
        queue = CommandQueue("t")
        await handle(queue=queue).send_command(WsMessage("x"))
        pending = await queue.get()
        pending.ack(AckStatus.WS_MESSAGE)  # nobody waits, nothing happens
        pending.drop("gone")

    asyncio.run(main())


def test_no_answer_in_time_is_an_error():
    async def main():
        with pytest.raises(CommandError, match=r"did not answer WsMessage in 0\.01 s"):
            await handle().send_command(WsMessage("x"), AckStatus.WS_MESSAGE, timeout_s=0.01)

    asyncio.run(main())


def test_a_dropped_answer_is_an_error_with_the_reason():
    async def main():
        queue = CommandQueue("t")
        sending = asyncio.create_task(
            handle(queue=queue).send_command(WsConnect(), AckStatus.WS_CONNECT)
        )
        (await queue.get()).drop("the connection was not made")
        with pytest.raises(CommandError, match="not made"):
            await sending

    asyncio.run(main())


def test_a_full_queue_makes_the_sender_wait_until_there_is_room():
    async def main():
        queue = CommandQueue("t", size=2)
        sender = handle(queue=queue)
        for i in range(2):
            await sender.send_command(WsMessage(str(i)))
        third = asyncio.create_task(sender.send_command(WsMessage("2")))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not third.done()
        got = [(await queue.get()).command.text]
        await third
        got += [(await queue.get()).command.text for _ in range(2)]
        assert got == ["0", "1", "2"]

    asyncio.run(main())


def test_closing_answers_those_who_wait_and_refuses_new_commands():
    async def main():
        queue = CommandQueue("t", size=1)
        sender = handle(queue=queue)
        waiting = asyncio.create_task(sender.send_command(WsConnect(), AckStatus.WS_CONNECT))
        await asyncio.sleep(0)
        blocked = asyncio.create_task(sender.send_command(WsMessage("x")))
        for _ in range(3):
            await asyncio.sleep(0)
        queue.close()
        queue.close()
        results = await asyncio.gather(waiting, blocked, return_exceptions=True)
        assert [type(r) for r in results] == [CommandError, CommandError]
        with pytest.raises(CommandError, match="closed"):
            await sender.send_command(WsMessage("y"))

    asyncio.run(main())


def test_registry_needs_the_complete_kind():
    timer = AltTask(TimeScheduler(5))
    registry = CommandRegistry([handle(WS), handle(timer)])
    assert registry.find_ws_handle(Trades(), 1).task is WS
    assert registry.find_ws_handle(Trades(aggregate=True), 1) is None
    assert registry.find_ws_handle(Trades(), 2) is None
    assert registry.find_alt_handle(TimeScheduler(5), 1).task is timer
    assert registry.find_alt_handle(TimeScheduler(6), 1) is None
    assert registry.find_alt_handle(OrderExecution()) is None
    assert len(registry) == 2


def test_registry_refuses_a_second_handle_for_one_kind_and_id_across_markets():
    registry = CommandRegistry([handle(WS)])
    other = WsTask(market="okx", channel=Trades())
    with pytest.raises(ConfigError, match="two command handles"):
        registry.add(handle(other))
    registry.add(handle(WsTask(market="okx", channel=Trades(), task_id=2)))
    assert len(registry) == 2


def test_texts_that_may_hold_a_login_are_not_shown():
    assert "secret" not in repr(WsMessage("secret"))
    assert "secret" not in repr(WsShutdown("secret"))
