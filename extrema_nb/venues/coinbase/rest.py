"""REST of Coinbase Advanced Trade, public side: requests, and their answers into rows.

https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/rest-api
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from extrema_nb.channels import INTERVAL_US
from extrema_nb.errors import ConfigError, VenueDecodeError
from extrema_nb.events import ABSENT, EventArray, empty_events
from extrema_nb.market import Ticker
from extrema_nb.pack import NAN, SNAPSHOT, Out, write_levels
from extrema_nb.venues._stream.candles import candle_rows
from extrema_nb.venues._stream.times import iso_us
from extrema_nb.venues.coinbase import wire
from extrema_nb.venues.coinbase.decode import BAD, SECOND_US
from extrema_nb.venues.coinbase.instruments import VENUE_ID, number, read_products
from extrema_nb.venues.coinbase.streams import GRANULARITY
from extrema_nb.wire import Request

__all__ = [
    "PAGE",
    "candles_request",
    "decode_candles",
    "decode_server_time",
    "decode_snapshot",
    "decode_tickers",
    "products_requests",
    "server_time_request",
    "snapshot_request",
]

ROOT = "/api/v3/brokerage"
PAGE = 300  # candles an answer; the venue refuses more than 350, both ends counted


def _reader(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=False)


_BOOK, _CANDLES, _TIME = _reader(wire.Book), _reader(wire.Candles), _reader(wire.Time)


def _get(path: str, *params: tuple[str, str]) -> Request:
    return Request("GET", f"{ROOT}/{path}", params, signed=False, keyed=False)


def _read(reader: msgspec.json.Decoder[Any], raw: bytes, what: str) -> Any:
    try:
        return reader.decode(raw)
    except BAD as error:
        raise VenueDecodeError(
            f"{what} can not be read ({error})", venue=VENUE_ID, frame=raw
        ) from error


def products_requests() -> tuple[Request, ...]:
    """Return the requests for spot products and for futures."""
    return tuple(_get("market/products", ("product_type", kind)) for kind in ("SPOT", "FUTURE"))


def decode_tickers(raw: bytes, ts_recv_us: int) -> list[Ticker]:
    """Return the tickers of products."""
    found = []
    for row in read_products(raw):
        texts = (
            row.price, row.best_bid_price, row.best_ask_price, row.volume_24h,
            row.approximate_quote_24h_volume,
        )  # fmt: skip
        try:
            last, bid, ask, volume, turnover = (_or_nan(number(text)) for text in texts)
        except ValueError as error:
            raise VenueDecodeError(
                f"{row.product_id}: {error}", venue=VENUE_ID, frame=raw
            ) from error
        found.append(
            Ticker(
                row.product_id, ts_recv_us, last, bid_price=bid or NAN, ask_price=ask or NAN,
                volume=volume, turnover=turnover,
            )
        )  # fmt: skip
    return found


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def snapshot_request(symbol: str) -> Request:
    """Return the request for a book."""
    return _get("market/product_book", ("product_id", symbol))


def decode_snapshot(raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
    """Return the rows of a book: SNAPSHOT, the first one START."""
    m = _read(_BOOK, raw, "book").pricebook
    try:
        at = iso_us(m.time) if m.time else ts_recv_us
    except ValueError as error:
        raise VenueDecodeError(f"book: {error}", venue=VENUE_ID, frame=raw) from error
    out = Out(empty_events(len(m.bids) + len(m.asks) or 1))
    bids = [(level.price, level.size) for level in m.bids]
    asks = [(level.price, level.size) for level in m.asks]
    ids = ABSENT, ABSENT, ABSENT
    write_levels(out, 0, bids, asks, (at, ts_recv_us, inst), ids, SNAPSHOT)
    return out.rows


def candles_request(symbol: str, interval: str, start_us: int, limit: int) -> Request:
    """Return the request for candles that open within `limit` intervals from `start_us` on."""
    if interval not in GRANULARITY:
        raise ConfigError(
            f"candles of {interval!r} are not supported by {VENUE_ID}; "
            f"expected {', '.join(GRANULARITY)}"
        )
    end = start_us + min(limit, PAGE) * INTERVAL_US[interval]
    return _get(
        f"market/products/{symbol}/candles",
        ("start", str(-(-start_us // SECOND_US))),
        ("end", str(-(-end // SECOND_US) - 1)),
        ("granularity", GRANULARITY[interval]),
    )


def decode_candles(raw: bytes, inst: int, interval: str, ts_recv_us: int) -> EventArray:
    """Return CANDLE rows of an answer, oldest first; intervals without trades are not in it."""
    words = [
        (m.start * SECOND_US, m.open, m.high, m.low, m.close, m.volume)
        for m in _read(_CANDLES, raw, "candles").candles
    ]
    return candle_rows(VENUE_ID, words, inst, interval, ts_recv_us)


def server_time_request() -> Request:
    """Return the request for the venue's clock."""
    return _get("time")


def decode_server_time(raw: bytes) -> int:
    """Return the venue's clock, µs."""
    return int(_read(_TIME, raw, "time").epoch_millis) * 1000
