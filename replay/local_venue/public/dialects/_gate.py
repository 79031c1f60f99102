"""Gate, spot and futures: channels with a payload, a JSON ping, books spliced with REST."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from replay.local_venue.public.book import Change, TextBook
from replay.local_venue.public.dialect import Asked, Control, Quoted, Reply
from replay.local_venue.public.dialects._common import UNKNOWN, Base, dumps, loads
from replay.local_venue.specs import SymbolSpec

__all__ = ["Gate"]

FIELDS = ("currency_pair", "contract", "s", "n")  # name the symbol of a result


def _pairs(levels: Iterable[Any]) -> list[tuple[str, str]]:
    """Return levels, which are pairs at spot and objects at futures."""
    return [
        (row["p"], str(row["s"])) if isinstance(row, dict) else (row[0], str(row[1]))
        for row in levels
    ]


class Gate(Base):
    """One market of Gate.

    Parameters
    ----------
    market : ``"spot"`` or ``"futures"``
    param : what a query calls the symbol
    """

    def __init__(self, venue: str, market: str, param: str) -> None:
        self.venue = venue
        self._market = market
        self._param = param

    def key_of(self, frame: bytes) -> str:
        """Return ``channel:symbol`` of an update."""
        if b'"event":"update"' not in frame and b'"event":"all"' not in frame:
            return ""
        body = loads(frame)
        return f"{body.get('channel', '')}:{self._symbol(body.get('result'))}"

    @staticmethod
    def _symbol(result: Any) -> str:
        first = result[0] if isinstance(result, list) and result else result
        if not isinstance(first, dict):
            return ""
        return str(next((first[name] for name in FIELDS if isinstance(first.get(name), str)), ""))

    def book_of(self, key: str) -> str:
        """Return the symbol of a stream of book changes."""
        channel, _, symbol = key.partition(":")
        return symbol if channel.endswith((".order_book_update", ".obu")) else ""

    def change_of(self, frame: bytes) -> Change:
        """Return the levels of an update, or of an answer of REST."""
        body = loads(frame)
        if "result" not in body:
            ts = int(float(body.get("update", 0)) * (1 if self._market == "spot" else 1000))
            return Change(
                "", int(body.get("id", -1)), ts, _pairs(body["bids"]), _pairs(body["asks"]),
                whole=True,
            )  # fmt: skip
        found = body["result"]
        return Change(
            found["s"], found["u"], found.get("t", 0), _pairs(found.get("b") or ()),
            _pairs(found.get("a") or ()), whole=bool(found.get("full")),
        )  # fmt: skip

    def quoted(self, frame: bytes) -> list[Quoted]:
        """Return prices and quantities of book changes and trades."""
        body = loads(frame)
        key = f"{body.get('channel', '')}:{self._symbol(body.get('result'))}"
        if self.book_of(key):
            return [found for found in super().quoted(frame) if float(found.qty)]
        result = body["result"]
        rows = result if isinstance(result, list) else [result]
        return [
            Quoted(self._symbol(row), row["price"], str(row.get("amount", row.get("size"))))
            for row in rows
            if isinstance(row, dict) and "price" in row and ("amount" in row or "size" in row)
        ]

    def control(self, text: str, heard: Collection[str], now_ms: int) -> Control:
        """Carry out subscribe, unsubscribe and the JSON ping."""
        asked = loads(text)
        channel, event = asked.get("channel", ""), asked.get("event", "")
        told = {"time": now_ms // 1000, "time_ms": now_ms, "channel": channel, "event": event}
        if channel.endswith(".ping"):
            pong = told | {"channel": channel.replace("ping", "pong"), "event": "", "error": None}
            return Control((dumps(pong | {"result": None}),))
        if event not in {"subscribe", "unsubscribe"}:
            error = {"code": 1, "message": f"unknown event {event!r}"}
            return Control((dumps(told | {"error": error, "result": None}),))
        done = (dumps(told | {"error": None, "result": {"status": "success"}}),)
        keys = tuple(self._keys(channel, asked.get("payload", [])))
        return Control(done, keys) if event == "subscribe" else Control(done, remove=keys)

    @staticmethod
    def _keys(channel: str, payload: list[str]) -> Iterable[str]:
        if channel.endswith(".candlesticks"):
            return [f"{channel}:{payload[0]}_{payload[1]}"]
        if "order_book" in channel:
            return [f"{channel}:{payload[0]}"]
        return [f"{channel}:{name}" for name in payload]

    def ask(self, asked: Asked, now_ms: int) -> Reply:
        """Know instruments, books and time."""
        last = asked.path.rpartition("/")[2]
        if f"/{self._market}/" not in asked.path:
            dated = self._market == "futures" and last == "contracts"
            return Reply(body=b"[]") if dated and "/delivery/" in asked.path else UNKNOWN
        match last:
            case "order_book":
                return Reply(book=asked.query.get(self._param, ""))
            case "currency_pairs" | "contracts":
                return Reply(instruments=True)
            case "time":
                return Reply(body=dumps({"server_time": now_ms}))
        return UNKNOWN

    def book_answer(self, book: TextBook, now_ms: int) -> bytes:
        """Return a book with its id."""
        sides: Any = book.top(100)
        if self._market == "futures":
            sides = [[{"p": p, "s": int(float(q))} for p, q in side] for side in sides]
            times: dict[str, float] = {"current": now_ms / 1000, "update": book.ts / 1000}
        else:
            times = {"current": now_ms, "update": book.ts}
        return dumps({"id": book.seq, **times, "bids": sides[0], "asks": sides[1]})

    def instruments(self, asked: Asked, specs: Mapping[str, SymbolSpec]) -> bytes:
        """Return the pairs or contracts of the capture."""
        if self._market == "spot":
            return dumps([self._pair(symbol, spec) for symbol, spec in specs.items()])
        return dumps([self._contract(symbol, spec) for symbol, spec in specs.items()])

    @staticmethod
    def _pair(symbol: str, spec: SymbolSpec) -> dict[str, object]:
        base, _, quote = symbol.partition("_")
        return {
            "id": symbol, "base": base, "quote": quote, "fee": "0.2", "min_quote_amount": "1",
            "amount_precision": -spec.lot.as_tuple().exponent,  # type: ignore[operator]  # finite
            "precision": -spec.tick.as_tuple().exponent,  # type: ignore[operator]  # finite
            "trade_status": "tradable",
        }  # fmt: skip

    @staticmethod
    def _contract(symbol: str, spec: SymbolSpec) -> dict[str, object]:
        return {
            "name": symbol, "type": "direct", "quanto_multiplier": "1",
            "order_price_round": format(spec.tick, "f"), "order_size_min": 1,
            "order_size_max": 1_000_000, "in_delisting": False, "maker_fee_rate": "-0.0002",
            "taker_fee_rate": "0.0005", "trade_id": 1, "status": "trading",
        }  # fmt: skip
