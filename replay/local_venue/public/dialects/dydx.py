"""dYdX: a connection is greeted and counts its messages; channels begin with their contents.

Captures of v3 differ from v4 in the names of the channels only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from replay.local_venue.public.book import Change, TextBook
from replay.local_venue.public.dialect import Asked, Control, Quoted, Reply
from replay.local_venue.public.dialects._common import UNKNOWN, Base, dumps, loads
from replay.local_venue.specs import SymbolSpec

__all__ = ["DIALECT"]

NUMBER = re.compile(rb'"message_id":\d+')
CONNECTION = re.compile(rb'"connection_id":"[^"]*"')


def _key(body: Mapping[str, Any]) -> str:
    channel = str(body.get("channel", "")).replace("v3_", "v4_")
    return f"{channel}:{body['id']}" if "id" in body else channel


def _levels(rows: Iterable[Any]) -> list[tuple[str, str]]:
    return [
        (row["price"], row["size"]) if isinstance(row, dict) else (row[0], row[1]) for row in rows
    ]


class Dydx(Base):
    """See `replay.local_venue.public.dialect.Dialect`."""

    venue = "dydx"
    addressed = True

    def greeting(self) -> tuple[bytes, ...]:
        """Return what a new connection hears first."""
        return (b'{"type":"connected","connection_id":"","message_id":0}',)

    def address(self, payload: bytes, number: int, line: str) -> bytes:
        """Return a message with the connection's own name and count."""
        payload = NUMBER.sub(b'"message_id":%d' % number, payload, count=1)
        return CONNECTION.sub(b'"connection_id":"%s"' % line.encode(), payload, count=1)

    def key_of(self, frame: bytes) -> str:
        """Return ``channel:id`` of contents, the first ones too."""
        body = loads(frame)
        return _key(body) if "contents" in body else ""

    def book_of(self, key: str) -> str:
        """Return the market of a book channel."""
        channel, _, market = key.partition(":")
        return market if channel == "v4_orderbook" else ""

    def change_of(self, frame: bytes) -> Change:
        """Return the levels of contents, or of an answer of REST."""
        body = loads(frame)
        parts = body.get("contents", body)
        parts = parts if isinstance(parts, list) else [parts]
        bids = [level for part in parts for level in _levels(part.get("bids", ()))]
        asks = [level for part in parts for level in _levels(part.get("asks", ()))]
        whole = body.get("type", "subscribed") == "subscribed"
        return Change(body.get("id", ""), -1, 0, bids, asks, whole=whole)

    def quoted(self, frame: bytes) -> list[Quoted]:
        """Return prices and quantities of books and trades."""
        body = loads(frame)
        if self.book_of(_key(body)):
            return [found for found in super().quoted(frame) if float(found.qty)]
        contents = body["contents"]
        if not isinstance(contents, dict):
            return []
        return [
            Quoted(body.get("id", ""), row["price"], row["size"])
            for row in contents.get("trades", ())
        ]

    def control(self, text: str, heard: Collection[str], now_ms: int) -> Control:
        """Carry out subscribe and unsubscribe; the first contents come as pushed."""
        asked = loads(text)
        kind = asked.get("type")
        if kind == "subscribe":
            return Control(add=(_key(asked),))
        told = {"connection_id": "", "message_id": 0}
        if kind == "unsubscribe":
            gone = {name: asked[name] for name in ("channel", "id") if name in asked}
            return Control((dumps({"type": "unsubscribed"} | told | gone),), remove=(_key(asked),))
        error = {"type": "error", "message": f"Invalid message type {kind}"}
        return Control((dumps(error | told),))

    def pushed(self, key: str, book: TextBook, now_ms: int) -> tuple[bytes, ...]:
        """Return the whole book as the answer to a subscription."""
        head = {"type": "subscribed", "connection_id": "", "message_id": 0}
        head |= {"channel": "v4_orderbook", "id": book.symbol}
        return (dumps(head | {"contents": loads(self.book_answer(book, now_ms))}),)

    def ask(self, asked: Asked, now_ms: int) -> Reply:
        """Know markets, books and time."""
        base, _, last = asked.path.rpartition("/")
        if base.endswith("/orderbooks/perpetualMarket"):
            return Reply(book=last)
        match asked.path:
            case "/v4/perpetualMarkets" | "/v3/markets":
                return Reply(instruments=True)
            case "/v4/time":
                return Reply(body=dumps({"epoch": now_ms / 1000}))
        return UNKNOWN

    def book_answer(self, book: TextBook, now_ms: int) -> bytes:
        """Return the whole book."""
        bids, asks = (
            [{"price": price, "size": size} for price, size in side] for side in book.top(100)
        )
        return dumps({"bids": bids, "asks": asks})

    def instruments(self, asked: Asked, specs: Mapping[str, SymbolSpec]) -> bytes:
        """Return the markets of the capture."""
        markets = {
            symbol: {
                "clobPairId": str(number), "ticker": symbol, "status": "ACTIVE",
                "oraclePrice": "1", "priceChange24H": "0", "volume24H": "0", "trades24H": 0,
                "nextFundingRate": "0", "openInterest": "0",
                "tickSize": format(spec.tick, "f"), "stepSize": format(spec.lot, "f"),
            }
            for number, (symbol, spec) in enumerate(specs.items())
        }  # fmt: skip
        return dumps({"markets": markets})


DIALECT = Dydx()
