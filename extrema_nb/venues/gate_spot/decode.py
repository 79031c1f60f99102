"""Frames of Gate spot into rows; the rules stand in `extrema_nb.venues._gate.decode`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extrema_nb.events import ABSENT, EventKind, Side
from extrema_nb.instruments import InstrumentTable
from extrema_nb.pack import LAST, NAN, ROW, TRADE_ROW
from extrema_nb.venues._gate.decode import GateDecoder, Known
from extrema_nb.venues._gate.wire import BookTicker, Level, book_of, push_of
from extrema_nb.venues.gate_spot import wire
from extrema_nb.venues.gate_spot.instruments import VENUE_ID
from extrema_nb.venues.gate_spot.streams import SLOTS

__all__ = ["Decoder"]

MS = 1000  # µs
LONGEST = 13  # digits of a time in ms until the year 2286
TRADE = int(EventKind.TRADE)
SIDES = {"buy": int(Side.BUY), "sell": int(Side.SELL)}
S_TRADE, S_BBO, S_DEPTH, S_TOP, S_CANDLE = range(len(SLOTS))
_READ = {
    "spot.trades": push_of(wire.Trade),
    "spot.book_ticker": push_of(BookTicker),
    "spot.order_book_update": push_of(book_of(Level)),
    "spot.obu": push_of(book_of(Level)),
    "spot.order_book": push_of(wire.Snapshot),
    "spot.candlesticks": push_of(wire.Candle),
}


class Decoder(GateDecoder):
    """Frames into rows, for the instruments of one table."""

    def __init__(self, table: InstrumentTable) -> None:
        super().__init__(table, VENUE_ID)

    def channels(self) -> Mapping[str, Known]:
        """Return the channels of the market."""
        fill = {
            "spot.trades": self._trade,
            "spot.book_ticker": lambda p, ts, n: self._book_ticker(p, ts, n, S_BBO),
            "spot.order_book_update": self._update,
            "spot.obu": self._obu,
            "spot.order_book": self._snapshot,
            "spot.candlesticks": self._bar,
        }
        return {name: (_READ[name], fill[name]) for name in fill}

    def _trade(self, push: Any, ts_recv: int, n: int) -> int:
        m = push.result
        inst = self._insts[m.currency_pair]
        side = SIDES.get(m.side)
        if side is None:
            self._refuse(f"side is {m.side[:20]!r}, expected buy or sell")
        out = self._out
        if n >= out.size:
            out.room(n, 1)
        TRADE_ROW.pack_into(
            out.bytes, n * ROW, self._millis(m.create_time_ms) or self._when(0, push, ts_recv), ts_recv,
            inst, TRADE, side, LAST, m.price, m.amount, m.id, ABSENT, ABSENT,
        )  # fmt: skip
        self.inst, self.slot = inst, S_TRADE
        return n + 1

    def _millis(self, ms: str | float) -> int:
        """Return µs of a time in ms, cut behind the third decimal."""
        if not isinstance(ms, str):
            return int(ms * MS)
        whole, point, part = ms.partition(".")
        if not (
            ms.isascii()
            and whole.isdigit()
            and len(whole) <= LONGEST
            and part.isdigit() == bool(point)
        ):
            self._refuse(f"create_time_ms is {ms[:20]!r}, expected a time in ms")
        return int(whole) * MS + int(f"{part}000"[:3])

    def _update(self, push: Any, ts_recv: int, n: int) -> int:
        return self._changes(push, push.result.s, ts_recv, n, S_DEPTH)

    def _obu(self, push: Any, ts_recv: int, n: int) -> int:
        return self._changes(push, self._of(push.result.s), ts_recv, n, S_DEPTH)

    def _snapshot(self, push: Any, ts_recv: int, n: int) -> int:
        m = push.result
        return self._top(push, m.s, m.lastUpdateId, ts_recv, n, S_TOP)

    def _bar(self, push: Any, ts_recv: int, n: int) -> int:
        k = push.result
        return self._candle(k, NAN if k.a is None else k.a, ts_recv, n, S_CANDLE)
