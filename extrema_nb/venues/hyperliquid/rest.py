"""REST of Hyperliquid, public side: everything is POST /info, told apart by the body.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint
"""

from __future__ import annotations

from typing import Any

import msgspec

from extrema_nb.channels import INTERVAL_US
from extrema_nb.errors import ConfigError, VenueDecodeError
from extrema_nb.events import EventArray, empty_events
from extrema_nb.market import Ticker
from extrema_nb.pack import NAN, Out
from extrema_nb.venues._stream.candles import candle_rows
from extrema_nb.venues._stream.funding import HOUR_US, funding_rows
from extrema_nb.venues.hyperliquid import wire
from extrema_nb.venues.hyperliquid.decode import BAD, MS, write_book
from extrema_nb.venues.hyperliquid.instruments import VENUE_ID, PerpMeta, SpotMeta
from extrema_nb.venues.hyperliquid.streams import INTERVALS
from extrema_nb.wire import Request

__all__ = [
    "PAGE_CANDLES",
    "PAGE_FUNDING",
    "candles_request",
    "decode_candles",
    "decode_funding_history",
    "decode_server_time",
    "decode_snapshot",
    "decode_tickers",
    "funding_history_request",
    "instruments_requests",
    "server_time_request",
    "snapshot_request",
    "tickers_requests",
]

PAGE_CANDLES = 1000  # an answer; the venue keeps the newest 5000 of each interval
PAGE_FUNDING = 500
HEAVY = 20  # weight of most calls, of 1200 a minute


class _Status(msgspec.Struct):
    time: wire.Millis


def _reader(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=False)


_BOOK = _reader(wire.Book)
_CANDLES = _reader(list[wire.Candle])
_FUNDING = _reader(list[wire.Funding])
_STATUS = _reader(_Status)
_PERPS = _reader(tuple[PerpMeta, list[wire.Ctx]])
_SPOTS = _reader(tuple[SpotMeta, list[wire.Ctx]])


def _info(weight: int, **body: object) -> Request:
    text = msgspec.json.encode(body).decode()
    return Request("POST", "/info", signed=False, keyed=False, weight=weight, body=text)


def _read(reader: msgspec.json.Decoder[Any], raw: bytes, what: str) -> Any:
    try:
        return reader.decode(raw)
    except BAD as error:
        raise VenueDecodeError(
            f"{what} can not be read ({error})", venue=VENUE_ID, frame=raw
        ) from error


def instruments_requests() -> tuple[Request, ...]:
    """Return the requests for perpetuals and for spot pairs."""
    return _info(HEAVY, type="meta"), _info(HEAVY, type="spotMeta")


def tickers_requests() -> tuple[Request, ...]:
    """Return the requests for the state of all perpetuals and of all spot pairs."""
    return _info(HEAVY, type="metaAndAssetCtxs"), _info(HEAVY, type="spotMetaAndAssetCtxs")


def decode_tickers(raw: bytes, ts_recv_us: int) -> list[Ticker]:
    """Return tickers; ``last`` is the mid price, or the mark price where one side is empty."""
    spot = b'"tokens"' in raw[: raw.find(b"}") + 1]  # first in a pair, absent from a perpetual
    meta, ctxs = _read(_SPOTS if spot else _PERPS, raw, "asset contexts")
    if not spot and len(ctxs) != len(meta.universe):
        raise VenueDecodeError(
            f"{len(ctxs)} asset contexts for {len(meta.universe)} instruments; expected as many",
            venue=VENUE_ID,
            frame=raw,
        )
    symbols = [ctx.coin for ctx in ctxs] if spot else [row.name for row in meta.universe]
    return [
        Ticker(
            symbol,
            ts_recv_us,
            ctx.mid_px or ctx.mark_px or NAN,
            volume=NAN if ctx.day_base_vlm is None else ctx.day_base_vlm,
            turnover=NAN if ctx.day_ntl_vlm is None else ctx.day_ntl_vlm,
        )
        for symbol, ctx in zip(symbols, ctxs, strict=True)
        if symbol
    ]


def snapshot_request(symbol: str) -> Request:
    """Return the request for a book of 20 levels a side."""
    return _info(2, type="l2Book", coin=symbol)


def decode_snapshot(raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
    """Return the rows of a book: SNAPSHOT, the first one START."""
    m = _read(_BOOK, raw, "book")
    out = Out(empty_events(len(m.levels[0]) + len(m.levels[1]) or 1))
    write_book(out, 0, m, ts_recv_us, inst)
    return out.rows


def candles_request(symbol: str, interval: str, start_us: int, limit: int) -> Request:
    """Return the request for candles that open within `limit` intervals from `start_us` on."""
    if interval not in INTERVALS:
        raise ConfigError(
            f"candles of {interval!r} are not supported by {VENUE_ID}; "
            f"expected {', '.join(INTERVALS)}"
        )
    limit = min(limit, PAGE_CANDLES)
    end = start_us + limit * INTERVAL_US[interval]
    span = {"startTime": -(-start_us // MS), "endTime": -(-end // MS) - 1}
    return _info(
        HEAVY + -(-limit // 60),
        type="candleSnapshot",
        req={"coin": symbol, "interval": interval, **span},
    )


def decode_candles(raw: bytes, inst: int, interval: str, ts_recv_us: int) -> EventArray:
    """Return CANDLE rows of an answer, oldest first."""
    candles = [(m.t * MS, m.o, m.h, m.l, m.c, m.v) for m in _read(_CANDLES, raw, "candles")]
    return candle_rows(VENUE_ID, candles, inst, interval, ts_recv_us)


def funding_history_request(symbol: str, start_us: int, limit: int) -> Request:
    """Return the request for the rates of at most `limit` hours from `start_us` on."""
    limit = min(limit, PAGE_FUNDING)
    start = -(-start_us // MS)
    end = start + limit * HOUR_US // MS - 1
    return _info(
        HEAVY + -(-limit // 20), type="fundingHistory", coin=symbol, startTime=start, endTime=end
    )


def decode_funding_history(raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
    """Return FUNDING rows, oldest first; the rate is that of one hour."""
    settled = [(m.time * MS, m.funding_rate, NAN) for m in _read(_FUNDING, raw, "funding")]
    return funding_rows(settled, inst, ts_recv_us)


def server_time_request() -> Request:
    """Return the request for the state of the venue, which holds its clock."""
    return _info(2, type="exchangeStatus")


def decode_server_time(raw: bytes) -> int:
    """Return the venue's clock, µs."""
    return int(_read(_STATUS, raw, "exchange status").time) * MS
