"""The captured feed: messages of a venue, replayed byte for byte with their spacing.

Rules
-----
1. Every captured message goes out once, in file order, to whoever hears its stream, unchanged.
2. Subscriptions must have settled for a moment before the first message goes.
3. At a book snapshot that stands in the file the stream waits up to `SNAPSHOT_WAIT_S` for a client
   that hears the book to fetch it. A fetch before that point gets exactly that snapshot; a later one
   the full book as the stream has told it.
4. At full speed nothing is dropped: the replay waits for the slowest client.
5. The user's orders go to the compiled simulated exchange, which sees the same messages.
"""

from __future__ import annotations

import asyncio
import importlib
import math
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from extrema_nb.errors import ConfigError
from replay.local_venue.capture_book import CapturedBook, trimmed
from replay.local_venue.capture_scan import open_lines, scan, split
from replay.local_venue.derived import Derived
from replay.local_venue.hub import Hub
from replay.local_venue.orders import UserOrder
from replay.local_venue.port import Report, ReportSink, Terms
from replay.local_venue.specs import SymbolSpec
from replay.local_venue.tape import Tape, Trade
from replay.sources.lines import Line

__all__ = ["CapturedMarket"]

SNAPSHOT_WAIT_S = 2.0
SETTLE_S = 0.25  # subscriptions have settled when none came for so long
BATCH = 256  # messages between looks at the event loop
DERIVED_MS = 10  # how often derived streams are looked at


class OrderTaker(Protocol):
    """What takes the user's orders during a capture; see `capture_orders`."""

    def frame(self, frame: bytes, ts_recv: int) -> list[Report]:
        """Take a captured frame."""
        ...

    def step(self) -> list[Report]:
        """Let the exchange see what was taken."""
        ...

    def submit(self, order: UserOrder, now: int) -> list[Report]:
        """Bring a new order."""
        ...

    def cancel(self, order: UserOrder, now: int) -> list[Report]:
        """Cancel an order."""
        ...

    def amend(self, order: UserOrder, ticks: int, leaves: int, now: int) -> list[Report]:
        """Amend an order."""
        ...


