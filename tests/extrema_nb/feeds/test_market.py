"""The live feed against a venue on loopback that drops, garbles, stalls and races."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging

import msgspec
import numpy as np
import pytest
from aiohttp import web

from extrema_nb.channels import Lob, Subscription, Trades
from extrema_nb.clock import SystemClock
from extrema_nb.errors import ConfigError
from extrema_nb.events import LOB_LEVEL, STATUS, TRADE, EventKind, Flag, StatusCode
from extrema_nb.feeds.market import MarketFeed
from extrema_nb.feeds.pipeline import MarketPipeline
from extrema_nb.net.transport import installed
from extrema_nb.testing import instrument_table
from extrema_nb.venues.binance_usdm import VENUE
from tests.extrema_nb.feeds.venue import (
    EVERYTHING,
    FAST,
    LoopbackVenue,
    Published,
    diff,
    feed_until,
    forever,
    snapshot,
    trade,
)
from tests.extrema_nb.net.servers import until

BOOK = [Subscription(0, Lob())]
C = StatusCode


def seqs(published):
    """Return the book messages published: ids, snapshots negative."""
    lob = published.rows(EventKind.LOB).view(LOB_LEVEL)
    ends = lob[(lob["flags"] & Flag.LAST) != 0]
    return [-int(r["seq"]) if r["flags"] & Flag.SNAPSHOT else int(r["seq"]) for r in ends]


def sends(*frames, then=forever):
    async def session(ws, number):
        for frame in frames:
            await ws.send_str(frame)
        await then(ws, number)

    return session


def test_a_book_is_joined_from_snapshot_and_diffs_over_the_wire():
    server = LoopbackVenue(sends(diff(1, 2, 4), diff(4, 5, 8), diff(8, 9, 12)), sends(trade(1)))
    server.snapshots = [snapshot(8)]
    published, feed = feed_until(
        server, lambda p, _f: 12 in seqs(p) and len(p.rows(EventKind.TRADE))
    )
    assert seqs(published) == [-8, 8, 12]
    assert published.rows(EventKind.TRADE).view(TRADE)["trade_id"].tolist() == [1]
    assert sorted(server.queries) == [
        "streams=btcusdt@depth@0ms/btcusdt@bookTicker",
        "streams=btcusdt@trade",
    ]
    assert published.codes(-1).count(C.CONNECTED) == 2
    assert published.codes(-1).count(C.DISCONNECTED) == 2
    assert published.codes(0)[0] == C.RESYNCED
    stats = feed.stats
    assert (stats.gaps, stats.reconnects, stats.decode_errors, stats.superseded) == (0, 0, 0, 1)
    assert (stats.frames, stats.connects, stats.resyncs) == (4, 2, 1)
    assert stats.last_lag_us > 0
    assert json.loads(published.frames[-1])
    assert any(VENUE.snapshot_symbol(frame) == "BTCUSDT" for frame in published.frames)


def test_a_snapshot_that_is_too_old_is_fetched_again():
    server = LoopbackVenue(sends(diff(20, 21, 25)))
    server.snapshots = [snapshot(10), snapshot(11), snapshot(22)]
    published, feed = feed_until(server, lambda p, _f: seqs(p), subscriptions=BOOK)
    assert seqs(published) == [-22, 25]
    assert server.asked == 3
    assert feed.stats.gaps == 0


def test_a_snapshot_request_that_fails_is_made_again(caplog):
    server = LoopbackVenue(sends(diff(1, 2, 4)))
    server.snapshots = [
        web.Response(status=500, text="oops"),
        web.Response(text="<html>"),
        snapshot(3),
    ]
    published, feed = feed_until(server, lambda p, _f: seqs(p), subscriptions=BOOK)
    assert seqs(published) == [-3, 4]
    assert feed.stats.snapshot_errors == 2
    assert "snapshot of BTCUSDT" in caplog.text


def test_a_gap_in_mid_book_is_said_and_mended():
    async def session(ws, _number):
        for frame in (diff(1, 2, 4), diff(4, 5, 8)):
            await ws.send_str(frame)
        await until(lambda: 8 in seqs(server.published))
        for frame in (diff(8, 9, 10), diff(12, 13, 14), diff(14, 15, 16)):
            await ws.send_str(frame)
        await forever(ws)

    server = LoopbackVenue(session)
    server.snapshots = [snapshot(3), snapshot(13)]
    published, feed = feed_until(server, lambda p, _f: 16 in seqs(p), subscriptions=BOOK)
    assert seqs(published) == [-3, 4, 8, 10, -13, 14, 16]
    assert published.codes(0)[:4] == [C.RESYNCED, C.GAP, C.STALE, C.RESYNCED]
    gap = published.rows(EventKind.STATUS).view(STATUS)
    gap = gap[gap["code"] == C.GAP][0]
    assert (gap["expected"], gap["found"], gap["task"]) == (10, 12, 5)
    assert feed.stats.gaps == 1


def test_a_resting_book_gets_its_snapshot_without_a_diff():
    server = LoopbackVenue()
    server.snapshots = [snapshot(7)]
    published, _ = feed_until(
        server, lambda p, _f: seqs(p), subscriptions=BOOK, snapshot_delay_s=0.02
    )
    assert seqs(published) == [-7]


@pytest.mark.parametrize("transport", installed())
def test_after_a_lost_connection_everything_comes_back_and_says_so(transport):
    async def session(ws, number):
        await ws.send_str(diff(10 * number, 10 * number + 1, 10 * number + 4))
        await until(lambda: 10 * number + 4 in seqs(server.published))
        if number < 3:
            await ws.close(code=1011)
        else:
            await forever(ws)

    server = LoopbackVenue(session)
    server.snapshots = [snapshot(12), snapshot(22), snapshot(32)]
    ws = msgspec.structs.replace(FAST, transport=transport)
    published, feed = feed_until(server, lambda p, _f: 34 in seqs(p), subscriptions=BOOK, ws=ws)
    assert seqs(published) == [-12, 14, -22, 24, -32, 34]
    assert published.codes()[:8] == [
        C.CONNECTED, C.RESYNCED, C.DISCONNECTED, C.STALE,
        C.CONNECTED, C.RESYNCED, C.DISCONNECTED, C.STALE,
    ]  # fmt: skip
    assert feed.stats.reconnects == 2
    assert feed.stats.gaps == 0


def test_a_server_that_ends_during_the_snapshot_race_leaves_no_half_book():
    async def session(ws, number):
        await ws.send_str(diff(10 * number, 10 * number + 1, 10 * number + 4))
        if number == 1:
            await ws.close()
        else:
            await forever(ws)

    server = LoopbackVenue(session)
    server.snapshots = [snapshot(12), snapshot(22)]
    published, _ = feed_until(server, lambda p, _f: 24 in seqs(p), subscriptions=BOOK)
    assert seqs(published)[-2:] == [-22, 24]


def test_garbage_is_counted_and_ends_nothing(caplog):
    garbage = ['{"stream":"btcusdt@trade","data":{"e":"tra', "null", "[]", "\x00\x01", "{}",
               trade(9, "DOGEUSDT")] * 4  # fmt: skip
    server = LoopbackVenue(market=sends(*garbage, trade(1)))
    published, feed = feed_until(
        server, lambda p, _f: len(p.rows(EventKind.TRADE)), subscriptions=[EVERYTHING[2]]
    )
    stats = feed.stats
    assert (stats.decode_errors, stats.frames, stats.reconnects) == (24, 25, 0)
    bad = [record for record in caplog.records if "bad frame" in record.message]
    assert len(bad) == 10  # the first ones; the log is not flooded
    assert any("unknown symbol 'DOGEUSDT'" in record.message for record in bad)
    assert len(published.rows(EventKind.TRADE)) == 1


def test_answers_of_the_venue_are_no_data_and_errors_are_told(caplog):
    answers = ['{"result":null,"id":1}', '{"code":-1,"msg":"Invalid request","id":2}']
    server = LoopbackVenue(market=sends(*answers, trade(1)))
    with caplog.at_level(logging.ERROR):
        _, feed = feed_until(
            server, lambda p, _f: len(p.rows(EventKind.TRADE)), subscriptions=[EVERYTHING[2]]
        )
    assert feed.stats.venue_errors == 1
    assert feed.stats.decode_errors == 0
    assert "Invalid request" in caplog.text


def test_a_stream_that_falls_silent_makes_its_instrument_stale_while_others_live(caplog):
    async def market(ws, _number):
        await ws.send_str(trade(1))
        number = 0
        while StatusCode.STALE not in seen[0].codes(0):
            number += 1
            await ws.send_str(trade(number, "ETHUSDT"))
            await asyncio.sleep(0.01)
        while not ws.closed:
            number += 1
            await ws.send_str(trade(number))
            await asyncio.sleep(0.01)

    seen = [Published()]

    def condition(published, _feed):
        seen[0] = published  # the trades of ETHUSDT took numbers, so that some are missing: GAP
        return published.codes(0)[-3:] == [C.STALE, C.GAP, C.RESYNCED]

    server = LoopbackVenue(market=market)
    published, feed = feed_until(
        server,
        condition,
        subscriptions=[Subscription(0, Trades()), Subscription(1, Trades())],
        trade_silence_s=0.15,
    )
    assert "btcusdt@trade: no frame for" in caplog.text
    assert feed.stats.silences >= 1
    assert feed.stats.reconnects == 0
    stale = published.rows(EventKind.STATUS).view(STATUS)
    stale = stale[(stale["code"] == C.STALE) & (stale["inst"] == 0)][0]
    assert stale["expected"] == 150_000
    assert stale["found"] > 150_000


def test_a_stream_that_returns_before_its_book_does_not_call_it_good():
    async def public(ws, _number):
        await asyncio.sleep(0.15)
        while not ws.closed:
            await ws.send_str(diff(1, 2, 4))
            await asyncio.sleep(0.01)

    server = LoopbackVenue(public)
    server.snapshots = [web.Response(status=500)]
    published, feed = feed_until(
        server,
        lambda p, f: f.stats.duplicates + f.stats.dropped > 20 and C.STALE in p.codes(0),
        subscriptions=BOOK,
        ws=msgspec.structs.replace(FAST, idle_s=None, first_message_s=None),
        book_silence_s=0.08,
    )
    assert C.RESYNCED not in published.codes(0)
    assert feed.stats.resyncs == 0


def test_a_feed_that_is_cancelled_closes_what_it_opened():
    server = LoopbackVenue(market=sends(trade(1)))

    async def main():
        got = []
        async with server.run() as endpoints:
            feed = MarketFeed(
                VENUE,
                instrument_table(),
                [EVERYTHING[2]],
                publish=lambda rows: got.append(rows.copy()),
                clock=SystemClock(),
                endpoints=endpoints,
            )
            task = asyncio.create_task(feed.run(asyncio.Event()))
            await until(lambda: feed.stats.frames)
            assert feed.connected
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not feed.connected
        return got

    codes = [int(rows["w0"][0]) for rows in asyncio.run(main()) if rows["kind"][0] == 15]
    assert codes == [C.CONNECTED, C.DISCONNECTED, C.STALE]


@pytest.mark.parametrize(
    ("subscriptions", "said"),
    [
        ([], "nothing to do"),
        ([Subscription(7, Trades())], "load the instruments first"),
        ([Subscription(0, Lob()), Subscription(0, Lob(frequency_ms=100))], "two book channels"),
        ([Subscription(0, Lob()), Subscription(0, Lob("snapshot"))], "two book channels"),
    ],
)
def test_subscriptions_that_cannot_work_are_refused_at_once(subscriptions, said):
    with pytest.raises(ConfigError, match=said):
        MarketFeed(VENUE, instrument_table(), subscriptions, publish=print, clock=SystemClock())


def capture(shared_data, count):
    path = shared_data / "binance_usdm/capture/btcusdt_20240808.gz"
    if not path.is_file():
        pytest.skip("needs btcusdt_20240808.gz in the captured data")
    frames = []
    with gzip.open(path) as file:
        for line in file:
            frames.append(line.rstrip().partition(b" ")[2])
            if len(frames) == count:
                return frames
    return frames


def test_the_wire_gives_the_rows_that_the_file_gives(shared_data):
    frames = capture(shared_data, 20_000)
    pipeline = MarketPipeline(VENUE, instrument_table())
    expected = np.concatenate([pipeline.on_frame(frame, 0).copy() for frame in frames])
    texts = [frame.decode() for frame in frames if not VENUE.is_snapshot(frame)]
    market = [text for text in texts if "@trade" in text[:40]]
    server = LoopbackVenue(
        sends(*(text for text in texts if "@trade" not in text[:40])), sends(*market)
    )
    server.snapshots = [json.loads(next(f for f in frames if VENUE.is_snapshot(f)))]
    published, feed = feed_until(
        server, lambda _p, f: f.stats.frames == len(texts) and f.stats.resyncs
    )
    assert feed.stats.gaps == feed.stats.decode_errors == 0
    for kind in (EventKind.TRADE, EventKind.BBO, EventKind.LOB):
        rows = published.rows(kind)
        rows["ts_recv"] = 0
        assert rows.tobytes() == expected[expected["kind"] == kind].tobytes(), kind.name


def test_trades_that_are_missing_are_said_and_those_that_come_twice_dropped():
    server = LoopbackVenue(market=sends(*map(trade, (7, 8, 8, 11, 10, 12))))
    published, feed = feed_until(
        server,
        lambda p, _f: len(p.rows(EventKind.TRADE)) == 5,
        subscriptions=[EVERYTHING[2]],
    )
    assert published.rows(EventKind.TRADE).view(TRADE)["trade_id"].tolist() == [7, 8, 11, 10, 12]
    told = published.rows(EventKind.STATUS).view(STATUS)
    gap = told[told["code"] == C.GAP]
    assert (gap["inst"][0], gap["expected"][0], gap["found"][0], gap["count"][0]) == (0, 9, 11, 2)
    assert published.codes(0)[:2] == [C.DUPLICATE, C.GAP]
    stats = feed.stats
    assert (stats.gaps, stats.missing_trades, stats.duplicates) == (1, 1, 1)


def test_a_frame_that_can_not_be_read_is_a_gap_of_nobody_knows_what():
    server = LoopbackVenue(market=sends(trade(1), "{broken", trade(2)))
    published, feed = feed_until(
        server,
        lambda p, _f: len(p.rows(EventKind.TRADE)) == 2,
        subscriptions=[EVERYTHING[2]],
    )
    assert published.codes(-1)[:2] == [C.CONNECTED, C.GAP]
    assert (feed.stats.decode_errors, feed.stats.gaps) == (1, 0)
