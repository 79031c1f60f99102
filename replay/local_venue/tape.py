"""What was traded lately: trades, aggregates, last price and candles of one symbol."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import Any, NamedTuple

from replay.local_venue.specs import INTERVALS, SymbolSpec

__all__ = ["INTERVAL_MS", "Candle", "Tape", "Trade"]

_UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "M": 2_592_000_000}
INTERVAL_MS = {name: int(name[:-1]) * _UNITS[name[-1]] for name in INTERVALS}
MONDAY = 4 * 86_400_000  # the first Monday of the epoch opens the first week
KEPT_TRADES = 10_000
KEPT_CANDLES = 1_500


class Trade(NamedTuple):
    """One match."""

    trade_id: int
    ticks: int
    lots: int
    time: int  # ms
    sell: bool  # the taker sold, so the buyer was the maker


class Candle:
    """Open, high, low, close, volume of an interval; ticks and lots."""

    __slots__ = (
        "close",
        "count",
        "first",
        "high",
        "last",
        "lots",
        "low",
        "open",
        "quote",
        "start",
        "taker_lots",
        "taker_quote",
    )  # fmt: skip

    def __init__(self, start: int, trade: Trade) -> None:
        self.start = start  # ms
        self.open = self.high = self.low = self.close = trade.ticks
        self.first = trade.trade_id
        self.lots = self.count = self.taker_lots = 0
        self.last = 0
        self.quote = self.taker_quote = 0  # ticks x lots
        self.add(trade)

    def add(self, trade: Trade) -> None:
        """Take one more trade."""
        self.high = max(self.high, trade.ticks)
        self.low = min(self.low, trade.ticks)
        self.close = trade.ticks
        self.last = trade.trade_id
        self.count += 1
        self.lots += trade.lots
        self.quote += trade.ticks * trade.lots
        if not trade.sell:
            self.taker_lots += trade.lots
            self.taker_quote += trade.ticks * trade.lots


class Tape:
    """The last trades and the candles of the intervals that somebody asked for."""

    def __init__(self, spec: SymbolSpec) -> None:
        self.spec = spec
        self.trades: deque[Trade] = deque(maxlen=KEPT_TRADES)
        self.last_ticks = 0
        self._minutes: deque[Candle] = deque(maxlen=KEPT_CANDLES)

    def add(self, trade: Trade) -> Candle | None:
        """Take a trade; return the minute that it closed, if any."""
        self.trades.append(trade)
        self.last_ticks = trade.ticks
        start = trade.time - trade.time % 60_000
        if self._minutes and self._minutes[-1].start >= start:
            self._minutes[-1].add(trade)
            return None
        closed = self._minutes[-1] if self._minutes else None
        self._minutes.append(Candle(start, trade))
        return closed

    def last_price(self) -> Decimal:
        """Return the price of the last trade, 0 before the first."""
        return self.spec.price(self.last_ticks)

    def candles(self, interval: str, since: int = 0) -> list[Candle]:
        """Return the candles that open at or after `since`, oldest first, made of minutes."""
        step = INTERVAL_MS[interval]
        offset = MONDAY if interval == "1w" else 0
        found: list[Candle] = []
        for minute in self._minutes:
            start = minute.start - (minute.start - offset) % step
            if start < since:
                continue
            if found and found[-1].start == start:
                _merge(found[-1], minute)
            else:
                found.append(_copy(minute, start))
        return found

    def row(self, candle: Candle, interval: str) -> list[Any]:
        """Return a candle as the klines endpoint writes it."""
        spec = self.spec
        return [
            candle.start, spec.price_text(candle.open), spec.price_text(candle.high),
            spec.price_text(candle.low), spec.price_text(candle.close),
            spec.qty_text(candle.lots), candle.start + INTERVAL_MS[interval] - 1,
            self.value_text(candle.quote), candle.count, spec.qty_text(candle.taker_lots),
            self.value_text(candle.taker_quote), "0",
        ]  # fmt: skip

    def value_text(self, value: int) -> str:
        """Return ticks x lots as quote units."""
        return format(self.spec.tick * self.spec.lot * value, ".5f")


def _copy(minute: Candle, start: int) -> Candle:
    made = object.__new__(Candle)
    for name in Candle.__slots__:
        setattr(made, name, getattr(minute, name))
    made.start = start
    return made


def _merge(into: Candle, minute: Candle) -> None:
    into.high = max(into.high, minute.high)
    into.low = min(into.low, minute.low)
    into.close, into.last = minute.close, minute.last
    for name in ("lots", "count", "quote", "taker_lots", "taker_quote"):
        setattr(into, name, getattr(into, name) + getattr(minute, name))
