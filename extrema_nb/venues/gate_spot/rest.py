"""REST of Gate spot, public side: requests, and their answers into rows."""

from __future__ import annotations

import msgspec

from extrema_nb.events import EventArray
from extrema_nb.market import Ticker
from extrema_nb.venues._gate import wire
from extrema_nb.venues._gate.rest import (
    DEPTH,
    book_rows,
    candle_rows,
    get,
    number,
    read,
    snapshot_body,
    window,
)
from extrema_nb.venues.gate_spot.instruments import VENUE_ID
from extrema_nb.wire import Request

__all__ = [
    "candles_request",
    "decode_candles",
    "decode_snapshot",
    "decode_tickers",
    "instruments_requests",
    "snapshot_request",
    "tickers_requests",
]

MS = 1000  # µs


class _Book(msgspec.Struct):
    id: wire.Id
    bids: list[wire.Level]
    asks: list[wire.Level]
    current: wire.Millis = 0
    update: wire.Millis = 0


class _Candle(msgspec.Struct, array_like=True):
    t: wire.Seconds
    quote_volume: wire.Floor
    c: wire.Price
    h: wire.Price
    l: wire.Price  # noqa: E741 - the venue's letter
    o: wire.Price
    volume: wire.Floor  # base units
    closed: bool = False  # "true"


class _Ticker(msgspec.Struct):
    currency_pair: str
    last: str = ""
    lowest_ask: str = ""
    highest_bid: str = ""
    lowest_size: str = ""
    highest_size: str = ""
    base_volume: str = ""
    quote_volume: str = ""


_BOOK = msgspec.json.Decoder(_Book, strict=False)
_CANDLES = msgspec.json.Decoder(list[_Candle], strict=False)
_TICKERS = msgspec.json.Decoder(list[_Ticker])


def instruments_requests() -> tuple[Request, ...]:
    """Return the request for all currency pairs."""
    return (get("/spot/currency_pairs"),)


def tickers_requests() -> tuple[Request, ...]:
    """Return the request for all tickers."""
    return (get("/spot/tickers"),)


def snapshot_request(symbol: str) -> Request:
    """Return the request for a book with its id."""
    return get(
        "/spot/order_book", ("currency_pair", symbol), ("limit", str(DEPTH)), ("with_id", "true")
    )


def candles_request(symbol: str, interval: str, start_us: int, limit: int) -> Request:
    """Return the request for the candles of the `limit` intervals from `start_us` on."""
    return get(
        "/spot/candlesticks",
        ("currency_pair", symbol),
        *window(VENUE_ID, interval, start_us, limit),
    )


def decode_snapshot(raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
    """Return the rows of a book answer."""
    m = read(VENUE_ID, _BOOK, snapshot_body(raw), "book")
    return book_rows(m.bids, m.asks, m.id, (m.update or m.current) * MS, inst, ts_recv_us)


def decode_candles(raw: bytes, inst: int, interval: str, ts_recv_us: int) -> EventArray:
    """Return CANDLE rows, oldest first."""
    candles = [
        (k.t, k.o, k.h, k.l, k.c, k.volume, k.closed)
        for k in read(VENUE_ID, _CANDLES, raw, "candles")
    ]
    return candle_rows(VENUE_ID, candles, raw, inst, interval, ts_recv_us)


def decode_tickers(raw: bytes, ts_recv_us: int) -> list[Ticker]:
    """Return the tickers of all currency pairs; the venue gives no time."""
    return [
        Ticker(
            symbol=row.currency_pair,
            ts_event=ts_recv_us,
            last=number(VENUE_ID, row.last, raw),
            bid_price=number(VENUE_ID, row.highest_bid, raw),
            bid_qty=number(VENUE_ID, row.highest_size, raw),
            ask_price=number(VENUE_ID, row.lowest_ask, raw),
            ask_qty=number(VENUE_ID, row.lowest_size, raw),
            volume=number(VENUE_ID, row.base_volume, raw),
            turnover=number(VENUE_ID, row.quote_volume, raw),
        )
        for row in read(VENUE_ID, _TICKERS, raw, "tickers")
    ]
