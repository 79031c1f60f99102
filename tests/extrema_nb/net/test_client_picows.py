"""What only picows does: frames in the socket's callback, messages in pieces."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import WSMsgType

from tests.patience import PATIENCE_S

pytest.importorskip("picows", reason="needs picows, an optional extra")

from extrema_nb.net.client_picows import PicowsTransport
from tests.extrema_nb.net.servers import until
from tests.extrema_nb.net.test_transport import OPTIONS, talk


def test_a_message_in_pieces_is_put_together():
    async def server(ws):
        for opcode, final, part in ((1, False, b"one "), (0, False, b"two "), (0, True, b"three")):
            head = bytes((opcode | (0x80 if final else 0), len(part)))
            ws._req.transport.write(head + part)
        await ws.send_str("whole")
        await ws.close()

    async def work(transport, url):
        got = []
        await transport.open(url, **OPTIONS)
        await transport.pump(got.append)
        return got

    assert talk("picows", server, work) == [b"one two three", b"whole"]


def test_pieces_above_the_limit_end_the_connection():
    async def server(ws):
        for _ in range(20):
            ws._req.transport.write(bytes((1, 100)) + b"x" * 100)
        await ws.receive()

    async def work(transport, url):
        got = []
        await transport.open(url, **OPTIONS)
        return await transport.pump(got.append), got

    reason, got = talk("picows", server, work)
    assert "exceeds" in reason
    assert got == []


def test_frames_that_come_before_somebody_listens_come_first():
    async def server(ws):
        for i in range(3):
            await ws.send_str(str(i))
        assert (await ws.receive()).type is WSMsgType.TEXT
        await ws.send_str("late")
        await ws.close()

    async def work(transport, url):
        got = []
        await transport.open(url, **OPTIONS)
        await until(lambda: len(transport._listener.early) == 3)
        await transport.send("go on")
        await transport.pump(got.append)
        return got

    assert talk("picows", server, work) == [b"0", b"1", b"2", b"late"]


def test_a_server_that_does_not_answer_a_close_is_left_anyway():
    async def server(ws):
        ws._req.transport.pause_reading()
        await asyncio.sleep(0.3)

    async def work(transport, url):
        assert isinstance(transport, PicowsTransport)
        await transport.open(url, max_frame=1000, ping_s=None, close_timeout_s=0.05)
        async with asyncio.timeout(PATIENCE_S):
            await transport.close()
        return True

    assert talk("picows", server, work)
