"""Workers of stream tasks and the commands that steer them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from extrema_nb.channels import Trades
from extrema_nb.errors import CommandError, VenueDisconnected
from extrema_nb.events import StatusCode, status_row
from extrema_nb.net.backoff import Backoff
from extrema_nb.runtime.commands import (
    AckStatus,
    CommandHandle,
    CommandQueue,
    FeatInput,
    WsConnect,
    WsMessage,
    WsShutdown,
)
from extrema_nb.runtime.streams import StreamWorker
from extrema_nb.runtime.supervise import supervise
from extrema_nb.runtime.tasks import WsTask, expand
from extrema_nb.testing import ListSink
from tests.patience import PATIENCE_S


class Line:
    """A feed that stands for one connection: opens at once, remembers what is written."""

    def __init__(self, publish, url):
        self.publish, self.url = publish, url
        self.written: list[str] = []
        self.open = False
        self.broken = asyncio.Event()

    async def run(self, stop):
        await asyncio.sleep(0)
        self.open = True
        self.publish(status_row(StatusCode.CONNECTED, 1))
        stopping = asyncio.ensure_future(stop.wait())
        breaking = asyncio.ensure_future(self.broken.wait())
        await asyncio.wait({stopping, breaking}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        breaking.cancel()
        self.open = False

    async def send(self, text):
        if not self.open:
            raise VenueDisconnected("not connected")
        self.written.append(text)


class Deaf(Line):
    """A feed that writes by itself."""

    send = None


@asynccontextmanager
async def worker(*, manual, shape=Line):
    """Run a worker; give the handle, the lines it made, the announcements, the rows."""
    task = WsTask(market="binance-usdm", channel=Trades(), manual=manual)
    (concrete,) = expand([task])
    queue, stop, sink = CommandQueue("t"), asyncio.Event(), ListSink()
    lines: list[Line] = []
    cycles: list[int] = []

    def make(task, publish, url):
        del task
        lines.append(shape(publish, url))
        return lines[-1]

    stream = StreamWorker(concrete, queue, sink.write, make, stop)
    running = asyncio.create_task(
        supervise(
            "t", stream.cycle, stop, announce=lambda: cycles.append(1), backoff=Backoff(1e-3, 1e-3)
        )
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield CommandHandle(concrete.key, task, queue), lines, cycles, sink
            stop.set()
            await running
    finally:
        queue.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(condition):
    while not condition():  # noqa: ASYNC110  # any condition, not one event
        await asyncio.sleep(0.001)


def test_a_feed_starts_by_itself_and_passes_its_rows_on():
    async def main():
        async with worker(manual=False) as (_, lines, cycles, sink):
            await until(lambda: len(sink.rows))
            assert (len(lines), len(cycles), lines[0].url) == (1, 1, "")

    asyncio.run(main())


def test_a_manual_task_waits_for_connect_and_answers_when_the_connection_stands():
    async def main():
        async with worker(manual=True) as (handle, lines, cycles, _):
            await until(lambda: cycles)
            assert not lines
            await handle.send_command(WsConnect("ws://here"), AckStatus.WS_CONNECT)
            assert lines[0].open
            assert lines[0].url == "ws://here"
            await handle.send_command(WsMessage("subscribe"), AckStatus.WS_MESSAGE)
            assert lines[0].written == ["subscribe"]

    asyncio.run(main())


def test_after_a_lost_connection_a_manual_task_asks_again():
    async def main():
        async with worker(manual=True) as (handle, lines, cycles, _):
            await handle.send_command(WsConnect("ws://a"), AckStatus.WS_CONNECT)
            lines[0].broken.set()
            await until(lambda: len(cycles) == 2)
            await handle.send_command(WsConnect("ws://b"), AckStatus.WS_CONNECT)
            assert [line.url for line in lines] == ["ws://a", "ws://b"]

    asyncio.run(main())


def test_shutdown_writes_its_text_closes_and_waits_for_the_next_connect():
    async def main():
        async with worker(manual=False) as (handle, lines, _, sink):
            await until(lambda: len(sink.rows))
            await handle.send_command(WsShutdown("bye"), AckStatus.WS_SHUTDOWN)
            assert lines[0].written == ["bye"]
            assert not lines[0].open
            for _ in range(20):
                await asyncio.sleep(0.001)
            assert len(lines) == 1
            await handle.send_command(WsConnect(), AckStatus.WS_CONNECT)
            assert lines[1].open

    asyncio.run(main())


def test_commands_that_do_not_fit_are_answered_and_change_nothing():
    async def main():
        async with worker(manual=True) as (handle, lines, _, _):
            wrong = [WsMessage("x"), FeatInput(1, [1.0])]
            for command in wrong:
                with pytest.raises(CommandError, match="UNKNOWN"):
                    await handle.send_command(command, AckStatus.WS_MESSAGE)
            await handle.send_command(WsConnect("ws://a"), AckStatus.WS_CONNECT)
            with pytest.raises(CommandError, match="UNKNOWN"):
                await handle.send_command(WsConnect("ws://b"), AckStatus.WS_CONNECT)
            assert len(lines) == 1

    asyncio.run(main())


def test_a_text_that_was_not_written_is_not_acknowledged():
    async def main():
        async with worker(manual=True) as (handle, lines, _, _):
            await handle.send_command(WsConnect("ws://a"), AckStatus.WS_CONNECT)
            lines[0].open = False
            with pytest.raises(CommandError, match="not connected"):
                await handle.send_command(WsMessage("x"), AckStatus.WS_MESSAGE)

    asyncio.run(main())


def test_a_feed_that_writes_by_itself_refuses_texts():
    async def main():
        async with worker(manual=False, shape=Deaf) as (handle, _, _, sink):
            await until(lambda: len(sink.rows))
            with pytest.raises(CommandError, match="UNKNOWN"):
                await handle.send_command(WsMessage("x"), AckStatus.WS_MESSAGE)

    asyncio.run(main())
