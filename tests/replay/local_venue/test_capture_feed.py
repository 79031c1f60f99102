"""The captured feed over a real socket: every message, unchanged, in order, with its spacing."""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import time

import aiohttp
import pytest

from extrema_nb.errors import ConfigError
from replay.local_venue import capture_feed
from replay.local_venue.capture_feed import CapturedMarket
from tests.patience import PATIENCE_S
from tests.replay.local_venue.captures import DAY, depth, texts, write
from tests.replay.local_venue.client import against, receive

STREAMS = "btcusdt@trade/btcusdt@depth@0ms/btcusdt@bookTicker"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(capture_feed, "SETTLE_S", 0.05)
    monkeypatch.setattr(capture_feed, "SNAPSHOT_WAIT_S", 0.2)


async def raw_frames(socket, count):
    found = []
    while len(found) < count:
        message = await asyncio.wait_for(socket.receive(), PATIENCE_S)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        found.append(message.data.encode())
    return found


def market_of(tmp_path, messages=DAY, **options):
    path = write(tmp_path / "day", messages, step_us=options.pop("step_us", 1_000))
    return CapturedMarket([path], **{"speed": math.inf, **options})


def test_all_messages_come_unchanged_in_order(tmp_path):
    async def test(client):
        socket = await client.listen(f"/stream?streams={STREAMS}")
        wanted = [t for t in texts(DAY) if b"lastUpdateId" not in t]
        assert await raw_frames(socket, len(wanted)) == wanted
        await socket.close()

    against(test, market_of(tmp_path))


def test_a_raw_connection_gets_the_payload_alone(tmp_path):
    async def test(client):
        socket = await client.listen("/public/ws/btcusdt@bookTicker")
        wanted = [json.dumps(m["data"], separators=(",", ":")).encode() for m in DAY
                  if "bookTicker" in m.get("stream", "")]  # fmt: skip
        assert await raw_frames(socket, len(wanted)) == wanted
        await socket.close()

    against(test, market_of(tmp_path))


def test_the_captured_snapshot_is_given_exactly_while_it_is_ahead(tmp_path):
    async def test(client):
        socket = await client.listen(f"/stream?streams={STREAMS}")
        url = client.venue.rest_url + "/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
        async with client.session.get(url) as answer:
            assert await answer.read() == texts(DAY)[2]
        await raw_frames(socket, 10)
        later = await client.get("/fapi/v1/depth", symbol="BTCUSDT", limit=1000)
        assert later["lastUpdateId"] == 5
        assert later["bids"] == [["59999.90", "1.000"], ["59999.80", "6.000"]]
        await socket.close()

    against(test, market_of(tmp_path))


def test_the_stream_waits_at_the_snapshot_for_who_hears_the_book(tmp_path):
    async def test(client):
        socket = await client.listen("/public/ws/btcusdt@depth@0ms")
        before = await raw_frames(socket, 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.receive(), 0.05)
        await client.get("/fapi/v1/depth", symbol="BTCUSDT", limit=1000)
        assert len(before + await raw_frames(socket, 4)) == 5
        await socket.close()

    against(test, market_of(tmp_path))


def test_without_a_fetch_it_goes_on_after_a_while(tmp_path):
    async def test(client):
        socket = await client.listen("/public/ws/btcusdt@depth@0ms")
        await raw_frames(socket, 5)
        await socket.close()

    against(test, market_of(tmp_path))


def test_without_a_snapshot_in_the_file_the_book_is_what_was_told(tmp_path):
    async def test(client):
        socket = await client.listen("/public/ws/btcusdt@depth@0ms")
        found = await client.get("/fapi/v1/depth", symbol="BTCUSDT", limit=1000)
        frames = await receive(socket, 2)
        assert found["lastUpdateId"] in (7, 8)
        assert frames[0]["pu"] <= found["lastUpdateId"]
        await socket.close()

    messages = [depth(7, bids=[(10, 1)]), depth(8, asks=[(11, 1)])]
    against(test, market_of(tmp_path, messages))


def test_messages_keep_their_spacing_divided_by_the_speed(tmp_path):
    async def test(client):
        socket = await client.listen("/public/ws/btcusdt@trade")
        await raw_frames(socket, 1)
        began = time.monotonic()
        await raw_frames(socket, 1)
        assert time.monotonic() - began > 0.1  # 3 messages, 0.1 s apart, at twice the speed
        await socket.close()

    against(test, market_of(tmp_path, speed=2, step_us=100_000))


def test_streams_that_were_not_captured_are_derived(tmp_path):
    async def test(client):
        socket = await client.listen("/stream?streams=btcusdt@aggTrade/btcusdt@depth5@100ms")
        frames = await receive(socket, 2)
        assert {f["stream"] for f in frames} <= {"btcusdt@aggTrade", "btcusdt@depth5@100ms"}
        await socket.close()

    against(test, market_of(tmp_path, step_us=20_000, speed=5))


def test_a_wrong_speed_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="speed"):
        market_of(tmp_path, speed=0)


@pytest.mark.slow
def test_a_real_capture_comes_whole_at_full_speed(shared_data):
    path = shared_data / "binance_usdm" / "capture" / "btcusdt_20240808.gz"
    with gzip.open(path) as file:
        lines = [line.partition(b" ")[2].strip() for line in file]
    snapshot = next(line for line in lines if line.startswith(b'{"lastUpdateId'))
    wanted = [line for line in lines if line is not snapshot]

    async def test(client):
        socket = await client.listen(f"/stream?streams={STREAMS}")
        url = client.venue.rest_url + "/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
        async with client.session.get(url) as answer:
            assert await answer.read() == snapshot
        assert await raw_frames(socket, len(wanted)) == wanted
        assert client.venue.market.messages == len(lines) == 93_954
        await socket.close()

    against(test, CapturedMarket([path], speed=math.inf))
