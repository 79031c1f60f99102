"""The simulated feed: seeded traders in a real matching engine, paced by the wall clock.

Rules
-----
1. Simulated time is wall time since the start. Trades and best quotes go out as they happen;
   depth every `STEP_MS`, and slower depth, candles and aggregates on their own grids.
2. An order of the user enters the same book as everybody's, at the simulated time of its arrival.
3. After every step the update id is raised once without a change, so that a snapshot taken at any
   time lies inside the next depth message (U <= lastUpdateId <= u).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy.typing as npt

from extrema_nb.clock import Clock, SystemClock
from extrema_nb.errors import ConfigError
from extrema_nb.events import TimeInForce
from replay.local_venue import frames
from replay.local_venue.derived import Derived
from replay.local_venue.hub import Hub
from replay.local_venue.orders import UserOrder
from replay.local_venue.port import Report, ReportKind, ReportSink, Terms
from replay.local_venue.specs import SymbolSpec, known_spec
from replay.local_venue.tape import Tape, Trade
from replay.matching.book import BBO_ROW, REMOVED_ROW, TRADE_ROW
from replay.matching.engine import Outcome
from replay.matching.market import SimMarket

__all__ = ["SimulatedMarket"]

STEP_MS = 10
START_PRICE = {"BTCUSDT": Decimal(60_000), "ETHUSDT": Decimal(3_400)}
QUOTE_VALUE = Decimal(40_000)  # usual worth of a quote at the touch, quote units
USER = 0


class _Book:
    """One symbol: market, streams, and the user's orders in it."""

    def __init__(
        self,
        spec: SymbolSpec,
        seed: int,
        price: Decimal,
        rate: float,
        start_us: int,
        funding: Terms,
    ) -> None:
        ticks = int(price / spec.tick)
        lots = float(QUOTE_VALUE / price / spec.lot)
        self.spec = spec
        self.start_us = start_us
        self.sim = SimMarket(seed, start_ticks=ticks, lots=max(lots, 5.0), rate=rate)
        self.tape = Tape(spec)
        self.tape.last_ticks = self.sim.best()[0]
        for row in (row for rows in self.sim.before for row in rows.tolist()):
            if row[0] == TRADE_ROW:
                self.tape.add(self._trade(row))
        self.derived = Derived(
            spec, self.tape, self.sim,
            native=frozenset({spec.symbol.lower() + s for s in ("@trade", "@bookTicker")}),
            mark=lambda: format(self.mark(), ".8f"),
            funding=funding,
        )  # fmt: skip
        self.derived.seq = self.sim.seq
        self.sim.beat()
        self.by_engine: dict[int, int] = {}  # engine id -> order id
        self.by_order: dict[int, int] = {}  # order id -> engine id

    def mark(self) -> Decimal:
        """Return the middle of the book, or the last price where a side is empty."""
        bid, bid_lots, ask, ask_lots = self.sim.best()
        if bid_lots and ask_lots:
            return self.spec.tick * (bid + ask) / 2
        return self.tape.last_price()

    def _trade(self, row: list[int]) -> Trade:
        time_ms = (self.start_us + row[1]) // 1000
        return Trade(row[9], row[3] + self.sim.base, row[4], time_ms, row[2] == 1)

    def publish(self, hub: Hub, rows: npt.NDArray[Any]) -> list[Report]:
        """Publish what happened; return what happened to the user."""
        reports: list[Report] = []
        spec, base = self.spec, self.sim.base
        symbol = spec.symbol.lower()
        trades, tickers = hub.wanted(symbol + "@trade"), hub.wanted(symbol + "@bookTicker")
        for row in rows.tolist():
            kind = row[0]
            time_ms = (self.start_us + row[1]) // 1000
            if kind == TRADE_ROW:
                trade = self._trade(row)
                self.derived.trade(hub, trade, row[6])
                if trades:
                    hub.publish(symbol + "@trade", frames.trade(spec, trade, time_ms))
                if USER in (row[7], row[8]):
                    reports += self._executions(row, trade)
            elif kind == BBO_ROW and tickers:
                bid = row[2] + base if row[3] else 0
                ask = row[4] + base if row[5] else 0
                best = (bid, row[3], ask, row[5])
                hub.publish(symbol + "@bookTicker", frames.book_ticker(spec, row[6], best, time_ms))
            elif kind == REMOVED_ROW:
                order_id = self.forget(row[5])
                reports.append(Report(order_id, ReportKind.EXPIRED_IN_MATCH))
        return reports

    def _executions(self, row: list[int], trade: Trade) -> list[Report]:
        found = []
        for engine_id, owner, maker in ((row[5], row[7], True), (row[6], row[8], False)):
            if owner == USER:
                order_id = self.by_engine.get(engine_id, -engine_id)
                found.append(
                    Report(
                        order_id, ReportKind.TRADE, trade.ticks, trade.lots, maker, trade.trade_id
                    )
                )
        return found

    def know(self, engine_id: int, order_id: int) -> None:
        """Remember the order behind an engine id."""
        self.by_engine[engine_id] = order_id
        self.by_order[order_id] = engine_id

    def forget(self, engine_id: int) -> int:
        """Forget an order that is over; return its order id."""
        order_id = self.by_engine.pop(engine_id, 0)
        self.by_order.pop(order_id, None)
        return order_id


