"""Frames of OKX public streams into rows.

Rules
-----
1. A frame is decoded whole or not at all: what is wrong raises before the first row is written
   that a caller would take.
2. Prices and quantities are the float64 nearest to the text that was sent; quantities of swaps
   and futures are contracts.
3. ``ts_event`` is the venue's ``ts`` in µs; of a candle its open time; of a funding rate without
   one the time of receipt.
4. A book message is one row a level, bids first; one without levels is one row with side 0.
   Its checksum travels in ``first_seq`` to the book (`checksum.carry`).
5. Each trade of a frame is a message of its own. A row of ``trades`` that stands for several
   matches is flagged AGGREGATE; its id is that of the last match.
6. The price of an index is told of every swap and future of the table that follows it; a feed
   lets pass those that were asked for (`MarketPipeline.only`).
7. Liquidations come for a whole market; those of instruments outside the table are passed over.
8. Fields that nobody asked for are ignored; fields that are known and wrong are refused.
9. A channel that is not known is ignored and counted in `unknown`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec

from extrema_nb.channels import INTERVALS
from extrema_nb.errors import VenueDecodeError, VenueError
from extrema_nb.events import ABSENT, EventArray, EventKind, Flag, Side, empty_events
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
    SNAPSHOT,
    TRADE_ROW,
    Out,
    write_levels,
)
from extrema_nb.venues._insts import Insts
from extrema_nb.venues.okx import wire
from extrema_nb.venues.okx.checksum import carry
from extrema_nb.venues.okx.instruments import VENUE_ID
from extrema_nb.venues.okx.streams import BARS, DERIVATIVES, SLOTS
from extrema_nb.venues.okx.symbols import family_of, type_of

__all__ = ["BAD", "Decoder", "pairs"]

MS = 1000  # µs
AGGREGATE = int(Flag.AGGREGATE | Flag.LAST)
CLOSED = int(Flag.CLOSED | Flag.LAST)
TRADE, BBO, CANDLE = int(EventKind.TRADE), int(EventKind.BBO), int(EventKind.CANDLE)
FUNDING, LIQUIDATION = int(EventKind.FUNDING), int(EventKind.LIQUIDATION)
SIDES = {"buy": int(Side.BUY), "sell": int(Side.SELL)}
(S_TRADE, S_AGG, S_BBO, S_DEPTH, S_PARTIAL, S_CANDLE, S_FUNDING, S_INTEREST, S_LIQUIDATION) = range(
    len(SLOTS)
)
# both forms of a bar, with "utc" and without, are candles of its length
BAR_CODE = {bar: INTERVALS.index(interval) for interval, bar in BARS.items()}
BAR_CODE |= {bar.removesuffix("utc"): code for bar, code in BAR_CODE.items()}
# what reading a bad frame may raise beneath us; RecursionError: JSON nested without end
BAD = (msgspec.DecodeError, UnicodeDecodeError, struct.error, RecursionError)
HEAD = b'{"arg":{"channel":"'

_Fill = Callable[[Any, int, int], int]  # push, ts_recv, n -> new n
_Read = Callable[[bytes], Any]


def _push(payload: Any) -> _Read:
    """Return a decoder of ``{"arg": …, "action": …, "data": [payload]}``."""
    fields: list[Any] = [("arg", wire.Arg), ("data", list[payload]), ("action", str, "")]
    push = msgspec.defstruct("Push", fields, gc=False)
    return msgspec.json.Decoder(push, strict=False).decode


_HEAD = msgspec.json.Decoder(wire.Head, strict=False).decode
_TRADES = _push(wire.Trade)
_BOOK = _push(wire.Book)
_CANDLES = _push(wire.Candle)


def pairs(levels: list[wire.Level]) -> list[tuple[float, float]]:
    """Return (price, quantity) of levels."""
    return [(level.p, level.q) for level in levels]


class Decoder:
    """Frames into rows, for the instruments of one table.

    Attributes
    ----------
    inst, slot : what the last frame was about (`streams.SLOTS`); -1 when it brought no rows
    unknown : channel or event -> frames ignored
    acks : subscribe acknowledgements and heartbeats seen
    """

    def __init__(self, table: InstrumentTable) -> None:
        self._table = table
        self._insts = Insts(table, VENUE_ID)
        self._families: dict[str, list[int]] = {}  # index -> who follows it
        self._counted = 0  # instruments of the table in `_families`
        self._out = Out(empty_events(1))
        self._now = 0
        self.inst = ABSENT
        self.slot = ABSENT
        self.unknown: dict[str, int] = {}
        self.acks = 0
        self._known: dict[bytes, tuple[_Read, _Fill]] = {
            b"trades": (_TRADES, self._trades),
            b"trades-all": (_TRADES, self._all_trades),
            b"bbo-tbt": (_push(wire.Bbo), self._bbo),
            b"books": (_BOOK, self._book),
            b"books-l2-tbt": (_BOOK, self._book),
            b"books50-l2-tbt": (_BOOK, self._book),
            b"books5": (_BOOK, self._top),
            b"funding-rate": (_push(wire.FundingRate), self._funding_rate),
            b"mark-price": (_push(wire.MarkPrice), self._mark_price),
            b"index-tickers": (_push(wire.Index), self._index),
            b"open-interest": (_push(wire.OpenInterest), self._open_interest),
            b"liquidation-orders": (_push(wire.Liquidation), self._liquidations),
        }
        for bar in BAR_CODE:
            self._known[b"candle" + bar.encode()] = (_CANDLES, self._candles)

    def decode(self, frame: bytes, ts_recv_us: int, out: EventArray, n: int) -> int:
        """Write the rows of `frame` from ``out[n]`` on and return the new `n`.

        Acknowledgements, heartbeats and unknown channels write nothing.

        Parameters
        ----------
        frame : one message
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
        known = None
        if frame.startswith(HEAD):
            known = self._known.get(frame[len(HEAD) : frame.find(b'"', len(HEAD), 60)])
        try:
            if known is None:
                known = self._look(frame)
                if known is None:
                    return n
            return known[1](known[0](frame), ts_recv_us, n)
        except VenueDecodeError as error:
            self.inst = self.slot = ABSENT
            if error.frame:
                raise
            raise VenueDecodeError(str(error), venue=VENUE_ID, frame=frame) from None
        except BAD as error:
            self.inst = self.slot = ABSENT
            raise VenueDecodeError(
                f"frame can not be read ({error})", venue=VENUE_ID, frame=frame
            ) from error

    def _look(self, frame: bytes) -> tuple[_Read, _Fill] | None:
        """Return how to read a frame of another form, or None when it holds no data."""
        if frame == b"pong":
            self.acks += 1
            return None
        head = _HEAD(frame)
        if head.event == "error":
            code = int(head.code) if head.code.isdigit() else 0
            raise VenueError(
                f"{VENUE_ID} answered with error {head.code}: {head.msg}", venue=VENUE_ID, code=code
            )
        if head.event in ("subscribe", "unsubscribe"):
            self.acks += 1
            return None
        if head.event:  # a notice of an upgrade, a count of connections
            self._count(head.event)
            return None
        if head.arg is None or not bytes(head.data):
            raise VenueDecodeError("neither a push nor an answer", venue=VENUE_ID, frame=frame)
        known = self._known.get(head.arg.channel.encode("utf-8", "replace"))
        if known is None:
            self._count(head.arg.channel)
        return known

    def _count(self, event: str) -> None:
        self.unknown[event] = self.unknown.get(event, 0) + 1

    def _refuse(self, why: str) -> NoReturn:
        raise VenueDecodeError(why, venue=VENUE_ID)

    def _side(self, word: str) -> int:
        side = SIDES.get(word)
        if side is None:
            self._refuse(f"side is {word[:20]!r}, expected buy or sell")
        return side

    def _number(self, text: str, what: str) -> float:
        """Return the number in a text that may be empty; NaN where it is."""
        if not text:
            return NAN
        try:
            number = float(text)
        except ValueError:
            number = NAN
        if not abs(number) < wire.MAX:  # NaN too
            self._refuse(f"{what} is {text[:20]!r}, expected a number")
        return number

    def _time(self, text: str, what: str) -> int:
        """Return µs of a text in ms, -1 where it is empty."""
        if not text:
            return ABSENT
        if not (text.isascii() and text.isdigit() and len(text) <= 15):
            self._refuse(f"{what} is {text[:20]!r}, expected a time in ms")
        return int(text) * MS

    def _trades(self, push: Any, ts_recv: int, n: int) -> int:
        return self._matches(push, ts_recv, n, S_AGG)

    def _all_trades(self, push: Any, ts_recv: int, n: int) -> int:
        return self._matches(push, ts_recv, n, S_TRADE)

    def _matches(self, push: Any, ts_recv: int, n: int, slot: int) -> int:
        inst = self._insts[push.arg.instId]
        out = self._out
        out.room(n, len(push.data))
        for m in push.data:
            several = m.count > 1
            TRADE_ROW.pack_into(
                out.bytes, n * ROW, m.ts * MS, ts_recv, inst, TRADE, self._side(m.side),
                AGGREGATE if several else LAST, m.px, m.sz, m.tradeId, ABSENT,
                m.tradeId if several else ABSENT,
            )  # fmt: skip
            n += 1
        self.inst, self.slot = inst, slot
        return n

    def _bbo(self, push: Any, ts_recv: int, n: int) -> int:
        inst = self._insts[push.arg.instId]
        out = self._out
        out.room(n, len(push.data))
        for m in push.data:
            bid, ask = m.bids[0] if m.bids else None, m.asks[0] if m.asks else None
            BBO_ROW.pack_into(
                out.bytes, n * ROW, m.ts * MS, ts_recv, inst, BBO, 0, LAST,
                bid.p if bid else NAN, bid.q if bid else 0.0,
                ask.p if ask else NAN, ask.q if ask else 0.0, m.seqId,
            )  # fmt: skip
            n += 1
        self.inst, self.slot = inst, S_BBO
        return n

    def _book(self, push: Any, ts_recv: int, n: int) -> int:
        if push.action not in ("snapshot", "update"):
            self._refuse(f"action is {push.action[:20]!r}, expected snapshot or update")
        flags = SNAPSHOT if push.action == "snapshot" else 0
        return self._levels(push, ts_recv, n, flags, S_DEPTH)

    def _top(self, push: Any, ts_recv: int, n: int) -> int:
        return self._levels(push, ts_recv, n, PARTIAL, S_PARTIAL)

    def _levels(self, push: Any, ts_recv: int, n: int, flags: int, slot: int) -> int:
        if len(push.data) != 1:  # never seen; a book that takes one message could not take two
            self._refuse(f"{len(push.data)} books in a frame, expected one")
        inst = self._insts[push.arg.instId]
        m = push.data[0]
        head = m.ts * MS, ts_recv, inst
        ids = m.seqId, carry(m.checksum) if slot == S_DEPTH else ABSENT, m.prevSeqId
        n = write_levels(self._out, n, pairs(m.bids), pairs(m.asks), head, ids, flags)
        self.inst, self.slot = inst, slot
        return n

    def _candles(self, push: Any, ts_recv: int, n: int) -> int:
        inst = self._insts[push.arg.instId]
        code = BAR_CODE[push.arg.channel.removeprefix("candle")]
        out = self._out
        out.room(n, len(push.data))
        for k in push.data:
            CANDLE_ROW.pack_into(
                out.bytes, n * ROW, k.ts * MS, ts_recv, inst, CANDLE, code,
                CLOSED if k.confirm else LAST, k.o, k.h, k.l, k.c, k.vol,
            )  # fmt: skip
            n += 1
        self.inst, self.slot = inst, S_CANDLE
        return n

    def _fund(
        self, inst: int, ts: int, ts_recv: int, n: int, *,
        rate: float = NAN, mark: float = NAN, index: float = NAN, interest: float = NAN,
        next_ts: int = ABSENT, slot: int = S_FUNDING,
    ) -> int:  # fmt: skip
        out = self._out
        out.room(n, 1)
        FUNDING_ROW.pack_into(
            out.bytes, n * ROW, ts, ts_recv, inst, FUNDING, 0, LAST,
            rate, mark, index, interest, next_ts,
        )  # fmt: skip
        self.inst, self.slot = inst, slot
        return n + 1

    def _funding_rate(self, push: Any, ts_recv: int, n: int) -> int:
        for m in push.data:
            rate = self._number(m.fundingRate, "fundingRate")
            due = self._time(m.fundingTime, "fundingTime")
            ts = self._time(m.ts, "ts")
            inst = self._insts[m.instId]
            n = self._fund(inst, ts if ts >= 0 else ts_recv, ts_recv, n, rate=rate, next_ts=due)
        return n

    def _mark_price(self, push: Any, ts_recv: int, n: int) -> int:
        for m in push.data:
            n = self._fund(self._insts[m.instId], m.ts * MS, ts_recv, n, mark=m.markPx)
        return n

    def _index(self, push: Any, ts_recv: int, n: int) -> int:
        if len(self._table) > self._counted:
            for inst in range(self._counted, len(self._table)):
                row = self._table[inst]
                if row.venue == VENUE_ID and type_of(row.symbol) in DERIVATIVES:
                    self._families.setdefault(family_of(row.symbol), []).append(inst)
            self._counted = len(self._table)
        for m in push.data:
            followers = self._families.get(m.instId)
            if followers is None:
                self._count("index-tickers")
                continue
            for inst in followers:
                n = self._fund(inst, m.ts * MS, ts_recv, n, index=m.idxPx)
        return n

    def _open_interest(self, push: Any, ts_recv: int, n: int) -> int:
        for m in push.data:
            inst = self._insts[m.instId]
            n = self._fund(inst, m.ts * MS, ts_recv, n, interest=m.oi, slot=S_INTEREST)
        return n

    def _liquidations(self, push: Any, ts_recv: int, n: int) -> int:
        out = self._out
        for market in push.data:
            inst = self._insts.find(market.instId)
            if inst < 0:
                continue
            for m in market.details:
                out.room(n, 1)
                LIQUIDATION_ROW.pack_into(
                    out.bytes, n * ROW, m.ts * MS, ts_recv, inst, LIQUIDATION, self._side(m.side),
                    LAST, self._number(m.bkPx, "bkPx"), m.sz, ABSENT, NAN, NAN,
                )  # fmt: skip
                n += 1
                self.inst, self.slot = inst, S_LIQUIDATION
        return n
