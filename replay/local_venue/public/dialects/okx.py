"""OKX: books begin with a pushed snapshot; a text ``ping`` is answered with ``pong``."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from itertools import zip_longest
from typing import Any

from replay.local_venue.public.book import Change, TextBook
from replay.local_venue.public.dialect import Asked, Control, Quoted, Reply
from replay.local_venue.public.dialects._common import UNKNOWN, Base, dumps, loads
from replay.local_venue.specs import SymbolSpec

__all__ = ["DIALECT"]

BOOKS = ("books", "books-l2-tbt", "books50-l2-tbt")
CHECKED = 25  # levels a side in a checksum


def _key(arg: Mapping[str, str]) -> str:
    of = arg.get("instId") or arg.get("instFamily") or arg.get("instType", "")
    return f"{arg.get('channel', '')}:{of}"


def _checksum(book: TextBook) -> int:
    bids, asks = book.top(CHECKED)
    words = [
        f"{level[0]}:{level[1]}" for pair in zip_longest(bids, asks) for level in pair if level
    ]
    value = zlib.crc32(":".join(words).encode())
    return value - (1 << 32) if value >= 1 << 31 else value


def _kind(symbol: str) -> str:
    last = symbol.rpartition("-")[2]
    return "SWAP" if last == "SWAP" else "FUTURES" if last.isdigit() else "SPOT"


class Okx(Base):
    """See `replay.local_venue.public.dialect.Dialect`."""

    venue = "okx"

    def key_of(self, frame: bytes) -> str:
        """Return ``channel:instId`` of a push; events are no pushes."""
        if b'"data":' not in frame or b'"arg":' not in frame:
            return ""
        return _key(loads(frame).get("arg", {}))

    def book_of(self, key: str) -> str:
        """Return the symbol of a book channel."""
        channel, _, symbol = key.partition(":")
        return symbol if channel in BOOKS else ""

    def change_of(self, frame: bytes) -> Change:
        """Return the levels of a push, or of an answer of REST."""
        body = loads(frame)
        data = body["data"][0]
        bids, asks = ([(row[0], row[1]) for row in data[side]] for side in ("bids", "asks"))
        return Change(
            body.get("arg", {}).get("instId", ""),
            int(data.get("seqId", -1)),
            int(data["ts"]),
            bids,
            asks,
            whole=body.get("action", "snapshot") == "snapshot",
        )

    def quoted(self, frame: bytes) -> list[Quoted]:
        """Return prices and quantities of books, and of whatever names ``px`` and ``sz``."""
        body = loads(frame)
        symbol = body["arg"].get("instId", "")
        if self.book_of(_key(body["arg"])):
            return super().quoted(frame)
        return [
            Quoted(symbol, row["px"], row["sz"])
            for row in body["data"]
            if isinstance(row, dict) and "px" in row
        ]

    def control(self, text: str, heard: Collection[str], now_ms: int) -> Control:
        """Carry out subscribe, unsubscribe and the text ping."""
        if text == "ping":
            return Control((b"pong",))
        asked = loads(text)
        op, args = asked.get("op"), asked.get("args", [])
        if op not in {"subscribe", "unsubscribe"}:
            told = {"event": "error", "code": "60012", "msg": f"Invalid request: {text[:80]}"}
            return Control((dumps(told | {"connId": "local"}),))
        answers = tuple(dumps({"event": op, "arg": arg, "connId": "local"}) for arg in args)
        keys = tuple(_key(arg) for arg in args)
        return Control(answers, keys) if op == "subscribe" else Control(answers, remove=keys)

    def pushed(self, key: str, book: TextBook, now_ms: int) -> tuple[bytes, ...]:
        """Return a snapshot with its checksum."""
        channel, _, symbol = key.partition(":")
        data: dict[str, Any] = self._levels(book, 400)
        data |= {"checksum": _checksum(book)}
        if book.seq >= 0:
            data |= {"seqId": book.seq, "prevSeqId": -1}
        arg = {"channel": channel, "instId": symbol}
        return (dumps({"arg": arg, "action": "snapshot", "data": [data]}),)

    def ask(self, asked: Asked, now_ms: int) -> Reply:
        """Know instruments, books and time."""
        match asked.path:
            case "/api/v5/public/instruments":
                return Reply(instruments=True)
            case "/api/v5/market/books":
                return Reply(book=asked.query.get("instId", ""))
            case "/api/v5/public/time":
                return Reply(body=dumps({"code": "0", "msg": "", "data": [{"ts": str(now_ms)}]}))
        return UNKNOWN

    def book_answer(self, book: TextBook, now_ms: int) -> bytes:
        """Return the book as REST shows it."""
        return dumps({"code": "0", "msg": "", "data": [self._levels(book, 400)]})

    @staticmethod
    def _levels(book: TextBook, count: int) -> dict[str, Any]:
        bids, asks = book.top(count)
        return {
            "bids": [[p, q, "0", "1"] for p, q in bids],
            "asks": [[p, q, "0", "1"] for p, q in asks],
            "ts": str(book.ts),
        }

    def instruments(self, asked: Asked, specs: Mapping[str, SymbolSpec]) -> bytes:
        """Return the instruments of the type that was asked for."""
        wanted = asked.query.get("instType", "SPOT")
        rows = [self._row(s, spec) for s, spec in specs.items() if _kind(s) == wanted]
        return dumps({"code": "0", "msg": "", "data": rows})

    @staticmethod
    def _row(symbol: str, spec: SymbolSpec) -> dict[str, str]:
        base, _, rest = symbol.partition("-")
        quote = rest.partition("-")[0]
        kind, lot = _kind(symbol), format(spec.lot, "f")
        row = {
            "instId": symbol, "instType": kind, "state": "live", "tickSz": format(spec.tick, "f"),
            "lotSz": lot, "minSz": lot, "maxLmtSz": "1000000", "baseCcy": "", "quoteCcy": "",
            "instFamily": f"{base}-{quote}", "uly": f"{base}-{quote}", "ctVal": "", "ctMult": "",
            "ctType": "", "ctValCcy": "", "settleCcy": "", "expTime": "",
        }  # fmt: skip
        if kind == "SPOT":
            return row | {"baseCcy": base, "quoteCcy": quote, "instFamily": "", "uly": ""}
        inverse = quote == "USD"
        row |= {
            "ctVal": "10", "ctMult": "1", "ctType": "inverse" if inverse else "linear",
            "ctValCcy": quote if inverse else base, "settleCcy": base if inverse else quote,
        }  # fmt: skip
        return row | ({"expTime": "4133404800000"} if kind == "FUTURES" else {})


DIALECT = Okx()
