"""Frames of Hyperliquid public streams into rows.

Rules
-----
1. A frame is decoded whole or not at all.
2. Prices and quantities are the float64 nearest to the text that was sent.
3. ``ts_event`` is the venue's ``time`` in µs; of a candle its open time; of funding, which has no
   time, the time of receipt.
4. Every book message is a snapshot: its first row is START, and what it does not hold is gone.
   The first push of trades repeats recent ones; nothing in it says so.
5. Fields that nobody asked for are ignored; fields that are known and wrong are refused.
6. A channel that is not known is ignored and counted in `unknown`.
7. No message says when funding is paid. It is every full hour, for builder-deployed markets too
   (https://hyperliquid.gitbook.io/hyperliquid-docs/trading/funding), so ``next_ts`` is the next
   one after receipt. A captured history shows eight hours in the venue's first weeks (May 2023).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import msgspec

from extrema_nb.channels import INTERVALS
from extrema_nb.errors import VenueDecodeError, VenueError
from extrema_nb.events import ABSENT, EventArray, EventKind, Side, empty_events
from extrema_nb.instruments import InstrumentTable
from extrema_nb.pack import (
    BBO_ROW,
    FUNDING_ROW,
    LAST,
    NAN,
    ROW,
    SNAPSHOT,
    TRADE_ROW,
    Out,
    write_levels,
)
from extrema_nb.venues._insts import Insts
from extrema_nb.venues._stream.candles import Growing
from extrema_nb.venues._stream.funding import next_hour
from extrema_nb.venues.hyperliquid import wire
from extrema_nb.venues.hyperliquid.instruments import VENUE_ID
from extrema_nb.venues.hyperliquid.streams import SLOTS

__all__ = ["BAD", "MS", "Decoder", "write_book"]

MS = 1000  # µs
TRADE, BBO = int(EventKind.TRADE), int(EventKind.BBO)
FUNDING = int(EventKind.FUNDING)
BUY, SELL = int(Side.BUY), int(Side.SELL)
INTERVAL_CODE = {name: code for code, name in enumerate(INTERVALS)}
S_TRADES, S_BBO, S_BOOK, S_CANDLE, S_CTX = range(len(SLOTS))
BAD = (msgspec.DecodeError, UnicodeDecodeError, struct.error, RecursionError)
PREFIX = b'{"channel":"'

_Read = Callable[[Any], Any]
_Fill = Callable[[Any, int, int], int]  # payload, ts_recv, n -> new n
_HEAD = msgspec.json.Decoder(wire.Head).decode
_ACKS = frozenset({"subscriptionResponse", "pong"})


def _payload(kind: Any) -> _Read:
    """Return a decoder of ``{"channel": …, "data": kind}``."""
    envelope = msgspec.defstruct("Envelope", [("data", kind)], gc=False)
    return msgspec.json.Decoder(envelope, strict=False).decode


def write_book(out: Out, n: int, m: wire.Book, ts_recv: int, inst: int) -> int:
    """Write a whole book, START first, and return the new `n`."""
    bids = [(level.px, level.sz) for level in m.levels[0]]
    asks = [(level.px, level.sz) for level in m.levels[1]]
    head = m.time * MS, ts_recv, inst
    return write_levels(out, n, bids, asks, head, (ABSENT, ABSENT, ABSENT), SNAPSHOT)


class Decoder:
    """Frames into rows, for the instruments of one table.

    Attributes
    ----------
    inst, slot : what the last frame was about (`streams.SLOTS`); -1 when it brought no rows
    unknown : channel -> frames ignored
    acks : subscription answers and pongs seen
    """

    def __init__(self, table: InstrumentTable) -> None:
        self._insts = Insts(table, VENUE_ID)
        self._out = Out(empty_events(1))
        self.inst = ABSENT
        self.slot = ABSENT
        self.unknown: dict[str, int] = {}
        self.acks = 0
        self._growing = Growing()
        self._channels: dict[str, tuple[_Read, _Fill]] = {
            "trades": (_payload(list[wire.Trade]), self._trades),
            "bbo": (_payload(wire.Bbo), self._bbo),
            "l2Book": (_payload(wire.Book), self._book),
            "candle": (_payload(wire.Candle | list[wire.Candle]), self._candle),
            "activeAssetCtx": (_payload(wire.CoinCtx), self._ctx),
        }
        self._fast = {name.encode(): known for name, known in self._channels.items()}

    def decode(self, frame: bytes, ts_recv_us: int, out: EventArray, n: int) -> int:
        """Write the rows of `frame` from ``out[n]`` on and return the new `n`.

        Raises
        ------
        VenueDecodeError
            the frame is cut, garbled, has a wrong field or an unknown coin
        VenueError
            the frame is the venue's error message
        DataError
            `out` is too small
        """
        if out is not self._out.rows:
            self._out = Out(out)
        self.inst = self.slot = ABSENT
        try:
            if frame.startswith(PREFIX):
                known = self._fast.get(frame[len(PREFIX) : frame.find(b'"', len(PREFIX))])
                if known is not None:
                    return known[1](known[0](frame).data, ts_recv_us, n)
            head = _HEAD(frame)
            channel = self._channels.get(head.channel)
            if channel is not None:
                return channel[1](channel[0](frame).data, ts_recv_us, n)
        except VenueDecodeError as error:
            raise VenueDecodeError(str(error), venue=VENUE_ID, frame=frame) from error
        except BAD as error:
            raise VenueDecodeError(
                f"frame can not be read ({error})", venue=VENUE_ID, frame=frame
            ) from error
        if head.channel in _ACKS:
            self.acks += 1
        elif head.channel == "error":
            said = bytes(head.data).decode("utf-8", "replace")[:200]
            raise VenueError(f"{VENUE_ID} answered with an error: {said}", venue=VENUE_ID)
        else:
            self.unknown[head.channel] = self.unknown.get(head.channel, 0) + 1
        return n

    def _trades(self, trades: list[wire.Trade], ts_recv: int, n: int) -> int:
        insts = [self._insts[m.coin] for m in trades]
        out = self._out
        out.room(n, len(trades))
        for inst, m in zip(insts, trades, strict=True):
            TRADE_ROW.pack_into(
                out.bytes, n * ROW, m.time * MS, ts_recv, inst, TRADE,
                BUY if m.side == "B" else SELL, LAST, m.px, m.sz, m.tid, ABSENT, ABSENT,
            )  # fmt: skip
            n += 1
        if insts:
            self.inst, self.slot = insts[-1], S_TRADES
        return n

    def _bbo(self, m: wire.Bbo, ts_recv: int, n: int) -> int:
        inst = self._insts[m.coin]
        out = self._out
        out.room(n, 1)
        bid, ask = (*m.bbo, None, None)[:2]
        BBO_ROW.pack_into(
            out.bytes, n * ROW, m.time * MS, ts_recv, inst, BBO, 0, LAST,
            bid.px if bid else NAN, bid.sz if bid else 0.0,
            ask.px if ask else NAN, ask.sz if ask else 0.0, ABSENT,
        )  # fmt: skip
        self.inst, self.slot = inst, S_BBO
        return n + 1

    def _book(self, m: wire.Book, ts_recv: int, n: int) -> int:
        inst = self._insts[m.coin]
        n = write_book(self._out, n, m, ts_recv, inst)
        self.inst, self.slot = inst, S_BOOK
        return n

    def _candle(self, m: wire.Candle | list[wire.Candle], ts_recv: int, n: int) -> int:
        candles = m if isinstance(m, list) else [m]
        if not candles:
            return n
        first = candles[0]
        code = INTERVAL_CODE.get(first.i)
        if code is None or any((k.s, k.i) != (first.s, first.i) for k in candles):
            raise VenueDecodeError(
                f"candles of {first.s[:20]!r}: unknown interval {first.i[:20]!r}, or several coins",
                venue=VENUE_ID,
            )
        inst = self._insts[first.s]
        words = [(k.t * MS, k.o, k.h, k.l, k.c, k.v) for k in candles]
        n = self._growing.write(self._out, n, inst, code, ts_recv, words)
        self.inst, self.slot = inst, S_CANDLE
        return n

    def _ctx(self, m: wire.CoinCtx, ts_recv: int, n: int) -> int:
        inst = self._insts[m.coin]
        out, ctx = self._out, m.ctx
        if ctx.funding is None and ctx.mark_px is None and ctx.open_interest is None:
            raise VenueDecodeError(f"the state of {m.coin[:20]!r} says nothing", venue=VENUE_ID)
        out.room(n, 1)
        FUNDING_ROW.pack_into(
            out.bytes, n * ROW, ts_recv, ts_recv, inst, FUNDING, 0, LAST,
            NAN if ctx.funding is None else ctx.funding, ctx.mark_px or NAN, ctx.oracle_px or NAN,
            NAN if ctx.open_interest is None else ctx.open_interest, next_hour(ts_recv),
        )  # fmt: skip
        self.inst, self.slot = inst, S_CTX
        return n + 1
