"""Binance, all markets: combined streams, SUBSCRIBE frames, depth by REST."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from replay.local_venue.public.book import Change, TextBook
from replay.local_venue.public.dialect import Asked, Control, Quoted, Reply
from replay.local_venue.public.dialects._common import UNKNOWN, Base, dumps, loads, wrapped
from replay.local_venue.specs import SymbolSpec

__all__ = ["Binance"]

STREAM = b'{"stream":"'
BOOK_MARK = b'"lastUpdateId"'
QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "USD")


class Binance(Base):
    """One market of Binance.

    Parameters
    ----------
    prefix : of REST paths, such as ``/api/v3``
    market : spot, usdm or cm
    """

    def __init__(self, venue: str, prefix: str, market: str) -> None:
        self.venue = venue
        self._prefix = prefix
        self._market = market

    def key_of(self, frame: bytes) -> str:
        """Return the name of the stream."""
        if not frame.startswith(STREAM):
            return ""
        end = frame.find(b'"', len(STREAM))
        return frame[len(STREAM) : end].decode()

    def book_of(self, key: str) -> str:
        """Return the symbol of a diff stream."""
        symbol, _, kind = key.partition("@")
        return symbol.upper() if kind.partition("@")[0] == "depth" else ""

    def change_of(self, frame: bytes) -> Change:
        """Return the levels of a diff, or of a depth answer."""
        body = loads(frame)
        if "lastUpdateId" in body:
            return Change(
                body.get("symbol", ""), body["lastUpdateId"], body.get("T", 0), body["bids"],
                body["asks"], whole=True,
            )  # fmt: skip
        body = body["data"]
        return Change(body["s"], body["u"], body.get("T", body["E"]), body["b"], body["a"])

    def snapshot_of(self, frame: bytes) -> tuple[str, bytes] | None:
        """Return a depth answer, which names its symbol in our own envelope only."""
        found = wrapped(frame)
        if found is None and BOOK_MARK in frame[:40] and not frame.startswith(STREAM):
            return "", frame
        return found

    def quoted(self, frame: bytes) -> list[Quoted]:
        """Return prices and quantities of trades, best prices and diffs."""
        body = loads(frame).get("data", {})
        symbol = body.get("s", "")
        pairs = [*body.get("b", ()), *body.get("a", ())] if isinstance(body.get("b"), list) else []
        if "B" in body and isinstance(body.get("b"), str):
            pairs = [(body["b"], body["B"]), (body["a"], body["A"])]
        elif "p" in body and "q" in body:
            pairs = [(body["p"], body["q"])]
        return [Quoted(symbol, price, qty) for price, qty in pairs if float(price) and float(qty)]

    def keys_of_url(self, path: str, query: Mapping[str, str]) -> tuple[str, ...]:
        """Return the streams in the query or the path."""
        names = query.get("streams", "") or path.rpartition("/ws/")[2] * ("/ws/" in path)
        return tuple(name for name in names.split("/") if name)

    def control(self, text: str, heard: Collection[str], now_ms: int) -> Control:
        """Carry out SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS."""
        asked = loads(text)
        number = asked.get("id")
        names = tuple(asked.get("params", ()))
        done = (dumps({"result": None, "id": number}),)
        match asked.get("method"):
            case "SUBSCRIBE":
                return Control(done, add=names)
            case "UNSUBSCRIBE":
                return Control(done, remove=names)
            case "LIST_SUBSCRIPTIONS":
                return Control((dumps({"result": list(heard), "id": number}),))
        return Control((dumps({"code": 2, "msg": "Invalid request", "id": number}),))

    def ask(self, asked: Asked, now_ms: int) -> Reply:
        """Know depth, exchangeInfo, time and ping; of futures open interest: nobody holds any."""
        base, _, call = asked.path.rpartition("/")
        old = base.endswith(("/api/v1", "/api/v3")) and self._market == "spot"
        if base != self._prefix and not old:
            return UNKNOWN
        match call:
            case "depth":
                return Reply(book=asked.query.get("symbol", ""))
            case "exchangeInfo":
                return Reply(instruments=True)
            case "time" | "ping" | "openInterest":
                return self._tell(call, asked.query.get("symbol", ""), now_ms)
        return UNKNOWN

    def _tell(self, call: str, symbol: str, now_ms: int) -> Reply:
        """Return what does not depend on the capture."""
        if call == "ping":
            return Reply(body=b"{}")
        if call == "time":
            return Reply(body=dumps({"serverTime": now_ms}))
        if self._market == "spot" or not symbol:
            return UNKNOWN
        return Reply(body=dumps({"symbol": symbol, "openInterest": "0", "time": now_ms}))

    def book_answer(self, book: TextBook, now_ms: int) -> bytes:
        """Return a depth answer."""
        bids, asks = book.top(1000)
        answer = {"lastUpdateId": book.seq, "bids": bids, "asks": asks}
        if self._market != "spot":
            answer |= {"E": book.ts, "T": book.ts}
        return dumps(answer)

    def instruments(self, asked: Asked, specs: Mapping[str, SymbolSpec]) -> bytes:
        """Return an exchangeInfo with the symbols of the capture."""
        return dumps(
            {
                "timezone": "UTC",
                "serverTime": 0,
                "rateLimits": [],
                "exchangeFilters": [],
                "symbols": [self._symbol(symbol, spec) for symbol, spec in specs.items()],
            }
        )

    def _symbol(self, symbol: str, spec: SymbolSpec) -> dict[str, object]:
        pair, _, expiry = symbol.partition("_")
        quote = next((q for q in QUOTES if pair.endswith(q) and pair != q), "USDT")
        base = pair.removesuffix(quote)
        tick, lot = format(spec.tick, "f"), format(spec.lot, "f")
        told: dict[str, object] = {
            "symbol": symbol, "pair": pair, "baseAsset": base, "quoteAsset": quote,
            "marginAsset": base if self._market == "cm" else quote,
            "pricePrecision": spec.price_decimals, "quantityPrecision": spec.qty_decimals,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "10000000",
                 "tickSize": tick},
                {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "9000000", "stepSize": lot},
                {"filterType": "MIN_NOTIONAL", "notional": "5", "minNotional": "5"},
            ],
        }  # fmt: skip
        if self._market == "spot":
            return told | {"status": "TRADING", "isSpotTradingAllowed": True}
        kind = "PERPETUAL" if expiry in {"", "PERP"} else "CURRENT_QUARTER"
        told |= {"contractType": kind, "deliveryDate": 4133404800000, "onboardDate": 0}
        if self._market == "cm":
            return told | {
                "contractStatus": "TRADING",
                "contractSize": 100 if base == "BTC" else 10,
            }
        return told | {"status": "TRADING"}
