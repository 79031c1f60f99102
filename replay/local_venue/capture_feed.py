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
from typing import Any

from extrema_nb.errors import ConfigError
from replay.local_venue.capture_book import CapturedBook, trimmed
from replay.local_venue.capture_scan import open_lines, scan, split
from replay.local_venue.derived import Derived
from replay.local_venue.hub import Hub
from replay.local_venue.orders import UserOrder
from replay.local_venue.port import Report, ReportSink
from replay.local_venue.specs import SymbolSpec
from replay.local_venue.tape import Tape

__all__ = ["CapturedMarket"]

SNAPSHOT_WAIT_S = 2.0
SETTLE_S = 0.25  # subscriptions have settled when none came for so long
BATCH = 256  # messages between looks at the event loop
DERIVED_MS = 10  # how often derived streams are looked at


class CapturedMarket:
    """Captures behind the venue.

    Parameters
    ----------
    paths : collector files (``LOCAL {json}``, gzip or plain), merged by local time
    speed : 1 as captured, 50 fifty times as fast, inf as fast as clients take it
    settle : wait for subscriptions to settle before the first message
    """

    def __init__(
        self, paths: Sequence[Path], *, speed: float = 1.0, settle: bool = True
    ) -> None:
        if not speed > 0:
            raise ConfigError(f"speed is {speed}, expected a positive number or 'max'")
        found = scan(paths)
        self.specs: dict[str, SymbolSpec] = found.specs
        self.books = {s: CapturedBook(spec) for s, spec in found.specs.items()}
        self.tapes: dict[str, Tape] = {s: book.tape for s, book in self.books.items()}
        self.on_reports: ReportSink = lambda _reports: None
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
        self._orders: Any = None
        self._derived = {
            s: Derived(
                book.spec, book.tape, book, native=found.streams, step=0,
                mark=lambda book=book: format(book.mark(), ".8f"),
            )
            for s, book in self.books.items()
        }  # fmt: skip
        self._due_ms = 0
        self._is_derived = False
        for symbol, _, raw in reversed(found.snapshots):
            self.books[symbol].start_from(raw)  # the first one comes last, and is not newer

    # Orders

    def _exchange(self) -> Any:
        if self._orders is None:
            # Only with the first order: who just replays a capture need not load the exchange.
            module = importlib.import_module("replay.local_venue.capture_orders")
            self._orders = module.CapturedOrders(self.books, self._now)
        return self._orders

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
        self._read(symbol)
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
        if self._settle:
            await self._settled()
        loop = asyncio.get_running_loop()
        names: dict[bytes, tuple[str, CapturedBook | None]] = {}
        start, first, count = loop.time(), 0, 0
        for line in open_lines(self._paths):
            first = first or line.ts_recv
            if self._speed != math.inf:
                due = start + (line.ts_recv - first) * 1e-6 / self._speed
                if due - loop.time() > 0.001:
                    await self._pause(hub)
                    await asyncio.sleep(max(0.0, due - loop.time()))
            self._now = line.ts_recv
            self.messages += 1
            parts = split(line.frame)
            if parts is None:
                if b'"lastUpdateId"' in line.frame[:40]:
                    start += await self._snapshot(hub, line.frame)
                continue
            known = names.get(parts[0])
            if known is None:
                name = parts[0].decode()
                symbol, _, kind = name.partition("@")
                kept = kind in {"trade", "bookTicker"} or kind.startswith("depth")
                known = names[parts[0]] = (name, self.books.get(symbol.upper()) if kept else None)
            hub.publish(known[0], parts[1], line.frame)
            if known[1] is not None:
                known[1].add(parts[1])
                if self._orders is not None:
                    self.on_reports(self._orders.frame(line.frame, line.ts_recv))
            count += 1
            if count % BATCH == 0:
                await self._pause(hub)
        await self._pause(hub)

    async def _settled(self) -> None:
        """Wait until no subscription has come for a moment."""
        loop = asyncio.get_running_loop()
        while (left := self._changed_at + SETTLE_S - loop.time()) > 0:
            await asyncio.sleep(left)

    async def _pause(self, hub: Hub) -> None:
        """Hand over what was published, let the exchange and derived streams catch up."""
        if self._orders is not None:
            self.on_reports(self._orders.step())
        if self._is_derived:
            for symbol in self.books:
                self._derive(hub, symbol)
        for symbol, event in self._started.items():
            if self.books[symbol].pending:
                event.set()
        await hub.drain()
        await asyncio.sleep(0)

    def _read(self, symbol: str, hub: Hub | None = None) -> int:
        """Read what is pending of a symbol into book and tape; return the last venue time, ms."""
        book, derived = self.books[symbol], self._derived[symbol]
        last = 0
        for frame, levels in book.read():
            last = max(last, frame.T)
            if frame.e == "trade":
                trade = book.trade(frame)
                derived.trade(hub or Hub.silent(), trade, frame.T * 2 + trade.sell)
            for side, ticks in levels:
                derived.change(side, ticks)
        derived.seq = book.seq
        return last

    def _derive(self, hub: Hub, symbol: str) -> None:
        last = self._read(symbol, hub)
        if last >= self._due_ms:
            self._due_ms = last + DERIVED_MS
            self._derived[symbol].tick(hub, last)

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
        self._read(symbol)
        self.books[symbol].start_from(raw)
        return loop.time() - began


async def _within(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but not longer."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
