"""Books that a venue pushes, over real sockets: OKX without its pushes, Gate's streams of books."""

from __future__ import annotations

import asyncio
import json

from aiohttp import WSMsgType, web

from extrema_nb.channels import Endpoints, Lob, Subscription
from extrema_nb.clock import SystemClock
from extrema_nb.events import EventKind, StatusCode
from extrema_nb.feeds.market import MarketFeed
from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.net.ws import WsSettings
from extrema_nb.venues import load
from tests.extrema_nb.feeds.venue import Published
from tests.extrema_nb.net.servers import serve, until
from tests.extrema_nb.venues.captured import NaiveBook

QUICK = FeedSettings(
    ws=WsSettings(backoff_first_s=0.01), resync_grace_s=0.05, resync_retry_s=0.02,
    snapshot_delay_s=0.05, snapshot_retry_s=0.02,
)  # fmt: skip
STEP_S = 0.01


class Wire:
    """One socket of a venue: counts a book up, in the venue's words.

    `on` takes what the client says and returns frames; `change` returns the frame of a number.
    """

    def __init__(self, on, change):
        self.on, self.change = on, change
        self.seq, self.heard, self.headers = 100, [], {}

    async def handle(self, request):
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        self.headers = dict(request.headers)
        sending = asyncio.create_task(self._send(ws))
        async for message in ws:
            if message.type == WSMsgType.TEXT:
                self.heard.append(message.data)
                for frame in self.on(message.data):
                    await ws.send_str(json.dumps(frame, separators=(",", ":")))
        sending.cancel()
        return ws

    async def _send(self, ws):
        while not ws.closed:
            self.seq += 1
            frame = self.change(self.seq)
            if frame is not None:
                await ws.send_str(json.dumps(frame, separators=(",", ":")))
            await asyncio.sleep(STEP_S)


def run(venue_id, symbol, wire, routes, done, *, channel):
    """Feed a book from `wire` until `done`; return what was published and the book."""
    venue = load(venue_id)
    table = InstrumentTable([Instrument(venue=venue_id, symbol=symbol, name="X")])

    async def main():
        published, book, stop = Published(), NaiveBook(), asyncio.Event()

        def publish(rows):
            published(rows)
            book.take(rows[rows["kind"] == EventKind.LOB])

        async with serve(routes) as host:
            feed = MarketFeed(
                venue, table, [Subscription(0, channel)], publish=publish, clock=SystemClock(),
                endpoints=Endpoints(f"http://{host}", f"ws://{host}"), settings=QUICK,
            )  # fmt: skip
            running = asyncio.create_task(feed.run(stop))
            await until(lambda: done(published, feed))
            stop.set()
            await running
        return published, book, feed

    return asyncio.run(main())


def test_a_book_of_okx_is_fetched_when_the_venue_pushes_no_snapshots_any_more():
    def on(text):
        return (
            [{"event": "subscribe", "arg": json.loads(text)["args"][0]}]
            if "subscribe" in text
            else []
        )

    def change(seq):
        level = [str(90 + seq % 5), str(seq), "0", "1"]
        data = {"bids": [level], "asks": [], "ts": "1700000000000", "checksum": 0,
                "seqId": 10 * seq, "prevSeqId": 10 * seq - 10}  # fmt: skip
        return {
            "arg": {"channel": "books", "instId": "BTC-USDT"},
            "action": "update",
            "data": [data],
        }

    wire = Wire(on, change)

    async def books(request):
        assert request.query["source"] == "0"
        book = {"bids": [["50", "1", "0", "1"]], "asks": [["150", "2", "0", "1"]],
                "ts": "1700000000000", "seqId": 10 * wire.seq + 3}  # fmt: skip
        return web.json_response({"code": "0", "msg": "", "data": [book]})

    def done(published, feed):
        return feed.stats.resyncs and len(published.rows(EventKind.LOB)) > 20

    routes = {"/ws/v5/public": wire.handle, "/api/v5/market/books": books}
    published, book, feed = run("okx", "BTC-USDT", wire, routes, done, channel=Lob())
    assert published.codes(0)[0] == StatusCode.RESYNCED
    assert (feed.stats.gaps, feed.stats.decode_errors) == (0, 0)
    assert book.bids[50.0] == 1.0
    assert book.asks == {150.0: 2.0}
    assert sum('"unsubscribe"' in text for text in wire.heard) >= 2  # it was asked to push first


def test_a_gap_in_a_stream_of_books_of_gate_is_healed_by_its_next_full_push():
    lost = [108]

    def on(text):
        asked = json.loads(text)
        if asked["event"] != "subscribe":
            return []
        book = {"t": 5, "full": True, "s": "ob.BTC_USDT.400", "u": wire.seq,
                "b": [["50", "1"]], "a": [["150", "2"]]}  # fmt: skip
        ack = {"channel": "futures.obu", "event": "subscribe", "result": {"status": "success"}}
        return [ack, {"channel": "futures.obu", "event": "update", "result": book}]

    def change(seq):
        if seq in lost:
            return None
        result = {"t": 5, "s": "ob.BTC_USDT.400", "U": seq, "u": seq, "b": [["60", str(seq)]],
                  "a": []}  # fmt: skip
        return {"channel": "futures.obu", "event": "update", "result": result}

    wire = Wire(on, change)

    def done(published, feed):
        return feed.stats.resyncs > 1 and published.rows(EventKind.LOB)["w2"][-1] > 115

    routes = {"/v4/ws/usdt": wire.handle}
    published, book, feed = run(
        "gate-futures", "BTC_USDT", wire, routes, done, channel=Lob(depth=400)
    )
    wanted = [StatusCode.RESYNCED, StatusCode.GAP, StatusCode.STALE, StatusCode.RESYNCED]
    assert published.codes(0)[:4] == wanted
    assert feed.stats.snapshot_errors == 0  # nothing was fetched
    assert book.asks == {150.0: 2.0}
    assert book.bids.keys() == {50.0, 60.0}
    assert wire.headers["X-Gate-Size-Decimal"] == "1"
