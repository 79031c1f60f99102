"""Frames of Binance USD-M public streams into rows.

Rules
-----
1. A frame is decoded whole or not at all: what is wrong raises before the first row is written
   that a caller would take.
2. Prices and quantities are the float64 nearest to the text that was sent.
3. ``ts_event`` is the transaction time T in µs, else the event time E; of a candle its open time.
4. A book message is one row a level, bids first; one without levels is one row with side 0.
5. Fields that nobody asked for are ignored; fields that are known and wrong are refused.
6. An event type that is not known is ignored and counted in `unknown`.
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
    LAST,
    NAN,
    PARTIAL,
    ROW,
    TRADE_ROW,
    Out,
    write_levels,
)
from extrema_nb.venues.binance_usdm import wire
from extrema_nb.venues.binance_usdm.instruments import VENUE_ID
from extrema_nb.venues.binance_usdm.streams import SLOTS

__all__ = ["BAD", "Decoder"]

MS = 1000  # µs
AGGREGATE = int(Flag.AGGREGATE | Flag.LAST)
OFF_BOOK = int(Flag.OFF_BOOK | Flag.LAST)
CLOSED = int(Flag.CLOSED | Flag.LAST)
TRADE, BBO, CANDLE = int(EventKind.TRADE), int(EventKind.BBO), int(EventKind.CANDLE)
BUY, SELL = int(Side.BUY), int(Side.SELL)
INTERVAL_CODE = {name: code for code, name in enumerate(INTERVALS)}

S_TRADE, S_AGG, S_BBO, S_DEPTH, S_PARTIAL, S_KLINE = range(len(SLOTS))
# what reading a bad frame may raise beneath us; RecursionError: JSON nested without end
BAD = (msgspec.DecodeError, UnicodeDecodeError, struct.error, RecursionError)

_Read = Callable[[Any], Any]
_Fill = Callable[[Any, int, int, bool], int]  # payload, ts_recv, n, partial -> new n
_LETTERS = {
    b"tra": "trade",
    b"agg": "aggTrade",
    b"boo": "bookTicker",
    b"dep": "depthUpdate",
    b"kli": "kline",
}


def _combined(payload: type[msgspec.Struct]) -> _Read:
    """Return a decoder of ``{"stream": …, "data": payload}``."""
    envelope = msgspec.defstruct("Combined", [("data", payload)], gc=False)
    return msgspec.json.Decoder(envelope, strict=False).decode


def _plain(payload: type[msgspec.Struct]) -> _Read:
    return msgspec.json.Decoder(payload, strict=False).decode


_HEAD = msgspec.json.Decoder(wire.Head).decode
_PAYLOADS: dict[str, type[msgspec.Struct]] = {
    "trade": wire.Trade,
    "aggTrade": wire.AggTrade,
    "bookTicker": wire.BookTicker,
    "depthUpdate": wire.Depth,
    "kline": wire.Kline,
}


class _Insts(dict[str, int]):
    """Symbol -> instrument id; what is missing is looked up in the table, which may have grown."""

    def __init__(self, table: InstrumentTable) -> None:
        super().__init__(
            (row.symbol, inst) for inst, row in enumerate(table) if row.venue == VENUE_ID
        )
        self._table = table

    def __missing__(self, symbol: str) -> int:
        inst = self._table.get_symbol(VENUE_ID, symbol)
        if inst < 0:
            raise VenueDecodeError(
                f"unknown symbol {symbol!r}: not among the {len(self)} instruments known; "
                "load them anew or unsubscribe",
                venue=VENUE_ID,
            )
        self[symbol] = inst
        return inst


class Decoder:
    """Frames into rows, for the instruments of one table.

    Attributes
    ----------
    inst, slot : what the last frame was about (`streams.SLOTS`); -1 when it brought no rows
    unknown : event type -> frames ignored
    acks : subscribe acknowledgements seen
    """

    def __init__(self, table: InstrumentTable) -> None:
        self._insts = _Insts(table)
        self._out = Out(empty_events(1))
        self.inst = ABSENT
        self.slot = ABSENT
        self.unknown: dict[str, int] = {}
        self.acks = 0
        fillers: dict[str, _Fill] = {
            "trade": self._trade,
            "aggTrade": self._agg_trade,
            "bookTicker": self._book_ticker,
            "depthUpdate": self._depth,
            "kline": self._kline,
        }
        # By the letters after "@" in the envelope, so that a frame is parsed once, as its type.
        self._fast: dict[bytes, tuple[_Read, _Fill]] = {
            letters: (_combined(_PAYLOADS[event]), fillers[event])
            for letters, event in _LETTERS.items()
        }
        self._slow: dict[str, tuple[_Read, _Fill]] = {
            event: (_plain(_PAYLOADS[event]), fill) for event, fill in fillers.items()
        }

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
        known = self._fast.get(frame[at : at + 3])
        try:
            if known is not None and frame.startswith(b'{"stream":"'):
                # "depth20@100ms" has a digit where "depth@100ms" and other streams have none
                partial = frame[at + 5 : at + 6].isdigit()
                return known[1](known[0](frame).data, ts_recv_us, n, partial)
            return self._decode_other(frame, ts_recv_us, n)
        except BAD as error:
            raise VenueDecodeError(
                f"frame can not be read ({error})", venue=VENUE_ID, frame=frame
            ) from error
        except VenueDecodeError as error:
            if error.frame:
                raise
            raise VenueDecodeError(str(error), venue=VENUE_ID, frame=frame) from None

    def _decode_other(self, frame: bytes, ts_recv: int, n: int) -> int:
        """Decode what is not a plain combined frame of a hot channel."""
        head = _HEAD(frame)
        partial = False
        inner, stream = bytes(head.data), head.stream
        raw = inner or frame
        if inner:
            partial = stream.partition("@")[2].startswith(("depth5", "depth10", "depth20"))
            if not raw.startswith(b"{"):  # an array stream such as !ticker@arr
                self._count(stream)
                return n
            head = _HEAD(raw)
        if head.e:
            if head.e not in self._slow:
                self._count(head.e)
                return n
            read, fill = self._slow[head.e]
            return fill(read(raw), ts_recv, n, partial)
        if inner and stream.partition("@")[2][:3].encode() not in _LETTERS:
            self._count(stream)  # a stream whose payload has no event type
            return n
        if bytes(head.error) not in (b"", b"null"):
            head = _HEAD(head.error)
        if head.code is not None:
            raise VenueError(
                f"{VENUE_ID} answered with error {head.code}: {head.msg}",
                venue=VENUE_ID,
                code=head.code,
            )
        if head.id is not None:
            self.acks += 1
            return n
        raise VenueDecodeError("neither an event nor an answer", venue=VENUE_ID, frame=frame)

    def _count(self, event: str) -> None:
        self.unknown[event] = self.unknown.get(event, 0) + 1

    def _refuse(self, why: str) -> NoReturn:
        raise VenueDecodeError(why, venue=VENUE_ID)

    def _trade(self, m: wire.Trade, ts_recv: int, n: int, _partial: bool) -> int:  # noqa: FBT001
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

    def _agg_trade(self, m: wire.AggTrade, ts_recv: int, n: int, _partial: bool) -> int:  # noqa: FBT001
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

    def _book_ticker(self, m: wire.BookTicker, ts_recv: int, n: int, _partial: bool) -> int:  # noqa: FBT001
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

    def _depth(self, m: wire.Depth, ts_recv: int, n: int, partial: bool) -> int:  # noqa: FBT001
        inst = self._insts[m.s]
        if m.u < m.U:
            self._refuse(f"{m.s} depth: first update id {m.U} above the last, {m.u}")
        head = (m.T or m.E) * MS, ts_recv, inst
        ids = m.u, m.U, m.pu
        n = write_levels(self._out, n, m.b, m.a, head, ids, PARTIAL if partial else 0)
        self.inst, self.slot = inst, S_PARTIAL if partial else S_DEPTH
        return n

    def _kline(self, m: wire.Kline, ts_recv: int, n: int, _partial: bool) -> int:  # noqa: FBT001
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
