"""Frames of Binance's public streams into rows.

Rules
-----
1. A frame is decoded whole or not at all: what is wrong raises before the first row is written
   that a caller would take.
2. Prices and quantities are the float64 nearest to the text that was sent.
3. ``ts_event`` is the transaction time T in µs, else the event time E, else, where spot sends
   neither (best prices, top levels), the time of arrival; of a candle its open time.
4. A book message is one row a level, bids first; one without levels is one row with side 0.
   At spot ``prev_seq`` is absent; the book's first update id follows the last one before.
5. Fields that nobody asked for are ignored; fields that are known and wrong are refused.
6. An event type that is not known is ignored and counted in `unknown`.
7. A liquidation's quantities are those of the order; of several orders of one instrument within a
   second the venue sends the last.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec

from extrema_nb.channels import INTERVALS
from extrema_nb.errors import VenueDecodeError, VenueError
from extrema_nb.events import (
    ABSENT,
    EventArray,
    EventKind,
    Flag,
    Side,
    empty_events,
)
from extrema_nb.instruments import InstrumentTable
from extrema_nb.pack import (
    BBO_ROW,
    CANDLE_ROW,
    FUNDING_ROW,
    LAST,
    LIQUIDATION_ROW,
    NAN,
    PARTIAL,
    ROW,
    TRADE_ROW,
    Out,
    write_levels,
)
from extrema_nb.venues._binance import wire
from extrema_nb.venues._binance.dialect import Dialect
from extrema_nb.venues._binance.streams import SLOTS
from extrema_nb.venues._insts import Insts

__all__ = ["BAD", "Decoder"]

MS = 1000  # µs
AGGREGATE = int(Flag.AGGREGATE | Flag.LAST)
OFF_BOOK = int(Flag.OFF_BOOK | Flag.LAST)
CLOSED = int(Flag.CLOSED | Flag.LAST)
TRADE, BBO, CANDLE = int(EventKind.TRADE), int(EventKind.BBO), int(EventKind.CANDLE)
FUNDING, LIQUIDATION = int(EventKind.FUNDING), int(EventKind.LIQUIDATION)
BUY, SELL = int(Side.BUY), int(Side.SELL)
INTERVAL_CODE = {name: code for code, name in enumerate(INTERVALS)}

S_TRADE, S_AGG, S_BBO, S_DEPTH, S_PARTIAL, S_KLINE, S_MARK, S_FORCE = range(len(SLOTS))
# what reading a bad frame may raise beneath us; RecursionError: JSON nested without end
BAD = (msgspec.DecodeError, UnicodeDecodeError, struct.error, RecursionError)

_Read = Callable[[bytes], Any]
_Fill = Callable[[Any, int, int], int]  # payload, ts_recv, n -> new n
WORD = 6  # letters after "@" that tell one stream from another
_EVENTS = {  # event type -> letters of its streams
    "trade": (b'trade"',),
    "aggTrade": (b"aggTra",),
    "bookTicker": (b"bookTi",),
    "depthUpdate": (b"depth@", b'depth"'),
    "partial": (b"depth5", b"depth1", b"depth2"),
    "kline": (b"kline_",),
    "markPriceUpdate": (b"markPr",),
    "forceOrder": (b"forceO",),
}


def _combined(payload: type[msgspec.Struct]) -> _Read:
    """Return a decoder of ``{"stream": …, "data": payload}``."""
    envelope = msgspec.defstruct("Combined", [("data", payload)], gc=False)
    return msgspec.json.Decoder(envelope, strict=False).decode


def _plain(payload: type[msgspec.Struct]) -> _Read:
    return msgspec.json.Decoder(payload, strict=False).decode


_HEAD = msgspec.json.Decoder(wire.Head).decode


def _payloads(dialect: Dialect) -> dict[str, type[msgspec.Struct]]:
    """Return the payload of each event type that a market sends."""
    payloads: dict[str, type[msgspec.Struct]] = {
        "trade": wire.Trade,
        "aggTrade": wire.AggTrade,
        "bookTicker": wire.BookTicker if dialect.chained else wire.SpotBookTicker,
        "depthUpdate": wire.Depth if dialect.chained else wire.SpotDepth,
        "partial": wire.Depth if dialect.chained else wire.Top,
        "kline": wire.Kline,
    }
    if dialect.marked:
        payloads |= {"markPriceUpdate": wire.MarkPrice, "forceOrder": wire.ForceOrder}
    return payloads


class Decoder:
    """Frames into rows, for the instruments of one table.

    Attributes
    ----------
    inst, slot : what the last frame was about (`streams.SLOTS`); -1 when it brought no rows
    unknown : event type -> frames ignored
    acks : subscribe acknowledgements seen
    """

    def __init__(self, table: InstrumentTable, dialect: Dialect) -> None:
        self.venue = dialect.id
        self._insts = Insts(table, dialect.id)
        self._out = Out(empty_events(1))
        self.inst = ABSENT
        self.slot = ABSENT
        self.unknown: dict[str, int] = {}
        self.acks = 0
        chained = dialect.chained
        fillers: dict[str, _Fill] = {
            "trade": self._trade,
            "aggTrade": self._agg_trade,
            "bookTicker": self._book_ticker if chained else self._spot_book_ticker,
            "depthUpdate": self._depth if chained else self._spot_depth,
            "partial": self._partial if chained else self._top,
            "kline": self._kline,
            "markPriceUpdate": self._mark_price,
            "forceOrder": self._force_order,
        }
        self._stream = b""  # name of a stream whose payload does not tell its symbol
        payloads = _payloads(dialect)
        # By the letters after "@" in the envelope, so that a frame is parsed once, as its type.
        self._fast: dict[bytes, tuple[_Read, _Fill]] = {
            word: (_combined(payload), fillers[event])
            for event, payload in payloads.items()
            for word in _EVENTS[event]
        }
        self._slow: dict[str, tuple[_Read, _Fill]] = {
            event: (_plain(payload), fillers[event]) for event, payload in payloads.items()
        }
        self._slow_top = self._slow.pop("partial")

    def decode(self, frame: bytes, ts_recv_us: int, out: EventArray, n: int) -> int:
        """Write the rows of `frame` from ``out[n]`` on and return the new `n`.

        Acknowledgements and unknown event types write nothing.

        Parameters
        ----------
        frame : one message, with the envelope of a combined stream or without
        ts_recv_us : when it arrived, µs
        out : (rows,) EVENT, **written**
        n : rows already in it

        Raises
        ------
        VenueDecodeError
            the frame is cut, garbled, has a wrong field or an unknown symbol
        VenueError
            the frame is the venue's error message; `code` is its code
        DataError
            `out` is too small
        """
        if out is not self._out.rows:
            self._out = Out(out)
        self.inst = self.slot = ABSENT
        at = frame.find(b"@", 11, 80) + 1  # {"stream":" has 11 letters
        known = self._fast.get(frame[at : at + WORD])
        try:
            if known is not None and frame.startswith(b'{"stream":"'):
                self._stream = frame[11 : at - 1]
                return known[1](known[0](frame).data, ts_recv_us, n)
            return self._decode_other(frame, ts_recv_us, n)
        except BAD as error:
            raise VenueDecodeError(
                f"frame can not be read ({error})", venue=self.venue, frame=frame
            ) from error
        except VenueDecodeError as error:
            if error.frame:
                raise
            raise VenueDecodeError(str(error), venue=self.venue, frame=frame) from None

    def _decode_other(self, frame: bytes, ts_recv: int, n: int) -> int:
        """Decode what is not a plain combined frame of a hot channel."""
        head = _HEAD(frame)
        inner, stream = bytes(head.data), head.stream
        raw = inner or frame
        symbol, _, word = stream.partition("@")
        self._stream = symbol.encode()
        top = inner and f'{word}"'.encode()[:WORD] in _EVENTS["partial"]
        if inner:
            if not raw.startswith(b"{"):  # an array stream such as !ticker@arr
                self._count(stream)
                return n
            head = _HEAD(raw)
        if top and (head.e == "depthUpdate" or bytes(head.lastUpdateId)):
            return self._slow_top[1](self._slow_top[0](raw), ts_recv, n)
        event = head.e or ("bookTicker" if bytes(head.u) else "")  # spot sends it without a name
        if event:
            if event not in self._slow:
                self._count(event)
                return n
            read, fill = self._slow[event]
            return fill(read(raw), ts_recv, n)
        if inner and f'{word}"'.encode()[:WORD] not in self._fast:
            self._count(stream)  # a stream whose payload has no event type
            return n
        if bytes(head.error) not in (b"", b"null"):
            head = _HEAD(head.error)
        if head.code is not None:
            raise VenueError(
                f"{self.venue} answered with error {head.code}: {head.msg}",
                venue=self.venue,
                code=head.code,
            )
        if head.id is not None:
            self.acks += 1
            return n
        raise VenueDecodeError("neither an event nor an answer", venue=self.venue, frame=frame)

    def _count(self, event: str) -> None:
        self.unknown[event] = self.unknown.get(event, 0) + 1

    def _refuse(self, why: str) -> NoReturn:
        raise VenueDecodeError(why, venue=self.venue)

    def _trade(self, m: wire.Trade, ts_recv: int, n: int) -> int:
        inst = self._insts[m.s]
        flags = LAST if m.X == "MARKET" else OFF_BOOK
        if not m.p and flags == LAST:
            self._refuse(f"{m.s} trade {m.t}: price is 0")
        out = self._out
        if n >= out.size:
            out.room(n, 1)
        TRADE_ROW.pack_into(
            out.bytes, n * ROW, (m.T or m.E) * MS, ts_recv, inst, TRADE,
            SELL if m.m else BUY, flags, m.p, m.q, m.t, ABSENT, ABSENT,
        )  # fmt: skip
        self.inst, self.slot = inst, S_TRADE
        return n + 1

    def _agg_trade(self, m: wire.AggTrade, ts_recv: int, n: int) -> int:
        inst = self._insts[m.s]
        out = self._out
        if n >= out.size:
            out.room(n, 1)
        TRADE_ROW.pack_into(
            out.bytes, n * ROW, (m.T or m.E) * MS, ts_recv, inst, TRADE,
            SELL if m.m else BUY, AGGREGATE, m.p, m.q, m.a, m.f, m.l,
        )  # fmt: skip
        self.inst, self.slot = inst, S_AGG
        return n + 1

    def _book_ticker(self, m: wire.BookTicker, ts_recv: int, n: int) -> int:
        inst = self._insts[m.s]
        out = self._out
        if n >= out.size:
            out.room(n, 1)
        BBO_ROW.pack_into(
            out.bytes, n * ROW, (m.T or m.E) * MS, ts_recv, inst, BBO, 0, LAST,
            m.b or NAN, m.B if m.b else 0.0, m.a or NAN, m.A if m.a else 0.0, m.u,
        )  # fmt: skip
        self.inst, self.slot = inst, S_BBO
        return n + 1

    def _spot_book_ticker(self, m: wire.SpotBookTicker, ts_recv: int, n: int) -> int:
        inst = self._insts[m.s]
        out = self._out
        if n >= out.size:
            out.room(n, 1)
        BBO_ROW.pack_into(
            out.bytes, n * ROW, ts_recv, ts_recv, inst, BBO, 0, LAST,
            m.b or NAN, m.B if m.b else 0.0, m.a or NAN, m.A if m.a else 0.0, m.u,
        )  # fmt: skip
        self.inst, self.slot = inst, S_BBO
        return n + 1

    def _depth(self, m: wire.Depth, ts_recv: int, n: int) -> int:
        inst = self._insts[m.s]
        if m.u < m.U:
            self._refuse(f"{m.s} depth: first update id {m.U} above the last, {m.u}")
        n = write_levels(
            self._out, n, m.b, m.a, ((m.T or m.E) * MS, ts_recv, inst), (m.u, m.U, m.pu), 0
        )
        self.inst, self.slot = inst, S_DEPTH
        return n

    def _spot_depth(self, m: wire.SpotDepth, ts_recv: int, n: int) -> int:
        inst = self._insts[m.s]
        if m.u < m.U:
            self._refuse(f"{m.s} depth: first update id {m.U} above the last, {m.u}")
        n = write_levels(self._out, n, m.b, m.a, (m.E * MS, ts_recv, inst), (m.u, m.U, ABSENT), 0)
        self.inst, self.slot = inst, S_DEPTH
        return n

    def _partial(self, m: wire.Depth, ts_recv: int, n: int) -> int:
        inst = self._insts[m.s]
        head = (m.T or m.E) * MS, ts_recv, inst
        n = write_levels(self._out, n, m.b, m.a, head, (m.u, m.U, m.pu), PARTIAL)
        self.inst, self.slot = inst, S_PARTIAL
        return n

    def _top(self, m: wire.Top, ts_recv: int, n: int) -> int:
        inst = self._insts[self._stream.upper().decode("utf-8", "replace")]
        ids = m.lastUpdateId, ABSENT, ABSENT
        n = write_levels(self._out, n, m.bids, m.asks, (ts_recv, ts_recv, inst), ids, PARTIAL)
        self.inst, self.slot = inst, S_PARTIAL
        return n

    def _kline(self, m: wire.Kline, ts_recv: int, n: int) -> int:
        inst = self._insts[m.s]
        k = m.k
        code = INTERVAL_CODE.get(k.i)
        if code is None:
            self._refuse(f"{m.s} candle: unknown interval {k.i!r}; known {', '.join(INTERVALS)}")
        out = self._out
        out.room(n, 1)
        CANDLE_ROW.pack_into(
            out.bytes, n * ROW, k.t * MS, ts_recv, inst, CANDLE, code,
            CLOSED if k.x else LAST, k.o, k.h, k.l, k.c, k.v,
        )  # fmt: skip
        self.inst, self.slot = inst, S_KLINE
        return n + 1

    def _mark_price(self, m: wire.MarkPrice, ts_recv: int, n: int) -> int:
        inst = self._insts[m.s]
        try:
            rate = float(m.r) if m.r else NAN
        except ValueError:
            self._refuse(f"{m.s} mark price: funding rate {m.r[:40]!r} is no number")
        if m.r and not -1.0 < rate < 1.0:
            self._refuse(f"{m.s} mark price: funding rate {m.r[:40]!r} is beyond 100 %")
        out = self._out
        out.room(n, 1)
        FUNDING_ROW.pack_into(
            out.bytes, n * ROW, m.E * MS, ts_recv, inst, FUNDING, 0, LAST,
            rate, m.p, m.i or NAN, NAN, m.T * MS if m.T else ABSENT,
        )  # fmt: skip
        self.inst, self.slot = inst, S_MARK
        return n + 1

    def _force_order(self, m: wire.ForceOrder, ts_recv: int, n: int) -> int:
        o = m.o
        inst = self._insts[o.s]
        out = self._out
        out.room(n, 1)
        LIQUIDATION_ROW.pack_into(
            out.bytes, n * ROW, (o.T or m.E) * MS, ts_recv, inst, LIQUIDATION,
            BUY if o.S == "BUY" else SELL, LAST, o.p or NAN, o.q, ABSENT, o.ap or NAN, o.z,
        )  # fmt: skip
        self.inst, self.slot = inst, S_FORCE
        return n + 1