class SimulatedMarket:
    """Simulated symbols behind the venue.

    Parameters
    ----------
    seed : every seed gives another market, the same seed the same
    symbols : such as ``BTCUSDT``
    rate : actions of the simulated traders a second and symbol
    start_price : of symbols without one in the table, and of all if there is one symbol
    funding : what positions pay; nothing unless given
    clock : wall time
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        symbols: Sequence[str] = ("BTCUSDT", "ETHUSDT"),
        rate: float = 200.0,
        start_price: Decimal | None = None,
        funding: Terms | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not symbols or len(set(symbols)) != len(symbols):
            raise ConfigError(f"symbols are {', '.join(symbols) or 'none'}; name each once")
        self.funding = funding or Terms()
        self._clock = clock or SystemClock()
        self._start_us = self._clock.now()
        self._books: dict[str, _Book] = {}
        self._hub: Hub | None = None
        self.specs: dict[str, SymbolSpec] = {}
        self.tapes: dict[str, Tape] = {}
        self.on_reports: ReportSink = lambda _reports: None
        for number, symbol in enumerate(symbols):
            price = START_PRICE.get(symbol, Decimal(100))
            if start_price is not None and (len(symbols) == 1 or symbol not in START_PRICE):
                price = start_price
            spec = known_spec(symbol, low=price * Decimal("0.51"), high=price * Decimal("1.49"))
            book = _Book(spec, seed * 1_000 + number, price, rate, self._start_us, self.funding)
            self.specs[symbol], self.tapes[symbol] = spec, book.tape
            self._books[symbol] = book

    def _now(self) -> int:
        """Return simulated time, µs."""
        return self._clock.now() - self._start_us

    def _advance(self, book: _Book, now: int) -> None:
        """Bring a market to `now`: publish, and tell the user what happened meanwhile."""
        for rows in book.sim.advance(now):
            if self._hub is not None:
                self.on_reports(book.publish(self._hub, rows))
        if self._hub is not None:
            self._hub.flush()

    def _after(self, book: _Book) -> list[Report]:
        """Publish the rows of a request; return what happened to the user."""
        rows = book.sim.take_rows()
        if self._hub is None:
            return book.publish(Hub.silent(), rows)
        reports = book.publish(self._hub, rows)
        self._hub.flush()
        return reports

    def refresh(self, symbol: str) -> None:
        """Bring a market to the present."""
        if self._hub is not None:
            self._advance(self._books[symbol], self._now())

    def submit(self, order: UserOrder) -> list[Report]:
        """Bring a new order to the market."""
        book = self._books[order.spec.symbol]
        market = order.type == "MARKET"
        tif = int(TimeInForce.IOC if market else TimeInForce[order.tif])
        engine_id, outcome = book.sim.submit(
            order.side, order.ticks, order.lots, tif, market=market
        )
        book.know(engine_id, order.order_id)
        reports = [Report(order.order_id, ReportKind.NEW), *self._after(book)]
        if outcome in {Outcome.WOULD_TAKE, Outcome.NO_MARKET, Outcome.FULL}:
            book.forget(engine_id)
            return [Report(order.order_id, ReportKind.REJECTED)]
        if outcome is Outcome.EXPIRED:
            reports.append(Report(order.order_id, ReportKind.EXPIRED))
        if outcome is not Outcome.RESTS:
            book.forget(engine_id)
        return reports

    def cancel(self, order: UserOrder) -> list[Report]:
        """Cancel an order."""
        book = self._books[order.spec.symbol]
        engine_id = book.by_order.get(order.order_id, 0)
        if book.sim.cancel(engine_id) is Outcome.UNKNOWN:
            return []
        book.forget(engine_id)
        return [*self._after(book), Report(order.order_id, ReportKind.CANCELED)]

    def amend(self, order: UserOrder, ticks: int, leaves: int) -> list[Report]:
        """Give an order another price or open quantity."""
        book = self._books[order.spec.symbol]
        engine_id = book.by_order.get(order.order_id, 0)
        outcome = book.sim.amend(engine_id, ticks, leaves)
        if outcome is Outcome.UNKNOWN:
            return []
        executions = self._after(book)
        if outcome is Outcome.WOULD_TAKE:
            book.forget(engine_id)
            return [Report(order.order_id, ReportKind.CANCELED)]
        if outcome is Outcome.FILLED:
            book.forget(engine_id)
        return [Report(order.order_id, ReportKind.AMENDED, lots=leaves), *executions]

    def best(self, symbol: str) -> tuple[int, int, int, int]:
        """Return best bid (ticks, lots) and best ask (ticks, lots)."""
        return self._books[symbol].sim.best()

    def mark(self, symbol: str) -> Decimal:
        """Return the middle of the book."""
        return self._books[symbol].mark()

    async def depth(self, symbol: str, limit: int) -> bytes:
        """Return the answer to a depth request."""
        self.refresh(symbol)
        book = self._books[symbol]
        spec, sim = book.spec, book.sim
        now_ms = (self._start_us + sim.now) // 1000
        bids, asks = sim.top(0, limit), sim.top(1, limit)
        return (
            f'{{"lastUpdateId":{sim.seq},"E":{now_ms},"T":{now_ms},'
            f'"bids":{frames.levels_text(spec, bids)},"asks":{frames.levels_text(spec, asks)}}}'
        ).encode()

    def subscribed(self, hub: Hub) -> None:
        """Start to collect for depth streams that are new."""
        for book in self._books.values():
            book.derived.speeds(hub)

    async def run(self, hub: Hub) -> None:
        """Publish until cancelled."""
        self._hub = hub
        self._start_us = self._clock.now()
        for book in self._books.values():
            book.start_us = self._start_us
        step = 0
        while True:
            step += 1
            due_us = step * STEP_MS * 1000
            wait = due_us - self._now()
            if wait > 0:
                await asyncio.sleep(wait / 1e6)
            elif step % 10 == 0:
                await asyncio.sleep(0)  # behind: let others run
            for book in self._books.values():
                self._step(hub, book, due_us)

    def _step(self, hub: Hub, book: _Book, due_us: int) -> None:
        """Bring a market to a place of the grid and publish what is due there."""
        self._advance(book, due_us)
        for side, ticks in book.sim.take_changes():
            book.derived.change(side, ticks)
        book.derived.seq = book.sim.seq
        book.derived.tick(hub, (self._start_us + due_us) // 1000)
        book.sim.beat()
        hub.flush()