class CapturedMarket:
    """Captures behind the venue.

    Parameters
    ----------
    paths : collector files (``LOCAL {json}``, gzip or plain), merged by local time
    speed : 1 as captured, 50 fifty times as fast, inf as fast as clients take it
    settle : wait for subscriptions to settle before the first message
    """

    def __init__(self, paths: Sequence[Path], *, speed: float = 1.0, settle: bool = True) -> None:
        if not speed > 0:
            raise ConfigError(f"speed is {speed}, expected a positive number or 'max'")
        found = scan(paths)
        self.specs: dict[str, SymbolSpec] = found.specs
        self.books = {s: CapturedBook(spec) for s, spec in found.specs.items()}
        self.tapes: dict[str, Tape] = {s: book.tape for s, book in self.books.items()}
        self.on_reports: ReportSink = lambda _reports: None
        self.funding = Terms()  # what was captured is told as it was, and paid by nobody
        self.messages = 0  # lines that went by
        self._paths = list(paths)
        self._speed = speed
        self._settle = settle
        self._snapshots = found.snapshots
        self._passed = 0  # snapshots that the stream has passed
        self._fetched: dict[int, asyncio.Event] = {}
        self._started: dict[str, asyncio.Event] = {}
        self._changed_at = 0.0  # loop time of the last subscription
        self._now = 0  # µs, local time of the last message
        self._orders: OrderTaker | None = None
        self._derived = {
            s: Derived(
                book.spec, book.tape, book, native=found.streams, step=0, mark=book.mark_text
            )
            for s, book in self.books.items()
        }
        self._names: dict[bytes, tuple[str, str, CapturedBook | None]] = {}
        self._due_ms: dict[str, int] = {}
        self._hub = Hub.silent()
        self._is_derived = False
        for symbol in self.books:
            self._listen(symbol)
        for symbol, _, raw in reversed(found.snapshots):
            self.books[symbol].start_from(raw)  # the first one comes last, and is not newer

    # Orders

    def _exchange(self) -> OrderTaker:
        if self._orders is None:
            # Only with the first order: who just replays a capture need not load the exchange.
            module = importlib.import_module("replay.local_venue.capture_orders")
            orders: OrderTaker = module.CapturedOrders(self.books, self._now)
            self._orders = orders
        return self._orders

    def refresh(self, symbol: str) -> None:  # noqa: ARG002  # the exchange knows one present
        """Let the exchange see what has been published."""
        if self._orders is not None:
            self.on_reports(self._orders.step())

    def submit(self, order: UserOrder) -> list[Report]:
        """Bring a new order to the simulated exchange."""
        return self._exchange().submit(order, self._now)

    def cancel(self, order: UserOrder) -> list[Report]:
        """Cancel an order."""
        return self._exchange().cancel(order, self._now)

    def amend(self, order: UserOrder, ticks: int, leaves: int) -> list[Report]:
        """Give an order another price or open quantity."""
        return self._exchange().amend(order, ticks, leaves, self._now)

    # Market data on request

    def best(self, symbol: str) -> tuple[int, int, int, int]:
        """Return best bid (ticks, lots) and best ask (ticks, lots)."""
        return self.books[symbol].best()

    def mark(self, symbol: str) -> Decimal:
        """Return the middle of the best prices."""
        return self.books[symbol].mark()

    async def depth(self, symbol: str, limit: int) -> bytes:
        """Return the captured snapshot that is still ahead, else the book as told so far."""
        for number, (owner, _, raw) in enumerate(self._snapshots):
            if owner == symbol and number >= self._passed:
                self._event(self._fetched, number).set()
                return trimmed(raw, limit)
        book = self.books[symbol]
        if not book.seq and not book.pending:
            await _within(self._event(self._started, symbol), SNAPSHOT_WAIT_S)
        return book.answer(limit)

    @staticmethod
    def _event(events: dict[Any, asyncio.Event], key: Any) -> asyncio.Event:
        return events.setdefault(key, asyncio.Event())

    # The stream

    def subscribed(self, hub: Hub) -> None:
        """Note the time; look whether there is anything to derive."""
        self._changed_at = asyncio.get_running_loop().time()
        self._is_derived = any(d.names(hub) for d in self._derived.values())
        for derived in self._derived.values():
            derived.speeds(hub)

    async def run(self, hub: Hub) -> None:
        """Publish all captured messages."""
        self._hub = hub
        if self._settle:
            await self._settled()
        loop = asyncio.get_running_loop()
        start, first = loop.time(), 0
        for line in open_lines(self._paths):
            first = first or line.ts_recv
            if self._speed != math.inf:
                due = start + (line.ts_recv - first) * 1e-6 / self._speed
                if due - loop.time() > 0.001:
                    await self._pause(hub)
                    await asyncio.sleep(max(0.0, due - loop.time()))
            self._now = max(self._now, line.ts_recv)
            self.messages += 1
            parts = split(line.frame)
            if parts is not None:
                self._message(hub, parts, line)
            elif b'"lastUpdateId"' in line.frame[:40]:
                start += await self._snapshot(hub, line.frame)
            if self.messages % BATCH == 0:
                await self._pause(hub)
        await self._pause(hub)

    def _message(self, hub: Hub, parts: tuple[bytes, bytes], line: Line) -> None:
        """Publish a captured message and remember what it says."""
        known = self._names.get(parts[0])
        if known is None:
            name = parts[0].decode()
            symbol, _, kind = name.partition("@")
            kept = kind in {"trade", "bookTicker"} or kind.partition("@")[0] == "depth"
            book = self.books.get(symbol.upper()) if kept else None
            known = self._names[parts[0]] = (name, kind, book)
        name, kind, book = known
        hub.publish(name, parts[1], line.frame)
        if book is not None:
            book.add(kind, parts[1])
            if self._orders is not None:
                self.on_reports(self._orders.frame(line.frame, line.ts_recv))

    async def _settled(self) -> None:
        """Wait until no subscription has come for a moment."""
        loop = asyncio.get_running_loop()
        left = SETTLE_S
        while left > 0:  # waits for things not to happen
            await asyncio.sleep(left)
            left = self._changed_at + SETTLE_S - loop.time()

    async def _pause(self, hub: Hub) -> None:
        """Hand over what was published, let the exchange and derived streams catch up."""
        if self._orders is not None:
            self.on_reports(self._orders.step())
        if self._is_derived:
            for symbol in self.books:
                self._derive(symbol)
        for symbol, event in self._started.items():
            if self.books[symbol].pending:
                event.set()
        await hub.drain()
        await asyncio.sleep(0)

    def _listen(self, symbol: str) -> None:
        """Let derived streams hear what is read of a symbol."""
        book, derived = self.books[symbol], self._derived[symbol]

        def on_trade(trade: Trade) -> None:
            # A taker is not named on the wire: matches of one moment and side are taken as one's.
            derived.trade(self._hub, trade, trade.time * 2 + trade.sell)

        def on_levels(changed: list[tuple[int, int]]) -> None:
            for side, ticks in changed:
                derived.change(side, ticks)
            derived.seq = book.seq

        book.on_trade, book.on_levels = on_trade, on_levels

    def _derive(self, symbol: str) -> None:
        book = self.books[symbol]
        book.read()
        if book.last_ms >= self._due_ms.get(symbol, 0):
            self._due_ms[symbol] = book.last_ms + DERIVED_MS
            self._derived[symbol].tick(self._hub, book.last_ms)

    async def _snapshot(self, hub: Hub, raw: bytes) -> float:
        """Wait for a client to fetch a snapshot that stands in the file; return the seconds."""
        number = self._passed
        symbol = self._snapshots[number][0] if number < len(self._snapshots) else ""
        if not symbol:
            return 0.0
        loop = asyncio.get_running_loop()
        began = loop.time()
        depth = symbol.lower() + "@depth"
        await self._pause(hub)
        if any(name.startswith(depth) for name in hub.streams()):
            await _within(self._event(self._fetched, number), SNAPSHOT_WAIT_S)
        self._passed += 1
        book = self.books[symbol]
        book.read()
        book.start_from(raw)
        return loop.time() - began


async def _within(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but not longer."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
