"""Coinbase Advanced Trade, also from captures of its older feed.

Messages of Advanced Trade are counted by connection; those of the older feed, which old captures
hold, go out as they are, under the channel that carries the same today.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from replay.local_venue.public.book import Change, TextBook
from replay.local_venue.public.dialect import Asked, Control, Quoted, Reply
from replay.local_venue.public.dialects._common import UNKNOWN, Base, dumps, loads
from replay.local_venue.specs import SymbolSpec

__all__ = ["DIALECT"]

NUMBER = re.compile(rb'"sequence_num":\d+')
OLDER = {
    "snapshot": "level2", "l2update": "level2", "match": "market_trades",
    "last_match": "market_trades", "ticker": "ticker",
}  # fmt: skip
SIDES = {"bid": 0, "buy": 0, "offer": 1, "sell": 1}


def _product(body: Mapping[str, Any]) -> str:
    """Return the product of a message of Advanced Trade."""
    for event in body.get("events", ()):
        if "product_id" in event:
            return str(event["product_id"])
        for rows in ("trades", "tickers", "candles"):
            if event.get(rows):
                return str(event[rows][0]["product_id"])
    return ""


class Coinbase(Base):
    """See `replay.local_venue.public.dialect.Dialect`."""

    venue = "coinbase"
    addressed = True

    def address(self, payload: bytes, number: int, line: str) -> bytes:
        """Return a message with the connection's own count."""
        return NUMBER.sub(b'"sequence_num":%d' % number, payload, count=1)

    def key_of(self, frame: bytes) -> str:
        """Return ``channel:product``, the channel as it is asked for."""
        body = loads(frame)
        if "channel" in body:
            channel = body["channel"]
            if channel in {"subscriptions", ""}:
                return ""
            return f"{'level2' if channel == 'l2_data' else channel}:{_product(body)}"
        channel = OLDER.get(body.get("type", ""), "")
        return f"{channel}:{body['product_id']}" if channel else ""

    def book_of(self, key: str) -> str:
        """Return the product of a book channel."""
        channel, _, product = key.partition(":")
        return product if channel == "level2" else ""

    def change_of(self, frame: bytes) -> Change:
        """Return the levels of a message of either feed."""
        body = loads(frame)
        sides: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
        if "events" not in body:
            for side, price, qty in body.get("changes", ()):
                sides[SIDES[side]].append((price, qty))
            for side, name in enumerate(("bids", "asks")):
                sides[side].extend((row[0], row[1]) for row in body.get(name, ()))
            whole = body["type"] == "snapshot"
            return Change(body["product_id"], -1, 0, *sides, whole=whole)
        for event in body["events"]:
            for row in event.get("updates", ()):
                sides[SIDES[row["side"]]].append((row["price_level"], row["new_quantity"]))
        whole = body["events"][0]["type"] == "snapshot"
        return Change(_product(body), -1, 0, *sides, whole=whole)

    def quoted(self, frame: bytes) -> list[Quoted]:
        """Return prices and quantities of books and trades."""
        if self.book_of(self.key_of(frame)):
            return [found for found in super().quoted(frame) if float(found.qty)]
        body = loads(frame)
        if body.get("type") in {"match", "last_match"}:
            return [Quoted(body["product_id"], body["price"], body["size"])]
        return [
            Quoted(row["product_id"], row["price"], row["size"])
            for event in body.get("events", ())
            for row in event.get("trades", ())
        ]

    def control(self, text: str, heard: Collection[str], now_ms: int) -> Control:
        """Carry out subscribe and unsubscribe."""
        asked = loads(text)
        kind, channel = asked.get("type"), str(asked.get("channel", ""))
        if kind not in {"subscribe", "unsubscribe"} or not channel:
            return Control((dumps({"type": "error", "message": f"bad request: {text[:80]}"}),))
        products = asked.get("product_ids") or [""]
        keys = tuple(f"{channel}:{product}" for product in products)
        now = {*heard, *keys} if kind == "subscribe" else set(heard) - set(keys)
        told: dict[str, list[str]] = {}
        for key in sorted(now):
            name, _, product = key.partition(":")
            told.setdefault(name, []).append(product)
        done = (dumps(self._head("subscriptions") | {"events": [{"subscriptions": told}]}),)
        return Control(done, keys) if kind == "subscribe" else Control(done, remove=keys)

    @staticmethod
    def _head(channel: str) -> dict[str, Any]:
        head = {"channel": channel, "client_id": "", "timestamp": "2024-01-01T00:00:00.000000000Z"}
        return head | {"sequence_num": 0}

    def pushed(self, key: str, book: TextBook, now_ms: int) -> tuple[bytes, ...]:
        """Return the whole book as an event."""
        head = self._head("l2_data")
        time = head["timestamp"]
        updates = [
            {"side": side, "event_time": time, "price_level": price, "new_quantity": qty}
            for side, levels in zip(("bid", "offer"), book.top(1_000_000), strict=True)
            for price, qty in levels
        ]
        event = {"type": "snapshot", "product_id": book.symbol, "updates": updates}
        return (dumps(head | {"events": [event]}),)

    def ask(self, asked: Asked, now_ms: int) -> Reply:
        """Know products, books and time."""
        match asked.path.removeprefix("/api/v3/brokerage"):
            case "/market/products" | "/products":
                return Reply(instruments=True)
            case "/market/product_book" | "/product_book":
                return Reply(book=asked.query.get("product_id", ""))
            case "/time":
                return Reply(body=dumps({"epochMillis": str(now_ms)}))
        return UNKNOWN

    def book_answer(self, book: TextBook, now_ms: int) -> bytes:
        """Return the book as REST shows it."""
        bids, asks = ([{"price": p, "size": q} for p, q in side] for side in book.top(500))
        time = self._head("")["timestamp"]
        told = {"product_id": book.symbol, "bids": bids, "asks": asks, "time": time}
        return dumps({"pricebook": told})

    def instruments(self, asked: Asked, specs: Mapping[str, SymbolSpec]) -> bytes:
        """Return the products of the capture."""
        products = []
        for symbol, spec in specs.items():
            base, _, quote = symbol.partition("-")
            tick, lot = format(spec.tick, "f"), format(spec.lot, "f")
            products.append(
                {
                    "product_id": symbol, "price": "1", "volume_24h": "1", "price_increment": tick,
                    "quote_increment": tick, "base_increment": lot, "base_min_size": lot,
                    "base_max_size": "1000000", "quote_min_size": "1", "status": "online",
                    "product_type": "SPOT", "base_currency_id": base, "quote_currency_id": quote,
                }
            )  # fmt: skip
        return dumps({"products": products, "num_products": len(products)})


DIALECT = Coinbase()
