"""REST of Binance USD-M, public side: requests, and their answers into rows."""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np

from extrema_nb.channels import INTERVALS
from extrema_nb.errors import VenueDecodeError
from extrema_nb.events import ABSENT, CANDLE, EVENT, EventArray, EventKind, Flag, empty_events
from extrema_nb.pack import SNAPSHOT, Out, write_levels
from extrema_nb.venues.binance_usdm import wire
from extrema_nb.venues.binance_usdm.decode import BAD
from extrema_nb.venues.binance_usdm.instruments import VENUE_ID
from extrema_nb.wire import Request

__all__ = [
    "candles_request",
    "decode_candles",
    "decode_snapshot",
    "instruments_request",
    "is_snapshot",
    "snapshot_request",
    "snapshot_symbol",
    "wrap_snapshot",
]

MS = 1000  # µs
WRAPPED = b'{"snapshot":'  # our own envelope; the venue's answer does not name its symbol
SNAPSHOT_MARKS = (b'{"lastUpdateId"', WRAPPED)
DEPTH = 1000  # levels a side, the most there is
MAX_CANDLES = 1500  # an answer
WEIGHTS = ((99, 1), (499, 2), (1000, 5), (MAX_CANDLES, 10))  # of klines: limit up to, weight

_SNAPSHOT = msgspec.json.Decoder(wire.DepthSnapshot, strict=False)
# open ms, open, high, low, close, volume, close ms, and more; all fit a float64 exactly
_CANDLES = msgspec.json.Decoder(
    list[Annotated[list[float], msgspec.Meta(min_length=7)]], strict=False
)


def instruments_request() -> Request:
    """Return the request for all instruments."""
    return Request("GET", "/fapi/v1/exchangeInfo", signed=False, keyed=False, weight=1)


def snapshot_request(symbol: str) -> Request:
    """Return the request for the deepest book snapshot."""
    return Request(
        "GET",
        "/fapi/v1/depth",
        (("symbol", symbol), ("limit", str(DEPTH))),
        signed=False,
        keyed=False,
        weight=20,
    )


def candles_request(symbol: str, interval: str, start_us: int, limit: int) -> Request:
    """Return the request for at most `limit` candles that open at `start_us` or later."""
    limit = min(limit, MAX_CANDLES)
    start_ms = -(-start_us // MS)
    params = (
        ("symbol", symbol),
        ("interval", interval),
        ("startTime", str(start_ms)),
        ("limit", str(limit)),
    )
    weight = next(weight for most, weight in WEIGHTS if limit <= most)
    return Request("GET", "/fapi/v1/klines", params, signed=False, keyed=False, weight=weight)


def wrap_snapshot(raw: bytes, symbol: str) -> bytes:
    """Return a depth answer as a frame that names its symbol; the answer itself does not."""
    return WRAPPED + b'"' + symbol.encode() + b'","data":' + raw.strip() + b"}"


def is_snapshot(frame: bytes) -> bool:
    """Whether `frame` is the answer of GET /fapi/v1/depth, bare or wrapped, as in captures."""
    return frame.startswith(SNAPSHOT_MARKS)


def snapshot_symbol(frame: bytes) -> str:
    """Return the symbol in a wrapped depth answer, or an empty string."""
    if not frame.startswith(WRAPPED):
        return ""
    return frame[len(WRAPPED) + 1 : frame.find(b'"', len(WRAPPED) + 1)].decode("utf-8", "replace")


def decode_snapshot(raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
    """Return the rows of a depth answer: SNAPSHOT, the first one START, ``seq`` lastUpdateId.

    ``ts_event`` is T, else E, else `ts_recv_us` (early answers had neither).
    """
    body = raw
    if raw.startswith(WRAPPED):
        body = raw[raw.find(b"{", 1) : raw.rfind(b"}")]
    try:
        m = _SNAPSHOT.decode(body)
    except BAD as error:
        raise VenueDecodeError(
            f"depth snapshot can not be read ({error})", venue=VENUE_ID, frame=raw
        ) from error
    out = Out(empty_events(len(m.bids) + len(m.asks) or 1))
    ids = m.lastUpdateId, ABSENT, ABSENT
    head = ((m.T or m.E) * MS or ts_recv_us), ts_recv_us, inst
    write_levels(out, 0, m.bids, m.asks, head, ids, SNAPSHOT)
    return out.rows


def decode_candles(raw: bytes, inst: int, interval: str, ts_recv_us: int) -> EventArray:
    """Return CANDLE rows of a klines answer, oldest first.

    A candle whose close time lies before `ts_recv_us` is flagged CLOSED.
    """
    try:
        candles = _CANDLES.decode(raw)
    except BAD as error:
        raise VenueDecodeError(
            f"klines can not be read ({error})", venue=VENUE_ID, frame=raw
        ) from error
    out = empty_events(len(candles)).view(CANDLE)
    if not candles:
        return out.view(EVENT)
    words = np.array([candle[:7] for candle in candles])
    # comparisons are false for NaN; 2**53 ms is far away and the last that fits a float64
    if not ((words[:, 1:5] > 0).all() and (words >= 0).all() and (words < 2.0**53).all()):
        raise VenueDecodeError("klines hold a price or volume that is none", venue=VENUE_ID)
    opened = words[:, 0].astype(np.int64) * MS
    if (np.diff(opened) <= 0).any():
        raise VenueDecodeError("klines do not ascend in time", venue=VENUE_ID, frame=raw)
    out["ts_event"] = opened
    out["ts_recv"] = ts_recv_us
    out["inst"] = inst
    out["kind"] = EventKind.CANDLE
    out["interval"] = INTERVALS.index(interval)
    closed = words[:, 6].astype(np.int64) * MS < ts_recv_us
    out["flags"] = np.where(closed, int(Flag.CLOSED | Flag.LAST), int(Flag.LAST))
    for column, name in enumerate(("open", "high", "low", "close", "volume"), start=1):
        out[name] = words[:, column]
    return out.view(EVENT)
