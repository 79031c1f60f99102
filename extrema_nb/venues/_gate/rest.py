"""REST of Gate, public side: what its markets share.

A refusal is ``{"label": …, "message": …}``; everything else is a bare list or object.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from extrema_nb.channels import INTERVAL_US, INTERVALS
from extrema_nb.errors import ConfigError, VenueDecodeError, VenueError, nearest
from extrema_nb.events import (
    ABSENT,
    CANDLE,
    EVENT,
    FUNDING,
    EventArray,
    EventKind,
    Flag,
    empty_events,
)
from extrema_nb.pack import SNAPSHOT, Out, write_levels
from extrema_nb.venues._gate import wire
from extrema_nb.venues._gate.decode import BAD, pairs
from extrema_nb.venues._gate.streams import BARS
from extrema_nb.wire import Request

__all__ = [
    "DEPTH",
    "LIMITS",
    "PAGE_CANDLES",
    "Row",
    "book_rows",
    "candle_rows",
    "fund_rows",
    "get",
    "is_snapshot",
    "number",
    "read",
    "server_time",
    "server_time_request",
    "snapshot_body",
    "snapshot_symbol",
    "window",
    "wrap_snapshot",
]

SECOND = 1_000_000  # µs
DEPTH = 100  # levels a side of a fetched book, as many as its stream tells of
PAGE_CANDLES = 900  # below the 1000 that one answer holds at most, both ends included
# each path has its own count; weight is in units of a twentieth of a second
LIMITS = (("requests", 200, 10.0, 0),)
WRAPPED = b'{"snapshot":'  # our own envelope; the venue's answer does not name its symbol

Row = tuple[int, float, float, float, float, float, bool]
"""A candle: open time (s), open, high, low, close, volume, closed."""


class _Refusal(msgspec.Struct):
    label: str
    message: str = ""


class _Time(msgspec.Struct):
    server_time: wire.Millis


_REFUSAL = msgspec.json.Decoder(_Refusal)
_TIME = msgspec.json.Decoder(_Time, strict=False)


def get(path: str, *params: tuple[str, str]) -> Request:
    """Return a public request."""
    return Request("GET", "/api/v4" + path, params, signed=False, keyed=False)


def read(venue: str, decoder: Any, raw: bytes, what: str) -> Any:
    """Return what an answer says; raise VenueError for a refusal."""
    try:
        return decoder.decode(raw)
    except BAD as error:
        with contextlib.suppress(*BAD):
            refusal = _REFUSAL.decode(raw)
            raise VenueError(
                f"{venue} answered with {refusal.label}: {refusal.message}", venue=venue
            ) from None
        raise VenueDecodeError(
            f"{what} can not be read ({error})", venue=venue, frame=raw
        ) from error


def number(venue: str, text: str, raw: bytes) -> float:
    """Return the number in a text that may be empty; NaN where it is."""
    if not text:
        return float("nan")
    try:
        found = float(text)
    except ValueError:
        found = float("nan")
    if not abs(found) < wire.MAX:
        raise VenueDecodeError(f"{text[:20]!r} stands for a number", venue=venue, frame=raw)
    return found


def window(
    venue: str, interval: str, start_us: int, limit: int
) -> tuple[tuple[str, str], tuple[str, str], tuple[str, str]]:
    """Return interval, from and to of the candles of the `limit` intervals from `start_us` on."""
    if interval not in BARS:
        raise ConfigError(
            f"no candles of {interval!r} at {venue}; expected {', '.join(BARS)}"
            + nearest(interval, BARS)
        )
    length = INTERVAL_US[interval] // SECOND
    start = -(-start_us // SECOND)
    end = start + min(limit, PAGE_CANDLES) * length - 1  # both ends are included
    return ("interval", BARS[interval]), ("from", str(start)), ("to", str(end))


def candle_rows(
    venue: str, candles: Sequence[Row], raw: bytes, inst: int, interval: str, ts_recv_us: int
) -> EventArray:
    """Return CANDLE rows, oldest first."""
    candles = sorted(candles)
    out = empty_events(len(candles)).view(CANDLE)
    if not candles:
        return out.view(EVENT)
    words = np.array([candle[1:6] for candle in candles])
    out["ts_event"] = np.array([candle[0] for candle in candles]) * SECOND
    if (np.diff(out["ts_event"]) <= 0).any():
        raise VenueDecodeError("two candles open at one time", venue=venue, frame=raw)
    closed = np.array([candle[6] for candle in candles])
    out["flags"] = np.where(closed, int(Flag.CLOSED | Flag.LAST), int(Flag.LAST))
    out["ts_recv"], out["inst"] = ts_recv_us, inst
    out["kind"], out["interval"] = EventKind.CANDLE, INTERVALS.index(interval)
    for column, name in enumerate(("open", "high", "low", "close", "volume")):
        out[name] = words[:, column]
    return out.view(EVENT)


def fund_rows(count: int, inst: int, ts_recv_us: int) -> EventArray:
    """Return FUNDING rows that say nothing yet."""
    out = empty_events(count).view(FUNDING)
    for name in ("rate", "mark_price", "index_price", "open_interest"):
        out[name] = np.nan
    out["next_ts"] = ABSENT
    out["ts_event"], out["ts_recv"], out["inst"] = ts_recv_us, ts_recv_us, inst
    out["kind"], out["flags"] = EventKind.FUNDING, Flag.LAST
    return out


def book_rows(bids: Any, asks: Any, seq: int, ts_event: int, inst: int, ts_recv: int) -> EventArray:
    """Return the rows of a fetched book: SNAPSHOT, the first one START, ``seq`` its id."""
    out = Out(empty_events(len(bids) + len(asks) or 1))
    head, ids = (ts_event or ts_recv, ts_recv, inst), (seq, ABSENT, ABSENT)
    write_levels(out, 0, pairs(bids), pairs(asks), head, ids, SNAPSHOT)
    return out.rows


def server_time_request() -> Request:
    """Return the request for the venue's clock."""
    return get("/spot/time")


def server_time(venue: str, raw: bytes) -> int:
    """Return the venue's clock, µs."""
    return int(read(venue, _TIME, raw, "time").server_time) * 1000


def is_snapshot(frame: bytes) -> bool:
    """Whether `frame` is a wrapped answer of an order_book path."""
    return frame.startswith(WRAPPED)


def wrap_snapshot(raw: bytes, symbol: str) -> bytes:
    """Return a book answer as a frame that names its symbol; the answer itself does not."""
    return WRAPPED + b'"' + symbol.encode() + b'","data":' + raw.strip() + b"}"


def snapshot_body(raw: bytes) -> bytes:
    """Return the answer in a frame of `wrap_snapshot`, or a bare one as it is."""
    return raw[raw.find(b"{", 1) : raw.rfind(b"}")] if is_snapshot(raw) else raw


def snapshot_symbol(frame: bytes) -> str:
    """Return the symbol in a wrapped book answer, or an empty string."""
    if not is_snapshot(frame):
        return ""
    return frame[len(WRAPPED) + 1 : frame.find(b'"', len(WRAPPED) + 1)].decode("utf-8", "replace")
