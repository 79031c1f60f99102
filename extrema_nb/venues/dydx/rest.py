"""REST of the dYdX indexer: requests, and their answers into rows.

https://docs.dydx.xyz/indexer-client/http
"""

from __future__ import annotations

from typing import Any

import msgspec

from extrema_nb.channels import INTERVAL_US
from extrema_nb.errors import ConfigError, VenueDecodeError
from extrema_nb.events import ABSENT, FUNDING, EventArray, empty_events
from extrema_nb.market import Ticker
from extrema_nb.pack import NAN, SNAPSHOT, Out, write_levels
from extrema_nb.venues._stream.candles import candle_rows
from extrema_nb.venues._stream.funding import HOUR_US, funding_rows
from extrema_nb.venues._stream.times import iso_of, iso_us
from extrema_nb.venues.dydx import wire
from extrema_nb.venues.dydx.decode import BAD, candle_words
from extrema_nb.venues.dydx.instruments import VENUE_ID, read_markets
from extrema_nb.venues.dydx.streams import RESOLUTIONS
from extrema_nb.wire import Request

__all__ = [
    "PAGE",
    "candles_request",
    "decode_candles",
    "decode_funding_history",
    "decode_open_interest",
    "decode_server_time",
    "decode_snapshot",
    "decode_tickers",
    "funding_history_request",
    "markets_request",
    "open_interest_request",
    "server_time_request",
    "snapshot_request",
]

PAGE = 1000  # most of anything in an answer


def _reader(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=False)


_BOOK, _CANDLES = _reader(wire.Book), _reader(wire.Candles)
_FUNDING, _TIME = _reader(wire.FundingHistory), _reader(wire.Time)


def _get(path: str, *params: tuple[str, str]) -> Request:
    return Request("GET", f"/v4/{path}", params, signed=False, keyed=False)


def _refused(what: str, raw: bytes, error: Exception) -> VenueDecodeError:
    return VenueDecodeError(f"{what} can not be read ({error})", venue=VENUE_ID, frame=raw)


def markets_request() -> Request:
    """Return the request for all markets: instruments and their state."""
    return _get("perpetualMarkets")


def decode_tickers(raw: bytes, ts_recv_us: int) -> list[Ticker]:
    """Return tickers; ``last`` is the oracle price, the only one that the answer has."""
    return [
        Ticker(
            symbol,
            ts_recv_us,
            market.oracle_price or NAN,
            turnover=NAN if market.volume_24h is None else market.volume_24h,
        )
        for symbol, market in read_markets(raw).markets.items()
    ]


def snapshot_request(symbol: str) -> Request:
    """Return the request for a whole book."""
    return _get(f"orderbooks/perpetualMarket/{symbol}")


def decode_snapshot(raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
    """Return the rows of a book: SNAPSHOT, the first one START; it may be crossed."""
    try:
        m = _BOOK.decode(raw)
    except BAD as error:
        raise _refused("book", raw, error) from error
    out = Out(empty_events(len(m.bids) + len(m.asks) or 1))
    bids = [(level.price, level.size) for level in m.bids]
    asks = [(level.price, level.size) for level in m.asks]
    head = ts_recv_us, ts_recv_us, inst
    write_levels(out, 0, bids, asks, head, (ABSENT, ABSENT, ABSENT), SNAPSHOT)
    return out.rows


def candles_request(symbol: str, interval: str, start_us: int, limit: int) -> Request:
    """Return the request for candles that open within `limit` intervals from `start_us` on."""
    if interval not in RESOLUTIONS:
        raise ConfigError(
            f"candles of {interval!r} are not supported by {VENUE_ID}; "
            f"expected {', '.join(RESOLUTIONS)}"
        )
    limit = min(limit, PAGE)
    end = start_us + limit * INTERVAL_US[interval]
    return _get(
        f"candles/perpetualMarkets/{symbol}",
        ("resolution", RESOLUTIONS[interval]),
        ("fromISO", iso_of(start_us)),
        ("toISO", iso_of(end)),  # not included
        ("limit", str(limit)),
    )


def decode_candles(raw: bytes, inst: int, interval: str, ts_recv_us: int) -> EventArray:
    """Return CANDLE rows of an answer, oldest first; candles without trades are left out."""
    try:
        words = [w for w in map(candle_words, _CANDLES.decode(raw).candles) if w is not None]
    except BAD as error:
        raise _refused("candles", raw, error) from error
    return candle_rows(VENUE_ID, words, inst, interval, ts_recv_us)


def funding_history_request(symbol: str, start_us: int, limit: int) -> Request:
    """Return the request for the rates of `limit` hours from `start_us` on.

    The venue counts backwards from a time; that time is set so that the oldest is at `start_us`.
    """
    limit = min(limit, PAGE)
    before = iso_of(start_us + limit * HOUR_US)
    return _get(
        f"historicalFunding/{symbol}", ("limit", str(limit)), ("effectiveBeforeOrAt", before)
    )


def decode_funding_history(raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
    """Return FUNDING rows, oldest first; the rate is that of one hour."""
    try:
        settled = [
            (iso_us(m.effective_at), m.rate, m.price or NAN)
            for m in _FUNDING.decode(raw).historical_funding
        ]
    except BAD as error:
        raise _refused("funding history", raw, error) from error
    return funding_rows(settled, inst, ts_recv_us)


def open_interest_request(symbol: str) -> Request:
    """Return the request for the state of one market."""
    return _get("perpetualMarkets", ("ticker", symbol))


def decode_open_interest(raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
    """Return a FUNDING row that holds ``open_interest``, base units, and nothing else."""
    markets = list(read_markets(raw).markets.values())
    if len(markets) != 1 or markets[0].open_interest is None:
        raise VenueDecodeError(
            f"open interest of one market expected, found {len(markets)} markets",
            venue=VENUE_ID,
            frame=raw,
        )
    rows = funding_rows([(ts_recv_us, NAN, NAN)], inst, ts_recv_us)
    rows.view(FUNDING)["open_interest"] = markets[0].open_interest
    return rows


def server_time_request() -> Request:
    """Return the request for the venue's clock."""
    return _get("time")


def decode_server_time(raw: bytes) -> int:
    """Return the venue's clock, µs."""
    try:
        return int(_TIME.decode(raw).epoch * 1000) * 1000
    except BAD as error:
        raise _refused("time", raw, error) from error
