"""REST of OKX, public side: requests, and their answers into rows.

Every answer is ``{"code": "0", "msg": "", "data": […]}``, a refusal has another code.
Lists of candles and rates come newest first and page by exclusive bounds, so that a page is asked
for as a window of time.
"""

from __future__ import annotations

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
from extrema_nb.market import Ticker
from extrema_nb.pack import SNAPSHOT, Out, write_levels
from extrema_nb.venues.okx import wire
from extrema_nb.venues.okx.decode import BAD, pairs
from extrema_nb.venues.okx.instruments import VENUE_ID
from extrema_nb.venues.okx.streams import BARS, DERIVATIVES
from extrema_nb.venues.okx.symbols import type_of
from extrema_nb.wire import Request

__all__ = [
    "LIMITS",
    "PAGE_CANDLES",
    "PAGE_FUNDING",
    "candles_request",
    "decode_candles",
    "decode_funding_history",
    "decode_open_interest",
    "decode_server_time",
    "decode_snapshot",
    "decode_tickers",
    "funding_history_request",
    "instruments_requests",
    "is_snapshot",
    "open_interest_request",
    "server_time_request",
    "snapshot_request",
    "snapshot_symbol",
    "tickers_requests",
    "wrap_snapshot",
]

MS = 1000  # µs
HOUR_MS = 3_600_000  # the shortest funding interval
DEPTH = 400  # levels a side, the most there is
PAGE_CANDLES = 100
PAGE_FUNDING = 100
TYPES = ("SPOT", "SWAP", "FUTURES")
# each path has its own count a window of 2 s; weight is in units of 1/40 of the window
LIMITS = (("requests", 40, 2.0, 0),)
WRAPPED = b'{"snapshot":'  # our own envelope; the venue's answer does not name its symbol


class _Ticker(msgspec.Struct):
    instId: str  # noqa: N815 - the venue's names
    last: str = ""
    bidPx: str = ""  # noqa: N815
    bidSz: str = ""  # noqa: N815
    askPx: str = ""  # noqa: N815
    askSz: str = ""  # noqa: N815
    vol24h: str = ""
    volCcy24h: str = ""  # noqa: N815
    ts: str = ""


class _Funding(msgspec.Struct, rename="camel"):
    funding_rate: str
    funding_time: wire.Millis
    realized_rate: str = ""


class _Time(msgspec.Struct):
    ts: wire.Millis


def _answer(payload: Any) -> Any:
    fields: list[Any] = [("data", list[payload]), ("code", str, "0"), ("msg", str, "")]
    answer = msgspec.defstruct("Answer", fields)
    return msgspec.json.Decoder(answer, strict=False)


class _Refusal(msgspec.Struct):
    code: str = "0"
    msg: str = ""


_REFUSAL = msgspec.json.Decoder(_Refusal)
_BOOKS = _answer(wire.Book)
_CANDLES = _answer(wire.Candle)
_TICKERS = _answer(_Ticker)
_FUNDING = _answer(_Funding)
_INTEREST = _answer(wire.OpenInterest)
_TIMES = _answer(_Time)


def _get(path: str, *params: tuple[str, str], weight: int = 1) -> Request:
    return Request("GET", "/api/v5" + path, params, signed=False, keyed=False, weight=weight)


def _data(decoder: Any, raw: bytes, what: str) -> list[Any]:
    """Return the list in an answer; raise VenueError for a refusal."""
    try:
        head = _REFUSAL.decode(raw)
        if head.code != "0":
            code = int(head.code) if head.code.isdigit() else 0
            raise VenueError(
                f"{VENUE_ID} answered with error {head.code}: {head.msg}", venue=VENUE_ID, code=code
            )
        found: list[Any] = decoder.decode(raw).data
    except BAD as error:
        raise VenueDecodeError(
            f"{what} can not be read ({error})", venue=VENUE_ID, frame=raw
        ) from error
    return found


