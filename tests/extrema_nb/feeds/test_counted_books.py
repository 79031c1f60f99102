"""Books of venues that count messages by connection, over real sockets: what is lost is asked for.

Both venues push a snapshot when they are subscribed to, and then leave out one message.
"""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import WSMsgType, web

from extrema_nb.channels import Lob
from extrema_nb.events import EventKind, StatusCode
from extrema_nb.venues.dydx import decode
from tests.extrema_nb.feeds.test_pushed_books import run

STEP_S = 0.005
LOST = 30  # the change that is not sent
AT = "2026-04-07T14:30:00.123456Z"


class Counting:
    """A venue with one book: every connection counts its messages, one change of all is lost."""

    def __init__(self, first):
        self.number, self.changes, self.subscribed = first, 0, 0
        self.heard, self.wanted = [], False

    async def handle(self, request):
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await self.greet(ws)
        sending = asyncio.create_task(self._send(ws))
        async for message in ws:
            if message.type == WSMsgType.TEXT:
                asked = json.loads(message.data)
                self.heard.append(asked)
                await self.answer(ws, asked)
        sending.cancel()
        return ws

    async def _send(self, ws):
        while not ws.closed:
            await asyncio.sleep(STEP_S)
            if self.wanted:
                self.changes += 1
                frame = self.change(self.changes)
                if self.changes != LOST:
                    await ws.send_str(frame)

    def take(self):
        """Return the next number."""
        number, self.number = self.number, self.number + 1
        return number

    def count(self, kind):
        return sum(asked["type"] == kind for asked in self.heard)


class Coinbase(Counting):
    """Advanced Trade."""

    async def greet(self, ws):
        pass

    def message(self, channel, event):
        body = {"channel": channel, "timestamp": AT, "sequence_num": self.take(), "events": [event]}
        return json.dumps(body)

    def book(self, kind, *levels):
        updates = [
            {"side": side, "price_level": str(price), "new_quantity": str(qty)}
            for side, price, qty in levels
        ]
        return self.message("l2_data", {"type": kind, "product_id": "BTC-USD", "updates": updates})

    def change(self, number):
        return self.book("update", ("bid", 90 + number % 5, number))

    async def answer(self, ws, asked):
        book = asked["channel"] == "level2"
        await ws.send_str(self.message("subscriptions", {"subscriptions": {}}))
        if book:
            self.wanted = asked["type"] == "subscribe"
            if self.wanted:
                await ws.send_str(self.book("snapshot", ("bid", 50, 1), ("offer", 150, 2)))


class Dydx(Counting):
    """The indexer: an answer takes its number at once, and comes later."""

    async def greet(self, ws):
        await ws.send_str(self.message("connected"))

    def message(self, kind, contents=None, number=None):
        body = {
            "type": kind, "connection_id": "c", "channel": "v4_orderbook", "id": "BTC-USD",
            "message_id": self.take() if number is None else number, "contents": contents or {},
        }  # fmt: skip
        return json.dumps(body)

    def change(self, number):
        return self.message("channel_data", {"bids": [[str(90 + number % 5), str(number)]]})

    async def answer(self, ws, asked):
        number = self.take()
        if asked["type"] == "unsubscribe":
            self.wanted = False
            await ws.send_str(self.message("unsubscribed", number=number))
            return
        other = self.message("channel_data", {"trades": []}).replace("orderbook", "trades")
        await ws.send_str(other)  # what is sent meanwhile has higher numbers
        self.wanted = True
        book = {
            "bids": [{"price": "50", "size": "1"}],
            "asks": [{"price": "150", "size": "2"}],
        }
        await ws.send_str(self.message("subscribed", book, number))


@pytest.mark.parametrize(
    ("venue", "symbol", "wire", "path"),
    [("coinbase", "BTC-USD", Coinbase(0), "/"), ("dydx", "BTC-USD", Dydx(0), "/v4/ws")],
)
def test_a_lost_message_is_noticed_and_the_book_asked_for_anew(
    venue, symbol, wire, path, monkeypatch
):
    monkeypatch.setattr(decode, "PATIENCE_US", 50_000)

    def done(published, feed):
        return feed.stats.resyncs >= 2 and wire.changes > 2 * LOST

    published, book, feed = run(venue, symbol, wire, {path: wire.handle}, done, channel=Lob())
    codes = published.codes(0)
    assert StatusCode.GAP in codes
    assert codes.index(StatusCode.RESYNCED) < codes.index(StatusCode.GAP)
    assert StatusCode.RESYNCED in codes[codes.index(StatusCode.GAP) :]
    assert feed.stats.gaps == 1
    assert feed.stats.decode_errors == 0
    assert wire.count("unsubscribe") >= 1
    assert book.asks == {150.0: 2.0}
    assert book.bids[50.0] == 1.0
    assert len(published.rows(EventKind.LOB)) > LOST
