"""REST of Gate futures, public side: requests, and their answers into rows."""

from __future__ import annotations

import msgspec

from extrema_nb.channels import INTERVAL_US
from extrema_nb.errors import ConfigError, VenueDecodeError
from extrema_nb.events import EVENT, EventArray
from extrema_nb.market import Ticker
from extrema_nb.venues._gate import wire
from extrema_nb.venues._gate.rest import (
    DEPTH,
    book_rows,
    candle_rows,
    fund_rows,
    get,
    number,
    read,
    snapshot_body,
    window,
)
from extrema_nb.venues.gate_futures.instruments import VENUE_ID
from extrema_nb.venues.gate_futures.symbols import is_delivery, path_of
from extrema_nb.wire import Request

__all__ = [
    "PAGE_FUNDING",
    "candles_request",
    "decode_candles",
    "decode_funding_history",
    "decode_open_interest",
    "decode_snapshot",
    "decode_tickers",
    "funding_history_request",
    "instruments_requests",
    "open_interest_request",
    "snapshot_request",
    "tickers_requests",
]

SECOND = 1_000_000  # µs
HOUR = 3600  # s; the shortest funding interval
PAGE_FUNDING = 1000
MARKETS = ("/futures/usdt", "/futures/btc", "/delivery/usdt", "/delivery/btc")


class _Book(msgspec.Struct):
    id: wire.Id
    bids: list[wire.LevelObject]
    asks: list[wire.LevelObject]
    current: wire.SecondsPart = 0.0
    update: wire.SecondsPart = 0.0


class _Candle(msgspec.Struct):
    t: wire.Seconds
    o: wire.Price
    h: wire.Price
    l: wire.Price  # noqa: E741 - the venue's letter
    c: wire.Price
    v: wire.Floor = 0.0  # contracts; absent in candles of mark and index price


class _Rate(msgspec.Struct):
    t: wire.Seconds
    r: wire.Signed


class _Ticker(msgspec.Struct):
    contract: str
    last: str = ""
    highest_bid: str = ""
    highest_size: str = ""
    lowest_ask: str = ""
    lowest_size: str = ""
    volume_24h: str = ""
    volume_24h_quote: str = ""
    total_size: str = ""


_BOOK = msgspec.json.Decoder(_Book, strict=False)
_CANDLES = msgspec.json.Decoder(list[_Candle], strict=False)
_RATES = msgspec.json.Decoder(list[_Rate], strict=False)
_TICKERS = msgspec.json.Decoder(list[_Ticker])


def instruments_requests() -> tuple[Request, ...]:
    """Return the requests for the contracts of each kind and currency of settlement."""
    return tuple(get(f"{market}/contracts") for market in MARKETS)


def tickers_requests() -> tuple[Request, ...]:
    """Return the requests for the tickers of each kind and currency of settlement."""
    return tuple(get(f"{market}/tickers") for market in MARKETS)


def snapshot_request(symbol: str) -> Request:
    """Return the request for a book with its id."""
    return get(
        f"{path_of(symbol)}/order_book",
        ("contract", symbol),
        ("limit", str(DEPTH)),
        ("with_id", "true"),
    )


def candles_request(symbol: str, interval: str, start_us: int, limit: int) -> Request:
    """Return the request for the candles of the `limit` intervals from `start_us` on."""
    return get(
        f"{path_of(symbol)}/candlesticks",
        ("contract", symbol),
        *window(VENUE_ID, interval, start_us, limit),
    )


def funding_history_request(symbol: str, start_us: int, limit: int) -> Request:
    """Return the request for the rates settled in the `limit` hours from `start_us` on."""
    if is_delivery(symbol):
        raise ConfigError(
            f"funding_history of {symbol} is not supported by {VENUE_ID}: only of perpetuals"
        )
    limit = min(limit, PAGE_FUNDING)
    start = -(-start_us // SECOND)
    return get(
        f"{path_of(symbol)}/funding_rate",
        ("contract", symbol),
        ("limit", str(limit)),
        ("from", str(start)),
        ("to", str(start + limit * HOUR - 1)),
    )


def open_interest_request(symbol: str) -> Request:
    """Return the request for the open interest now, which stands in the ticker."""
    return get(f"{path_of(symbol)}/tickers", ("contract", symbol))


def decode_snapshot(raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
    """Return the rows of a book answer."""
    m = read(VENUE_ID, _BOOK, snapshot_body(raw), "book")
    ts = int((m.update or m.current) * SECOND)
    return book_rows(m.bids, m.asks, m.id, ts, inst, ts_recv_us)


def decode_candles(raw: bytes, inst: int, interval: str, ts_recv_us: int) -> EventArray:
    """Return CANDLE rows, oldest first; one whose end lies before `ts_recv_us` is CLOSED."""
    length = INTERVAL_US[interval]
    candles = [
        (k.t, k.o, k.h, k.l, k.c, k.v, k.t * SECOND + length <= ts_recv_us)
        for k in read(VENUE_ID, _CANDLES, raw, "candles")
    ]
    return candle_rows(VENUE_ID, candles, raw, inst, interval, ts_recv_us)


def decode_funding_history(raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
    """Return FUNDING rows, oldest first."""
    rates = sorted(read(VENUE_ID, _RATES, raw, "funding rates"), key=lambda rate: rate.t)
    out = fund_rows(len(rates), inst, ts_recv_us)
    out["ts_event"] = [rate.t * SECOND for rate in rates]
    out["rate"] = [rate.r for rate in rates]
    return out.view(EVENT)


def decode_open_interest(raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
    """Return a FUNDING row that holds ``open_interest``, in contracts."""
    found = read(VENUE_ID, _TICKERS, raw, "open interest")
    if len(found) != 1:
        raise VenueDecodeError(
            f"tickers of {len(found)} contracts, expected one", venue=VENUE_ID, frame=raw
        )
    out = fund_rows(1, inst, ts_recv_us)
    out["open_interest"] = number(VENUE_ID, found[0].total_size, raw)
    return out.view(EVENT)


def decode_tickers(raw: bytes, ts_recv_us: int) -> list[Ticker]:
    """Return the tickers of a market; quantities are contracts, and the venue gives no time."""
    return [
        Ticker(
            symbol=row.contract,
            ts_event=ts_recv_us,
            last=number(VENUE_ID, row.last, raw),
            bid_price=number(VENUE_ID, row.highest_bid, raw),
            bid_qty=number(VENUE_ID, row.highest_size, raw),
            ask_price=number(VENUE_ID, row.lowest_ask, raw),
            ask_qty=number(VENUE_ID, row.lowest_size, raw),
            volume=number(VENUE_ID, row.volume_24h, raw),
            turnover=number(VENUE_ID, row.volume_24h_quote, raw),
        )
        for row in read(VENUE_ID, _TICKERS, raw, "tickers")
    ]
