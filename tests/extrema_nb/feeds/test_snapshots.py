"""Snapshots: each book at most once at a time, only while its diffs come."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

from extrema_nb.feeds.pipeline import MarketPipeline
from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.feeds.snapshots import SnapshotFetcher
from extrema_nb.net.http import HttpClient
from extrema_nb.testing import instrument_table
from extrema_nb.venues.binance_usdm import VENUE
from tests.extrema_nb.feeds.venue import diff, snapshot
from tests.extrema_nb.net.servers import serve, until


def fetch(script, **settings):
    """Run `script(fetcher, pipeline)`; return (requests seen, snapshots taken)."""
    asked, taken = [], []

    async def depth(request):
        asked.append(request.query["symbol"])
        await asyncio.sleep(0.02)
        return web.Response(body=json.dumps(snapshot(3)))

    async def main():
        table = instrument_table()
        pipeline = MarketPipeline(VENUE, table)
        for symbol in ("BTCUSDT", "ETHUSDT"):
            pipeline.on_frame(diff(1, 2, 4, symbol).encode(), 1)

        def take(raw, inst, symbol):
            taken.append(symbol)
            pipeline.on_snapshot(raw, inst, 2)

        async with serve({"/fapi/v1/depth": depth}) as host:
            http = HttpClient(f"http://{host}")
            fetcher = SnapshotFetcher(VENUE, table, http, FeedSettings(**settings), pipeline, take)
            workers = [asyncio.create_task(work) for work in fetcher.workers()]
            await script(fetcher, pipeline, asked)
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await http.close()

    asyncio.run(main())
    return asked, taken


def test_a_book_is_asked_for_once_however_often_it_asks():
    async def script(fetcher, pipeline, _asked):
        for inst in (0, 1):
            fetcher.opened(inst)
            for _ in range(5):
                fetcher.ask(inst)
        await until(lambda: not (pipeline.needs_snapshot(0) or pipeline.needs_snapshot(1)))
        for inst in (0, 1):
            fetcher.closed(inst)

    asked, taken = fetch(script)
    assert sorted(asked) == sorted(taken) == ["BTCUSDT", "ETHUSDT"]


def test_nothing_is_asked_for_while_no_diffs_come():
    async def script(fetcher, _pipeline, _asked):
        fetcher.ask(0)
        fetcher.opened(1)
        fetcher.closed(1)
        await asyncio.sleep(0.05)

    assert fetch(script, snapshot_delay_s=0.01) == ([], [])


def test_an_answer_that_comes_after_the_connection_ended_is_not_used():
    async def script(fetcher, _pipeline, asked):
        fetcher.opened(0)
        fetcher.ask(0)
        await until(lambda: asked)
        fetcher.closed(0)
        await asyncio.sleep(0.05)

    assert fetch(script) == (["BTCUSDT"], [])


def test_an_answer_that_was_asked_for_before_a_reconnect_is_not_used():
    async def script(fetcher, pipeline, asked):
        fetcher.opened(0)
        fetcher.ask(0)
        await until(lambda: asked)
        fetcher.closed(0)
        fetcher.opened(0)
        await until(lambda: not pipeline.needs_snapshot(0))
        fetcher.closed(0)

    asked, taken = fetch(script, snapshot_retry_s=0.01)
    assert len(asked) == 2
    assert len(taken) == 1
