"""Frames of Gate's public streams into rows: what its markets share.

Rules
-----
1. A frame is decoded whole or not at all: what is wrong raises before the first row is written
   that a caller would take.
2. Prices and quantities are the float64 nearest to the text or number that was sent; quantities
   of contracts are contracts.
3. ``ts_event`` is the venue's time of the change in µs; of a candle its open time. Where a message
   has none it is that of the frame, and else the time of receipt.
4. A book message is one row a level, bids first; one without levels is one row with side 0.
   ``first_seq`` is U, ``seq`` is u; each message begins one above the end of the last.
   A message flagged ``full`` is a snapshot.
5. Each trade of a frame is a message of its own.
6. Fields that nobody asked for are ignored; fields that are known and wrong are refused.
7. A channel that is not known is ignored and counted in `unknown`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import msgspec

from extrema_nb.channels import INTERVALS
from extrema_nb.errors import VenueDecodeError, VenueError
from extrema_nb.events import ABSENT, EventArray, EventKind, Flag, empty_events
from extrema_nb.instruments import InstrumentTable
from extrema_nb.pack import (
    BBO_ROW,
    CANDLE_ROW,
    LAST,
    NAN,
    PARTIAL,
    ROW,
    SNAPSHOT,
    Out,
    write_levels,
)
from extrema_nb.venues._gate import wire
from extrema_nb.venues._insts import Insts

__all__ = ["BAD", "WORDS", "GateDecoder", "Known", "pairs"]

MS = 1000  # µs
SECOND = 1_000_000  # µs
CLOSED = int(Flag.CLOSED | Flag.LAST)
BBO, CANDLE = int(EventKind.BBO), int(EventKind.CANDLE)
# what reading a bad frame may raise beneath us; RecursionError: JSON nested without end
BAD = (msgspec.DecodeError, UnicodeDecodeError, struct.error, RecursionError)
WORDS = {"7d": "1w"}  # the venue's word of an interval where it is not ours
CHANNEL = b'"channel":"'
DATA = (b'"event":"update"', b'"event":"all"')

Known = tuple[Callable[[bytes], Any], Callable[[Any, int, int], int]]
"""How to read a channel's frame, and how to write its rows (push, ts_recv, n -> new n)."""


def pairs(levels: Any) -> list[tuple[float, float]]:
    """Return (price, quantity) of levels."""
    return [(level.p, level.s) for level in levels or ()]


