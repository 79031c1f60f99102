"""Hyperliquid: every book message is the whole book; REST is one path with typed bodies."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from replay.local_venue.public.book import Change, TextBook
from replay.local_venue.public.dialect import Asked, Control, Quoted, Reply
from replay.local_venue.public.dialects._common import UNKNOWN, Base, dumps, loads
from replay.local_venue.specs import SymbolSpec

__all__ = ["DIALECT"]


def _levels(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["px"], row["sz"]) for row in rows]


def _key(channel: str, data: Mapping[str, Any]) -> str:
    if channel == "candle":
        return f"candle:{data.get('s', data.get('coin'))}:{data.get('i', data.get('interval'))}"
    if channel == "allMids":
        return "allMids"
    return f"{channel.replace('activeSpotAssetCtx', 'activeAssetCtx')}:{data.get('coin')}"


class Hyperliquid(Base):
    """See `replay.local_venue.public.dialect.Dialect`."""

    venue = "hyperliquid"

    def key_of(self, frame: bytes) -> str:
        """Return ``channel:coin``; answers of the venue are no pushes."""
        body = loads(frame)
        channel, data = body.get("channel", ""), body.get("data")
        if channel in {"", "pong", "subscriptionResponse", "error"} or not data:
            return ""
        return _key(channel, data[0] if isinstance(data, list) else data)

    def book_of(self, key: str) -> str:
        """Return the coin of a book stream."""
        return key.partition(":")[2] if key.startswith("l2Book:") else ""

    def change_of(self, frame: bytes) -> Change:
        """Return a whole book."""
        body = loads(frame)
        data = body.get("data", body)
        bids, asks = data["levels"]
        return Change(data["coin"], -1, data["time"], _levels(bids), _levels(asks), whole=True)

    def quoted(self, frame: bytes) -> list[Quoted]:
        """Return prices and quantities of books and trades."""
        body = loads(frame)
        if body.get("channel") == "l2Book":
            rows = [row for side in body["data"]["levels"] for row in side]
            return [Quoted(body["data"]["coin"], row["px"], row["sz"]) for row in rows]
        if body.get("channel") == "trades":
            return [Quoted(row["coin"], row["px"], row["sz"]) for row in body["data"]]
        return []

    def control(self, text: str, heard: Collection[str], now_ms: int) -> Control:
        """Carry out subscribe, unsubscribe and ping."""
        asked = loads(text)
        method, wanted = asked.get("method"), asked.get("subscription", {})
        if method == "ping":
            return Control((b'{"channel":"pong"}',))
        if method not in {"subscribe", "unsubscribe"} or "type" not in wanted:
            return Control((dumps({"channel": "error", "data": f"Invalid request: {text[:80]}"}),))
        told = {"method": method, "subscription": wanted}
        done = (dumps({"channel": "subscriptionResponse", "data": told}),)
        keys = (_key(wanted["type"], wanted),)
        return Control(done, keys) if method == "subscribe" else Control(done, remove=keys)

    def pushed(self, key: str, book: TextBook, now_ms: int) -> tuple[bytes, ...]:
        """Return the book as of now."""
        return (dumps({"channel": "l2Book", "data": loads(self.book_answer(book, now_ms))}),)

    def ask(self, asked: Asked, now_ms: int) -> Reply:
        """Know the lists of perpetuals and pairs, and books."""
        if asked.path != "/info":
            return UNKNOWN
        kind = asked.body.get("type", "")
        if kind == "l2Book":
            return Reply(book=str(asked.body.get("coin", "")))
        if kind in {"meta", "metaAndAssetCtxs", "spotMeta", "spotMetaAndAssetCtxs"}:
            return Reply(instruments=True)
        return UNKNOWN

    def book_answer(self, book: TextBook, now_ms: int) -> bytes:
        """Return twenty levels a side."""
        levels = [[{"px": p, "sz": q, "n": 1} for p, q in side] for side in book.top(20)]
        return dumps({"coin": book.symbol, "time": book.ts, "levels": levels})

    def instruments(self, asked: Asked, specs: Mapping[str, SymbolSpec]) -> bytes:
        """Return the coins of the capture, or no pairs."""
        kind = str(asked.body.get("type", ""))
        meta: dict[str, Any] = {"tokens": [], "universe": []}
        coins = [(coin, spec) for coin, spec in specs.items() if not coin.startswith("@")]
        if not kind.startswith("spot"):
            meta = {"universe": [self._coin(*coin) for coin in coins], "marginTables": []}
        if not kind.endswith("AndAssetCtxs"):
            return dumps(meta)
        contexts = [{} if kind.startswith("spot") else self._context() for _ in coins]
        return dumps([meta, [] if kind.startswith("spot") else contexts])

    @staticmethod
    def _coin(coin: str, spec: SymbolSpec) -> dict[str, object]:
        decimals = -int(spec.lot.as_tuple().exponent)
        return {"name": coin, "szDecimals": max(decimals, 0), "maxLeverage": 50}

    @staticmethod
    def _context() -> dict[str, object]:
        words = ("funding", "openInterest", "prevDayPx", "dayNtlVlm", "oraclePx", "markPx", "midPx")
        return dict.fromkeys(words, "0.0") | {"premium": None, "impactPxs": None}


DIALECT = Hyperliquid()
