"""Faults on request, seen by a client."""

from __future__ import annotations

import asyncio
import itertools
import json
import time

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.local_venue.faults import Faults
from replay.local_venue.simulate import SimulatedMarket
from tests.patience import PATIENCE_S
from tests.replay.local_venue.client import against, receive


def test_nothing_is_harmed_unless_asked():
    faults = Faults()
    assert not faults.armed
    assert faults.market("a@depth", b"{}") == b"{}"


def test_depth_is_kept_back_and_other_streams_are_not():
    faults = Faults()
    faults.skip_depth = 1
    assert faults.market("a@trade", b"{}") == b"{}"
    assert faults.market("a@depth@0ms", b"{}") is None
    assert faults.market("a@depth@0ms", b"{}") == b"{}"


@given(value=st.recursive(st.integers() | st.text(), st.lists, max_leaves=5))
def test_no_garbled_message_is_json(value):
    faults = Faults()
    faults.garble = 2
    for message in ({"stream": value}, [value]):
        with pytest.raises(ValueError, match=r"."):
            json.loads(faults.market("a@trade", json.dumps(message).encode()))


def test_a_skipped_depth_message_is_a_gap():
    async def test(client):
        socket = await client.listen("/public/ws/btcusdt@depth@0ms")
        frames = await receive(socket, 3)
        client.venue.skip_depth_messages(2)
        while len(frames) < 20_000:  # any number of messages may be on its way already
            frames += await receive(socket)
            if frames[-2]["u"] != frames[-1]["pu"]:
                break
        frames += await receive(socket, 3)
        gaps = [a["u"] != b["pu"] for a, b in itertools.pairwise(frames)]
        assert sum(gaps) == 1
        await socket.close()

    against(test, SimulatedMarket(seed=3, symbols=["BTCUSDT"], rate=2_000))


def test_a_garbled_message_is_no_json():
    async def test(client):
        socket = await client.listen("/public/ws/btcusdt@bookTicker")
        await receive(socket)
        client.venue.garble_next()
        with pytest.raises(json.JSONDecodeError):
            # any number of messages may be on its way already: a busy machine had more than 50
            await receive(socket, 20_000)
        await socket.close()

    against(test, SimulatedMarket(seed=3, symbols=["BTCUSDT"], rate=2_000))


def test_dropped_connections_end_without_a_close_frame():
    async def test(client):
        socket = await client.listen("/public/ws/btcusdt@bookTicker")
        await asyncio.sleep(0.01)
        assert client.venue.drop_connections() == 1
        while not socket.closed:
            await socket.receive(timeout=PATIENCE_S)
        assert socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE

    against(test)


def test_a_planned_answer_comes_once_and_only_where_meant():
    async def test(client):
        client.venue.fail_next(-1007, path="/fapi/v3/balance", count=2)
        assert (await client.signed("GET", "/fapi/v3/account"))[0] == 200
        for _ in range(2):
            status, found = await client.signed("GET", "/fapi/v3/balance")
            assert (status, found["code"]) == (408, -1007)
        await client.ok("GET", "/fapi/v3/balance")
        client.venue.fail_next(-1000, text="try later", status=503)
        status, found = await client.raw("GET", "/fapi/v1/ping")
        assert (status, found["msg"]) == (503, "try later")

    against(test)


def test_a_lost_answer_hides_an_order_that_was_placed():
    async def test(client):
        bid, _ = await client.best()
        client.venue.lose_next_answer()
        with pytest.raises(aiohttp.ClientError):
            await client.order(price=bid - 10, newClientOrderId="lost")
        found = await client.ok("GET", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId="lost")
        assert found["status"] == "NEW"

    against(test)


def test_rest_answers_can_be_late():
    async def test(client):
        client.venue.delay_rest(0.05)
        began = time.monotonic()
        await client.get("/fapi/v1/ping")
        assert time.monotonic() - began >= 0.05
        client.venue.delay_rest(0)

    against(test)