class GateDecoder:
    """Frames into rows, for the instruments of one table.

    A market derives from it, and names its channels in `channels`.

    Attributes
    ----------
    inst, slot : what the last frame was about; -1 when it brought no rows
    unknown : channel or event -> frames ignored
    acks : subscribe acknowledgements and heartbeats seen
    """

    def __init__(self, table: InstrumentTable, venue: str) -> None:
        self._venue = venue
        self._insts = Insts(table, venue)
        self._out = Out(empty_events(1))
        self.inst = ABSENT
        self.slot = ABSENT
        self.unknown: dict[str, int] = {}
        self.acks = 0
        self._known: dict[str, Known] = dict(self.channels())
        self._quick = {name.encode(): known for name, known in self._known.items()}

    def channels(self) -> Mapping[str, Known]:
        """Return the channels of the market."""
        raise NotImplementedError

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
        at = frame.find(CHANNEL, 0, 200)
        if at > 0 and (DATA[0] in frame or DATA[1] in frame):
            at += len(CHANNEL)
            known = self._quick.get(frame[at : frame.find(b'"', at, at + 40)])
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
            raise VenueDecodeError(str(error), venue=self._venue, frame=frame) from None
        except BAD as error:
            self.inst = self.slot = ABSENT
            raise VenueDecodeError(
                f"frame can not be read ({error})", venue=self._venue, frame=frame
            ) from error

    def _look(self, frame: bytes) -> Known | None:
        """Return how to read a frame of another form, or None when it holds no data."""
        head = _HEAD(frame)
        if not head.channel:
            raise VenueDecodeError("a frame without a channel", venue=self._venue, frame=frame)
        if head.error is not None:
            raise VenueError(
                f"{self._venue} answered {head.channel} with error {head.error.code}: "
                f"{head.error.message}",
                venue=self._venue,
                code=head.error.code,
            )
        if head.event in ("subscribe", "unsubscribe") or head.channel.endswith(".pong"):
            self.acks += 1
            return None
        known = self._known.get(head.channel) if head.event in ("update", "all") else None
        if known is None:
            what = head.channel if head.event in ("update", "all", "") else head.event
            self.unknown[what] = self.unknown.get(what, 0) + 1
        return known

    def _refuse(self, why: str) -> NoReturn:
        raise VenueDecodeError(why, venue=self._venue)

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

    def _price(self, text: str, what: str) -> float:
        """Return a price that may be absent as "" or "0"; NaN where it is."""
        number = self._number(text, what)
        if number < 0:
            self._refuse(f"{what} is {text[:20]!r}, expected a price")
        return number or NAN

    def _when(self, ms: int, push: Any, ts_recv: int) -> int:
        """Return the time of a message in µs; see rule 3."""
        return (ms or push.time_ms or push.time * MS) * MS or ts_recv

    def _book_ticker(self, push: Any, ts_recv: int, n: int, slot: int) -> int:
        m = push.result
        inst = self._insts[m.s]
        bid, ask = self._price(m.b, "b"), self._price(m.a, "a")
        out = self._out
        if n >= out.size:
            out.room(n, 1)
        BBO_ROW.pack_into(
            out.bytes, n * ROW, self._when(m.t, push, ts_recv), ts_recv, inst, BBO, 0, LAST,
            bid, m.B if bid == bid else 0.0, ask, m.A if ask == ask else 0.0, m.u,  # noqa: PLR0124
        )  # fmt: skip
        self.inst, self.slot = inst, slot
        return n + 1

    def _changes(self, push: Any, symbol: str, ts_recv: int, n: int, slot: int) -> int:
        """Write a book message: changes, or the whole book where it says so."""
        m = push.result
        inst = self._insts[symbol]
        head = self._when(m.t, push, ts_recv), ts_recv, inst
        if m.full:
            ids, flags = (m.u, m.U, ABSENT), SNAPSHOT
        else:
            if not 0 <= m.U <= m.u:
                self._refuse(f"{symbol} book: first update {m.U}, last {m.u}")
            ids, flags = (m.u, m.U, ABSENT), 0
        n = write_levels(self._out, n, pairs(m.b), pairs(m.a), head, ids, flags)
        self.inst, self.slot = inst, slot
        return n

    def _of(self, stream: str) -> str:
        """Return the symbol in the name of a book stream, ``ob.SYMBOL.DEPTH``."""
        return stream.partition(".")[2].rpartition(".")[0]

    def _top(self, push: Any, symbol: str, seq: int, ts_recv: int, n: int, slot: int) -> int:
        """Write the best levels of a book."""
        m = push.result
        inst = self._insts[symbol]
        head = self._when(m.t, push, ts_recv), ts_recv, inst
        ids = seq, ABSENT, ABSENT
        n = write_levels(self._out, n, pairs(m.bids), pairs(m.asks), head, ids, PARTIAL)
        self.inst, self.slot = inst, slot
        return n

    def _candle(self, k: Any, volume: float, ts_recv: int, n: int, slot: int) -> int:
        """Write a candle whose name is ``1m_BTC_USDT``."""
        word, _, symbol = k.n.partition("_")
        interval = WORDS.get(word, word)
        if interval not in INTERVALS:
            self._refuse(f"{symbol} candle: unknown interval {word!r}")
        inst = self._insts[symbol]
        out = self._out
        out.room(n, 1)
        CANDLE_ROW.pack_into(
            out.bytes, n * ROW, k.t * SECOND, ts_recv, inst, CANDLE, INTERVALS.index(interval),
            CLOSED if k.w else LAST, k.o, k.h, k.l, k.c, volume,
        )  # fmt: skip
        self.inst, self.slot = inst, slot
        return n + 1


_HEAD = msgspec.json.Decoder(wire.Head, strict=False).decode
