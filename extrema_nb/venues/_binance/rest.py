"""Public REST of Binance: requests, and their answers into rows."""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
import numpy as np
from msgspec import Meta

from extrema_nb.channels import INTERVALS
from extrema_nb.errors import ConfigError, VenueDecodeError, nearest
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
from extrema_nb.instruments import Instrument
from extrema_nb.pack import NAN, SNAPSHOT, Out, write_levels
from extrema_nb.venues import MarketDefaults, Ticker
from extrema_nb.venues._binance import wire
from extrema_nb.venues._binance.decode import BAD
from extrema_nb.venues._binance.dialect import Dialect
from extrema_nb.venues._binance.instruments import parse_instruments
from extrema_nb.wire import Request

__all__ = ["BinanceRest", "decode_snapshot"]

MS = 1000  # µs
WRAPPED = b'{"snapshot":'  # our own envelope; the venue's answer need not name its symbol
SNAPSHOT_MARKS = (b'{"lastUpdateId"', WRAPPED)
SYMBOL = b'"symbol":"'  # in the answers of COIN-M
DEPTH = 1000  # levels a side; the most that futures have, and at spot a fifth of the weight of all
COMMON = frozenset({"instruments", "tickers", "book", "candles", "server_time"})
OF_FUTURES = frozenset({"funding_history", "open_interest"})

_T = TypeVar("_T")
Number = Annotated[float, Meta(gt=-wire.MAX, lt=wire.MAX)]


class _Ticker(msgspec.Struct, rename="camel"):
    symbol: str
    last_price: wire.Floor
    volume: wire.Floor
    close_time: wire.Millis
    bid_price: wire.Floor = 0.0
    bid_qty: wire.Floor = 0.0
    ask_price: wire.Floor = 0.0
    ask_qty: wire.Floor = 0.0
    quote_volume: wire.Floor | None = None
    base_volume: wire.Floor = 0.0  # of COIN-M, whose volume counts contracts
    weighted_avg_price: wire.Floor = 0.0


class _Settled(msgspec.Struct, rename="camel"):
    funding_time: wire.Millis
    funding_rate: Annotated[float, Meta(gt=-1.0, lt=1.0)]
    mark_price: str = ""  # "" in old rows


class _OpenInterest(msgspec.Struct, rename="camel"):
    open_interest: wire.Floor
    time: wire.Millis


class _Time(msgspec.Struct, rename="camel"):
    server_time: wire.Millis


_SNAPSHOT = msgspec.json.Decoder(wire.DepthSnapshot, strict=False)
# open ms, open, high, low, close, volume, close ms, and more; all fit a float64 exactly
_CANDLES = msgspec.json.Decoder(list[Annotated[list[float], Meta(min_length=7)]], strict=False)


def decode_snapshot(raw: bytes, inst: int, ts_recv_us: int, venue: str) -> EventArray:
    """Return the rows of a depth answer: SNAPSHOT, the first one START, ``seq`` lastUpdateId.

    ``ts_event`` is T, else E, else `ts_recv_us`: spot and early answers have neither.
    """
    body = raw
    if raw.startswith(WRAPPED):
        body = raw[raw.find(b"{", 1) : raw.rfind(b"}")]
    try:
        m = _SNAPSHOT.decode(body)
    except BAD as error:
        raise VenueDecodeError(
            f"depth snapshot can not be read ({error})", venue=venue, frame=raw
        ) from error
    out = Out(empty_events(len(m.bids) + len(m.asks) or 1))
    ids = m.lastUpdateId, ABSENT, ABSENT
    head = ((m.T or m.E) * MS or ts_recv_us), ts_recv_us, inst
    write_levels(out, 0, m.bids, m.asks, head, ids, SNAPSHOT)
    return out.rows


