"""Frames of Gate futures into rows; the rules stand in `extrema_nb.venues._gate.decode`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extrema_nb.events import ABSENT, EventKind, Flag, Side
from extrema_nb.instruments import InstrumentTable
from extrema_nb.pack import FUNDING_ROW, LAST, LIQUIDATION_ROW, NAN, ROW, TRADE_ROW, write_levels
from extrema_nb.venues._gate.decode import GateDecoder, Known
from extrema_nb.venues._gate.wire import BookTicker, Level, LevelObject, book_of, push_of
from extrema_nb.venues.gate_futures import wire
from extrema_nb.venues.gate_futures.instruments import VENUE_ID
from extrema_nb.venues.gate_futures.streams import SLOTS

__all__ = ["Decoder"]

SECOND, MS = 1_000_000, 1000  # µs
TRADE, FUNDING = int(EventKind.TRADE), int(EventKind.FUNDING)
LIQUIDATION = int(EventKind.LIQUIDATION)
OFF_BOOK = int(Flag.OFF_BOOK | Flag.LAST)
BUY, SELL = int(Side.BUY), int(Side.SELL)
S_TRADE, S_BBO, S_DEPTH, S_TOP, S_CANDLE, S_TICKER, S_LIQUIDATION = range(len(SLOTS))
_READ = {
    "futures.trades": push_of(list[wire.Trade]),
    "futures.book_ticker": push_of(BookTicker),
    "futures.order_book_update": push_of(book_of(LevelObject)),
    "futures.obu": push_of(book_of(Level)),
    "futures.order_book": push_of(wire.Snapshot | list[wire.Change]),
    "futures.candlesticks": push_of(list[wire.Candle]),
    "futures.tickers": push_of(list[wire.Ticker] | wire.Ticker),
    "futures.public_liquidates": push_of(list[wire.Liquidation]),
}


def _micros(ms: float, seconds: float) -> int:
    """Return µs of a time in ms, or of one in s where that is absent."""
    return int(ms * MS) or int(seconds * SECOND)


class Decoder(GateDecoder):
    """Frames into rows, for the instruments of one table."""

    def __init__(self, table: InstrumentTable) -> None:
        super().__init__(table, VENUE_ID)

    def channels(self) -> Mapping[str, Known]:
        """Return the channels of the market."""
        fill = {
            "futures.trades": self._trades,
            "futures.book_ticker": lambda p, ts, n: self._book_ticker(p, ts, n, S_BBO),
            "futures.order_book_update": self._update,
            "futures.obu": self._obu,
            "futures.order_book": self._snapshot,
            "futures.candlesticks": self._bars,
            "futures.tickers": self._tickers,
            "futures.public_liquidates": self._liquidations,
        }
        return {name: (_READ[name], fill[name]) for name in fill}

    def _trades(self, push: Any, ts_recv: int, n: int) -> int:
        out = self._out
        out.room(n, len(push.result))
        for m in push.result:
            inst = self._insts[m.contract]
            TRADE_ROW.pack_into(
                out.bytes, n * ROW, _micros(m.create_time_ms, m.create_time), ts_recv, inst, TRADE,
                SELL if m.size < 0 else BUY, OFF_BOOK if m.is_internal else LAST,
                m.price, abs(m.size), m.id, ABSENT, ABSENT,
            )  # fmt: skip
            self.inst, self.slot = inst, S_TRADE
            n += 1
        return n

    def _update(self, push: Any, ts_recv: int, n: int) -> int:
        return self._changes(push, push.result.s, ts_recv, n, S_DEPTH)

    def _obu(self, push: Any, ts_recv: int, n: int) -> int:
        return self._changes(push, self._of(push.result.s), ts_recv, n, S_DEPTH)

    def _snapshot(self, push: Any, ts_recv: int, n: int) -> int:
        m = push.result
        if isinstance(m, list):
            return self._old_changes(push, ts_recv, n)
        return self._top(push, m.contract, m.id, ts_recv, n, S_TOP)

    def _old_changes(self, push: Any, ts_recv: int, n: int) -> int:
        """Write changes of the channel of best levels, as they came until 2020."""
        changes = push.result
        if not changes:
            return n
        if len({m.c for m in changes}) != 1:
            self._refuse("changes of several contracts in a message")
        bids = [(m.p, m.s) for m in changes if m.s >= 0]
        asks = [(m.p, -m.s) for m in changes if m.s <= 0]
        inst = self._insts[changes[0].c]
        head = self._when(0, push, ts_recv), ts_recv, inst
        n = write_levels(self._out, n, bids, asks, head, (changes[-1].id, ABSENT, ABSENT), 0)
        self.inst, self.slot = inst, S_TOP
        return n

    def _bars(self, push: Any, ts_recv: int, n: int) -> int:
        for k in push.result:
            n = self._candle(k, k.v, ts_recv, n, S_CANDLE)
        return n

    def _tickers(self, push: Any, ts_recv: int, n: int) -> int:
        tickers = push.result if isinstance(push.result, list) else [push.result]
        out = self._out
        out.room(n, len(tickers))
        ts = self._when(0, push, ts_recv)
        for m in tickers:
            inst = self._insts[m.contract]
            FUNDING_ROW.pack_into(
                out.bytes, n * ROW, ts, ts_recv, inst, FUNDING, 0, LAST,
                self._number(m.funding_rate, "funding_rate"),
                self._price(m.mark_price, "mark_price"),
                self._price(m.index_price, "index_price"),
                self._number(m.total_size, "total_size"), ABSENT,
            )  # fmt: skip
            self.inst, self.slot = inst, S_TICKER
            n += 1
        return n

    def _liquidations(self, push: Any, ts_recv: int, n: int) -> int:
        out = self._out
        out.room(n, len(push.result))
        for m in push.result:
            inst = self._insts[m.contract]
            LIQUIDATION_ROW.pack_into(
                out.bytes, n * ROW, _micros(m.time_ms, m.time), ts_recv, inst, LIQUIDATION,
                SELL if m.size < 0 else BUY, LAST, m.price, abs(m.size), ABSENT, NAN, NAN,
            )  # fmt: skip
            self.inst, self.slot = inst, S_LIQUIDATION
            n += 1
        return n