def instruments_requests() -> tuple[Request, ...]:
    """Return the requests for spot, swaps and dated futures."""
    return tuple(_get("/public/instruments", ("instType", kind), weight=2) for kind in TYPES)


def tickers_requests() -> tuple[Request, ...]:
    """Return the requests for the tickers of spot, swaps and dated futures."""
    return tuple(_get("/market/tickers", ("instType", kind), weight=2) for kind in TYPES)


def snapshot_request(symbol: str) -> Request:
    """Return the request for the deepest book; with ``source=0`` it tells its seqId."""
    return _get("/market/books", ("instId", symbol), ("sz", str(DEPTH)), ("source", "0"))


def candles_request(symbol: str, interval: str, start_us: int, limit: int) -> Request:
    """Return the request for the candles of the `limit` intervals from `start_us` on."""
    if interval not in BARS:
        raise ConfigError(
            f"no candles of {interval!r} at okx; expected {', '.join(BARS)}"
            + nearest(interval, BARS)
        )
    limit = min(limit, PAGE_CANDLES)
    start = -(-start_us // MS)
    end = start + limit * INTERVAL_US[interval] // MS
    return _get(
        "/market/history-candles",
        ("instId", symbol),
        ("bar", BARS[interval]),
        ("before", str(start - 1)),
        ("after", str(end)),
        ("limit", str(limit)),
        weight=2,
    )


def funding_history_request(symbol: str, start_us: int, limit: int) -> Request:
    """Return the request for the rates settled in the `limit` hours from `start_us` on."""
    if type_of(symbol) != "SWAP":
        raise ConfigError(f"funding_history of {symbol} is not supported by okx: only of swaps")
    limit = min(limit, PAGE_FUNDING)
    start = -(-start_us // MS)
    return _get(
        "/public/funding-rate-history",
        ("instId", symbol),
        ("before", str(start - 1)),
        ("after", str(start + limit * HOUR_MS)),
        ("limit", str(limit)),
        weight=4,
    )


def open_interest_request(symbol: str) -> Request:
    """Return the request for the open interest now."""
    kind = type_of(symbol)
    if kind not in DERIVATIVES:
        raise ConfigError(
            f"open_interest of {symbol} is not supported by okx: only of swaps and futures"
        )
    return _get("/public/open-interest", ("instType", kind), ("instId", symbol), weight=2)


def server_time_request() -> Request:
    """Return the request for the venue's clock."""
    return _get("/public/time", weight=4)


def is_snapshot(frame: bytes) -> bool:
    """Whether `frame` is a wrapped answer of GET /api/v5/market/books."""
    return frame.startswith(WRAPPED)


def wrap_snapshot(raw: bytes, symbol: str) -> bytes:
    """Return a book answer as a frame that names its symbol; the answer itself does not."""
    return WRAPPED + b'"' + symbol.encode() + b'","data":' + raw.strip() + b"}"


def snapshot_symbol(frame: bytes) -> str:
    """Return the symbol in a wrapped book answer, or an empty string."""
    if not is_snapshot(frame):
        return ""
    return frame[len(WRAPPED) + 1 : frame.find(b'"', len(WRAPPED) + 1)].decode("utf-8", "replace")


def decode_snapshot(raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
    """Return the rows of a book answer: SNAPSHOT, the first one START, ``seq`` seqId or -1."""
    body = raw[raw.find(b"{", 1) : raw.rfind(b"}")] if is_snapshot(raw) else raw
    books = _data(_BOOKS, body, "book")
    if len(books) != 1:
        raise VenueDecodeError(
            f"{len(books)} books in an answer, expected one", venue=VENUE_ID, frame=raw
        )
    m = books[0]
    out = Out(empty_events(len(m.bids) + len(m.asks) or 1))
    ids = m.seqId, ABSENT, ABSENT
    write_levels(out, 0, pairs(m.bids), pairs(m.asks), (m.ts * MS, ts_recv_us, inst), ids, SNAPSHOT)
    return out.rows


def decode_candles(raw: bytes, inst: int, interval: str, ts_recv_us: int) -> EventArray:
    """Return CANDLE rows, oldest first; one that the venue confirmed is flagged CLOSED."""
    candles = sorted(_data(_CANDLES, raw, "candles"), key=lambda candle: candle.ts)
    out = empty_events(len(candles)).view(CANDLE)
    for row, k in zip(out, candles, strict=True):
        row["ts_event"] = k.ts * MS
        row["flags"] = int(Flag.CLOSED | Flag.LAST) if k.confirm else int(Flag.LAST)
        row["open"], row["high"], row["low"], row["close"] = k.o, k.h, k.l, k.c
        row["volume"] = k.vol
    if (np.diff(out["ts_event"]) <= 0).any():
        raise VenueDecodeError("two candles open at one time", venue=VENUE_ID, frame=raw)
    out["ts_recv"], out["inst"] = ts_recv_us, inst
    out["kind"], out["interval"] = EventKind.CANDLE, INTERVALS.index(interval)
    return out.view(EVENT)


def _number(text: str, raw: bytes, default: float = float("nan")) -> float:
    """Return the number in a text that may be empty."""
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not abs(number) < wire.MAX:
        raise VenueDecodeError(f"{text[:20]!r} stands for a number", venue=VENUE_ID, frame=raw)
    return number


def _fund(rows: int, inst: int, ts_recv_us: int) -> EventArray:
    out = empty_events(rows).view(FUNDING)
    for name in ("rate", "mark_price", "index_price", "open_interest"):
        out[name] = np.nan
    out["next_ts"] = ABSENT
    out["ts_recv"], out["inst"] = ts_recv_us, inst
    out["kind"], out["flags"] = EventKind.FUNDING, Flag.LAST
    return out


def decode_funding_history(raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
    """Return FUNDING rows, oldest first; the rate is the one that was paid."""
    rates = sorted(_data(_FUNDING, raw, "funding rates"), key=lambda rate: rate.funding_time)
    out = _fund(len(rates), inst, ts_recv_us)
    out["ts_event"] = [rate.funding_time * MS for rate in rates]
    out["rate"] = [_number(rate.realized_rate or rate.funding_rate, raw) for rate in rates]
    return out.view(EVENT)


def decode_open_interest(raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
    """Return a FUNDING row that holds ``open_interest``, in contracts."""
    found = _data(_INTEREST, raw, "open interest")
    if len(found) != 1:
        raise VenueDecodeError(
            f"open interest of {len(found)} instruments, expected one", venue=VENUE_ID, frame=raw
        )
    out = _fund(1, inst, ts_recv_us)
    out["ts_event"], out["open_interest"] = found[0].ts * MS, found[0].oi
    return out.view(EVENT)


def decode_tickers(raw: bytes, ts_recv_us: int) -> list[Ticker]:
    """Return the tickers of one kind of instruments; volumes of derivatives are contracts."""
    found = []
    for row in _data(_TICKERS, raw, "tickers"):
        spot = type_of(row.instId) == "SPOT"
        found.append(
            Ticker(
                symbol=row.instId,
                ts_event=int(row.ts) * MS if row.ts.isdigit() else ts_recv_us,
                last=_number(row.last, raw),
                bid_price=_number(row.bidPx, raw),
                bid_qty=_number(row.bidSz, raw),
                ask_price=_number(row.askPx, raw),
                ask_qty=_number(row.askSz, raw),
                volume=_number(row.vol24h, raw),
                # of derivatives the venue tells base units instead of quote units
                turnover=_number(row.volCcy24h, raw) if spot else float("nan"),
            )
        )
    return found


def decode_server_time(raw: bytes) -> int:
    """Return the venue's clock, µs."""
    found = _data(_TIMES, raw, "time")
    if len(found) != 1:
        raise VenueDecodeError("no time in the answer", venue=VENUE_ID, frame=raw)
    return int(found[0].ts) * MS
