"""What a capture has told of one symbol so far: full book, best prices, trades; read when asked.

Frames are kept as they are until somebody needs what is in them, so that a replay at full speed
does not parse what nobody asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from heapq import nlargest, nsmallest

import msgspec

from replay.local_venue import frames
from replay.local_venue.specs import SymbolSpec
from replay.local_venue.tape import Tape, Trade

__all__ = ["CapturedBook", "Snapshot"]

PENDING_MOST = 32 << 20  # bytes of frames kept unread
Pairs = list[tuple[float, float]]


class _Frame(msgspec.Struct):
    """The fields of trade and depthUpdate that are read here."""

    e: str
    E: int = 0
    T: int = 0
    u: int = 0
    t: int = 0
    p: float = 0.0
    q: float = 0.0
    m: bool = False
    b: Pairs = []
    a: Pairs = []


class _Ticker(msgspec.Struct):
    """The fields of bookTicker."""

    b: float
    B: float
    a: float
    A: float


class Snapshot(msgspec.Struct):
    """A REST snapshot that stands in the capture."""

    lastUpdateId: int  # noqa: N815  # the venue's name
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    E: int = 0
    T: int = 0


_decode = msgspec.json.Decoder(_Frame, strict=False).decode
_decode_ticker = msgspec.json.Decoder(_Ticker, strict=False).decode
_decode_snapshot = msgspec.json.Decoder(Snapshot).decode


class CapturedBook:
    """Book and tape of one symbol of a capture."""

    def __init__(self, spec: SymbolSpec) -> None:
        self.spec = spec
        self.tape = Tape(spec)
        self.seq = 0  # last update id; 0 before anything is known
        self.last_ms = 0  # venue time of the last frame read
        self.on_trade: Callable[[Trade], object] = self.tape.add
        self.on_levels: Callable[[list[tuple[int, int]]], object] = len  # (side, ticks) of changes
        self.pending: list[bytes] = []  # payloads not read yet
        self._pending_bytes = 0
        self._sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._ticker = b""  # the last one, not read yet
        self._best: tuple[int, int, int, int] | None = None
        self._times = (0, 0)
        self._per_tick = float(1 / spec.tick)
        self._per_lot = float(1 / spec.lot)

    def start_from(self, raw: bytes) -> None:
        """Take a snapshot as what was known before; later frames older than it are left out."""
        found = _decode_snapshot(raw)
        if found.lastUpdateId <= self.seq:
            return
        self.seq = found.lastUpdateId
        self._times = (found.E, found.T)
        for book, levels in zip(self._sides, (found.bids, found.asks), strict=True):
            book.clear()
            book.update((self._ticks(float(p)), self._lots(float(q))) for p, q in levels)

    def add(self, kind: str, raw: bytes) -> None:
        """Keep a frame of a stream such as ``depth@0ms`` to be read later."""
        if kind == "bookTicker":
            self._ticker = raw
            return
        self.pending.append(raw)
        self._pending_bytes += len(raw)
        if self._pending_bytes > PENDING_MOST:
            self.read()

    def read(self) -> None:
        """Read what is pending, and tell it."""
        pending, self.pending, self._pending_bytes = self.pending, [], 0
        for raw in pending:
            frame = _decode(raw)
            self.last_ms = frame.T
            if frame.e == "depthUpdate":
                self.on_levels(self._depth(frame))
            else:
                ticks, lots = self._ticks(frame.p), self._lots(frame.q)
                self.on_trade(Trade(frame.t, ticks, lots, frame.T, frame.m))

    def _depth(self, frame: _Frame) -> list[tuple[int, int]]:
        if frame.u < self.seq:
            return []
        self.seq = frame.u
        self._times = (frame.E, frame.T)
        changed = []
        for side, levels in ((0, frame.b), (1, frame.a)):
            book = self._sides[side]
            for price, qty in levels:
                ticks, lots = self._ticks(price), self._lots(qty)
                changed.append((side, ticks))
                if lots:
                    book[ticks] = lots
                else:
                    book.pop(ticks, None)
        return changed

    def _ticks(self, price: float) -> int:
        return round(price * self._per_tick)

    def _lots(self, qty: float) -> int:
        return round(qty * self._per_lot)

    def lots_at(self, side: int, ticks: int) -> int:
        """Return the lots at a price."""
        return self._sides[side].get(ticks, 0)

    def top(self, side: int, count: int) -> list[tuple[int, int]]:
        """Return the best `count` levels (ticks, lots) of side 0 bid or 1 ask, best first."""
        book = self._sides[side]
        best = nsmallest(count, book) if side else nlargest(count, book)
        return [(ticks, book[ticks]) for ticks in best]

    def best(self) -> tuple[int, int, int, int]:
        """Return best bid (ticks, lots) and ask (ticks, lots), of bookTicker where there is one."""
        if self._ticker:
            t, self._ticker = _decode_ticker(self._ticker), b""
            self._best = (self._ticks(t.b), self._lots(t.B), self._ticks(t.a), self._lots(t.A))
        if self._best is not None:
            return self._best
        self.read()
        bid, ask = self.top(0, 1) or [(0, 0)], self.top(1, 1) or [(0, 0)]
        return (*bid[0], *ask[0])

    def mark(self) -> Decimal:
        """Return the middle of the best prices, else the last price, else 0."""
        bid, bid_lots, ask, ask_lots = self.best()
        if bid_lots and ask_lots:
            return self.spec.tick * (bid + ask) / 2
        return self.tape.last_price()

    def mark_text(self) -> str:
        """Return the mark price as the venue writes it."""
        return format(self.mark(), ".8f")

    def answer(self, limit: int) -> bytes:
        """Return the book as a depth request shows it."""
        self.read()
        bids = frames.levels_text(self.spec, self.top(0, limit))
        asks = frames.levels_text(self.spec, self.top(1, limit))
        event, time = self._times
        return (
            f'{{"lastUpdateId":{self.seq},"E":{event},"T":{time},"bids":{bids},"asks":{asks}}}'
        ).encode()


def trimmed(raw: bytes, limit: int) -> bytes:
    """Return a captured snapshot with at most `limit` levels a side; as captured if that is all."""
    found = _decode_snapshot(raw)
    if limit >= max(len(found.bids), len(found.asks)):
        return raw
    found.bids, found.asks = found.bids[:limit], found.asks[:limit]
    return msgspec.json.encode(found)