class BinanceRest(MarketDefaults):
    """Public REST of one market, as its `dialect` says."""

    dialect: Dialect

    def _get(self, call: str, *params: tuple[str, object], weight: int = 1) -> Request:
        return Request(
            "GET",
            f"{self.dialect.api}/{call}",
            tuple((name, str(value)) for name, value in params),
            signed=False,
            keyed=False,
            weight=weight,
        )

    def _read(self, raw: bytes, what: str, kind: type[_T]) -> _T:
        try:
            return msgspec.json.decode(raw, type=kind, strict=False)
        except BAD as error:
            raise VenueDecodeError(
                f"{what} can not be read ({error})", venue=self.dialect.id, frame=raw
            ) from error

    def instruments_requests(self) -> tuple[Request, ...]:
        """Return the request for all instruments."""
        return (self._get("exchangeInfo", weight=self.dialect.info_weight),)

    def parse_instruments(self, raw: bytes) -> list[Instrument]:
        """Return the instruments in an exchangeInfo answer."""
        return parse_instruments(self.dialect, raw)

    def tickers_requests(self) -> tuple[Request, ...]:
        """Return the request for the last 24 hours of all symbols."""
        return (self._get("ticker/24hr", weight=self.dialect.tickers_weight),)

    def decode_tickers(self, raw: bytes, ts_recv_us: int) -> list[Ticker]:
        """Return the tickers; futures do not tell the best prices here."""
        del ts_recv_us  # the venue gives the time
        return [
            Ticker(
                symbol=t.symbol,
                ts_event=t.close_time * MS,
                last=t.last_price,
                bid_price=t.bid_price or NAN,
                bid_qty=t.bid_qty if t.bid_price else NAN,
                ask_price=t.ask_price or NAN,
                ask_qty=t.ask_qty if t.ask_price else NAN,
                volume=t.volume,
                turnover=(
                    t.base_volume * t.weighted_avg_price
                    if t.quote_volume is None
                    else t.quote_volume
                ),
            )
            for t in self._read(raw, "tickers", list[_Ticker])
        ]

    def snapshot_request(self, symbol: str) -> Request:
        """Return the request for a book of `DEPTH` levels a side."""
        return self._get(
            "depth", ("symbol", symbol), ("limit", DEPTH), weight=self.dialect.depth_weight
        )

    def decode_snapshot(self, raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
        """Return the rows of a REST book snapshot."""
        return decode_snapshot(raw, inst, ts_recv_us, self.dialect.id)

    def is_snapshot(self, frame: bytes) -> bool:
        """Whether `frame` is the answer of GET depth, bare or wrapped, as in captures."""
        return frame.startswith(SNAPSHOT_MARKS)

    def wrap_snapshot(self, raw: bytes, symbol: str) -> bytes:
        """Return a depth answer as a frame that names its symbol."""
        return WRAPPED + b'"' + symbol.encode() + b'","data":' + raw.strip() + b"}"

    def snapshot_symbol(self, frame: bytes) -> str:
        """Return the symbol that a depth answer names, or an empty string."""
        if frame.startswith(WRAPPED):
            start = len(WRAPPED) + 1
        else:
            at = frame.find(SYMBOL, 0, 200)
            if at < 0:
                return ""
            start = at + len(SYMBOL)
        return frame[start : frame.find(b'"', start)].decode("utf-8", "replace")

    def candles_request(self, symbol: str, interval: str, start_us: int, limit: int) -> Request:
        """Return the request for at most `limit` candles that open at `start_us` or later."""
        if interval not in self.dialect.intervals:
            raise ConfigError(
                f"no candles of {interval!r} at {self.dialect.id}; "
                f"expected {', '.join(self.dialect.intervals)}"
                + nearest(interval, self.dialect.intervals)
            )
        limit = min(limit, self.dialect.klines[-1][0])
        return self._get(
            "klines",
            ("symbol", symbol),
            ("interval", interval),
            ("startTime", -(-start_us // MS)),
            ("limit", limit),
            weight=next(weight for most, weight in self.dialect.klines if limit <= most),
        )

    def decode_candles(self, raw: bytes, inst: int, interval: str, ts_recv_us: int) -> EventArray:
        """Return CANDLE rows of a klines answer, oldest first.

        A candle whose close time lies before `ts_recv_us` is flagged CLOSED.
        """
        try:
            candles = _CANDLES.decode(raw)
        except BAD as error:
            raise self._bad(f"klines can not be read ({error})", raw) from error
        out = empty_events(len(candles)).view(CANDLE)
        if not candles:
            return out.view(EVENT)
        words = np.array([candle[:7] for candle in candles])
        # comparisons are false for NaN; 2**53 ms is far away and the last that fits a float64
        if not ((words[:, 1:5] > 0).all() and (words >= 0).all() and (words < 2.0**53).all()):
            raise self._bad("klines hold a price or volume that is none", raw)
        opened = words[:, 0].astype(np.int64) * MS
        if (np.diff(opened) <= 0).any():
            raise self._bad("klines do not ascend in time", raw)
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

    def funding_history_request(self, symbol: str, start_us: int, limit: int) -> Request:
        """Return the request for at most `limit` rates settled at `start_us` or later."""
        self._check("funding_history")
        return self._get(
            "fundingRate",
            ("symbol", symbol),
            ("startTime", -(-start_us // MS)),
            ("limit", min(limit, self.page_funding)),
        )

    def decode_funding_history(self, raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
        """Return FUNDING rows, oldest first: the rate, and the mark price where it is told."""
        self._check("funding_history")
        settled = sorted(
            self._read(raw, "funding rates", list[_Settled]), key=lambda one: one.funding_time
        )
        out = self._funding(len(settled), inst, ts_recv_us)
        for row, one in zip(out, settled, strict=True):
            row["ts_event"] = one.funding_time * MS
            row["rate"] = one.funding_rate
            try:
                row["mark_price"] = float(one.mark_price) if one.mark_price else NAN
            except ValueError:
                raise self._bad(f"mark price {one.mark_price[:40]!r} is no number", raw) from None
        return out.view(EVENT)

    def open_interest_request(self, symbol: str) -> Request:
        """Return the request for the open interest now."""
        self._check("open_interest")
        return self._get("openInterest", ("symbol", symbol))

    def decode_open_interest(self, raw: bytes, inst: int, ts_recv_us: int) -> EventArray:
        """Return a FUNDING row that holds the open interest, in base units or contracts."""
        self._check("open_interest")
        one = self._read(raw, "open interest", _OpenInterest)
        out = self._funding(1, inst, ts_recv_us)
        out["ts_event"] = one.time * MS
        out["open_interest"] = one.open_interest
        return out.view(EVENT)

    def server_time_request(self) -> Request:
        """Return the request for the venue's clock."""
        return self._get("time")

    def decode_server_time(self, raw: bytes) -> int:
        """Return the venue's clock, µs."""
        return self._read(raw, "server time", _Time).server_time * MS

    def _check(self, call: str) -> None:
        if call not in self.calls:
            self._lacks(call)

    def _bad(self, why: str, raw: bytes) -> VenueDecodeError:
        return VenueDecodeError(why, venue=self.dialect.id, frame=raw)

    @staticmethod
    def _funding(count: int, inst: int, ts_recv_us: int) -> EventArray:
        out = empty_events(count).view(FUNDING)
        out["ts_recv"] = ts_recv_us
        out["inst"] = inst
        out["kind"] = EventKind.FUNDING
        out["flags"] = Flag.LAST
        for name in ("rate", "mark_price", "index_price", "open_interest"):
            out[name] = NAN
        out["next_ts"] = ABSENT
        return out
