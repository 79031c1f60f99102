"""Streams that follow from others: aggregates, candles, slower and partial depth, mark price.

One `Derived` a symbol. A feed tells it of trades and changed levels as they happen and calls `tick`
with the time of its market; only streams that somebody hears cost anything but bookkeeping.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from replay.local_venue import frames
from replay.local_venue.hub import Hub
from replay.local_venue.port import Terms
from replay.local_venue.specs import SymbolSpec
from replay.local_venue.streams import StreamName, parse_stream
from replay.local_venue.tape import INTERVAL_MS, Tape, Trade

__all__ = ["Derived", "Levels"]

KLINE_EVERY = 250  # ms
AGG_EVERY = 100  # ms, how long matches of a taker are collected


class Levels(Protocol):
    """A book that can be asked for levels."""

    def top(self, side: int, count: int) -> list[tuple[int, int]]:
        """Return the best `count` levels (ticks, lots) of side 0 bid or 1 ask, best first."""
        ...

    def lots_at(self, side: int, ticks: int) -> int:
        """Return the lots at a price."""
        ...


class Derived:
    """Derived streams of one symbol."""

    def __init__(
        self,
        spec: SymbolSpec,
        tape: Tape,
        levels: Levels,
        *,
        native: frozenset[str] = frozenset(),
        mark: Callable[[], str] = lambda: "0",
        funding: Terms | None = None,
        step: int = 1,
    ) -> None:
        self.spec = spec
        self.tape = tape
        self.seq = 0  # last update id of the book
        self._levels = levels
        self._native = native  # streams that the feed publishes itself
        self._mark = mark
        self._funding = funding or Terms()
        self._step = (
            step  # of a depth message: its first update id after the last of the one before
        )
        self._changed: dict[int, dict[tuple[int, int], None]] = {}  # speed -> levels
        self._last: dict[int, int] = {}  # speed -> seq of the last message
        self._due: dict[str, int] = {}  # stream -> time of its next message
        self._run: list[Trade] = []
        self._run_taker = 0
        self._agg_id = 0
        self._names: dict[str, StreamName] = {}

    def speeds(self, hub: Hub) -> None:
        """Start to collect changes for the depth speeds that are heard, stop for the others."""
        heard = {n.speed for n in self.names(hub) if n.kind == "depth"}
        for speed in heard - self._changed.keys():
            self._changed[speed] = {}
            self._last[speed] = self.seq
        for speed in self._changed.keys() - heard:
            del self._changed[speed]

    def names(self, hub: Hub) -> list[StreamName]:
        """Return the streams of this symbol that are heard and not native."""
        found = []
        for name in hub.streams():
            parsed = self._names.get(name)
            if parsed is None:
                parsed = self._names[name] = parse_stream(name)
            if parsed.symbol == self.spec.symbol and name not in self._native:
                found.append(parsed)
        return found

    def change(self, side: int, ticks: int) -> None:
        """Note that a level changed."""
        for changed in self._changed.values():
            changed[side, ticks] = None

    def trade(self, hub: Hub, trade: Trade, taker: int) -> None:
        """Note a match of the taker order `taker`; publish candles and aggregates that it ended."""
        closed = self.tape.add(trade)
        if closed is not None:
            self._close_candles(hub, closed.start, trade.time)
        run = self._run
        if run and (taker != self._run_taker or trade.ticks != run[0].ticks):
            self.end_run(hub, trade.time)
        self._run.append(trade)
        self._run_taker = taker

    def end_run(self, hub: Hub, now_ms: int) -> None:
        """Publish the aggregate that is being collected."""
        if not self._run:
            return
        run, self._run = self._run, []
        self._agg_id += 1
        stream = self.spec.symbol.lower() + "@aggTrade"
        if stream not in self._native and hub.wanted(stream):
            hub.publish(stream, frames.agg_trade(self.spec, self._agg_id, run, now_ms))

    def _close_candles(self, hub: Hub, minute: int, now_ms: int) -> None:
        for name in self.names(hub):
            if name.kind != "kline":
                continue
            step = INTERVAL_MS[name.interval]
            for candle in self.tape.candles(name.interval, minute - step):
                if candle.start <= minute < candle.start + step <= now_ms:
                    raw = frames.kline(self.tape, candle, name.interval, now_ms, closed=True)
                    hub.publish(name.name, raw)

    def tick(self, hub: Hub, now_ms: int) -> None:
        """Publish what is due at market time `now_ms`."""
        self.speeds(hub)
        if self._run and now_ms - self._run[0].time >= AGG_EVERY:
            self.end_run(hub, now_ms)
        names = self.names(hub)
        for speed, changed in self._changed.items():
            if changed and self._is_due(f"depth {speed}", speed, now_ms):
                self._depth(hub, [n.name for n in names if (n.kind, n.speed) == ("depth", speed)],
                            speed, now_ms)  # fmt: skip
        for name in names:
            every = KLINE_EVERY if name.kind == "kline" else name.speed
            if name.kind == "depth" or not self._is_due(name.name, every, now_ms):
                continue
            raw = self._periodic(name, now_ms)
            if raw is not None:
                hub.publish(name.name, raw)

    def _is_due(self, what: str, every: int, now_ms: int) -> bool:
        """Return whether `what` is due; if so, its next time is on the grid of `every` ms."""
        if now_ms < self._due.get(what, 0):
            return False
        if every:
            self._due[what] = now_ms - now_ms % every + every
        return True

    def _depth(self, hub: Hub, names: list[str], speed: int, now_ms: int) -> None:
        sides: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
        for side, ticks in sorted(self._changed[speed]):
            sides[side].append((ticks, self._levels.lots_at(side, ticks)))
        prev = self._last[speed]
        raw = frames.depth_update(
            self.spec.symbol,
            frames.levels_text(self.spec, sides[0]),
            frames.levels_text(self.spec, sides[1]),
            first=prev + self._step, last=self.seq, prev=prev, time_ms=now_ms,
        )  # fmt: skip
        for name in names:
            hub.publish(name, raw)
        self._changed[speed].clear()
        self._last[speed] = self.seq

    def _periodic(self, name: StreamName, now_ms: int) -> bytes | None:
        """Return the message of a stream that repeats itself, if there is something to say."""
        if name.kind == "partial":
            return frames.depth_update(
                self.spec.symbol,
                frames.levels_text(self.spec, self._levels.top(0, name.levels)),
                frames.levels_text(self.spec, self._levels.top(1, name.levels)),
                first=self.seq, last=self.seq, prev=self.seq, time_ms=now_ms,
            )  # fmt: skip
        if name.kind == "kline":
            step = INTERVAL_MS[name.interval]
            for candle in self.tape.candles(name.interval, now_ms - 2 * step):
                if candle.start <= now_ms < candle.start + step:
                    return frames.kline(self.tape, candle, name.interval, now_ms, closed=False)
        if name.kind == "markPrice":
            return frames.mark_price(
                self.spec.symbol, self._mark(), now_ms, self._funding.rate,
                self._funding.due_after(now_ms),
            )  # fmt: skip
        return None
