"""A capture as a venue's market: it plays the messages and knows the books as told so far.

Rules
-----
1. Every captured message goes out once, in order, unchanged, to whoever hears its stream; what is
   no market data (acknowledgements, heartbeats) is not played.
2. Subscriptions must have settled for a moment before the first message goes.
3. At a REST book that stands in the capture the tape waits up to `SNAPSHOT_WAIT_S` for a client that
   hears the book to fetch it. A fetch before that point gets exactly that answer; a later one the
   book as the stream has told it.
4. At full speed nothing is dropped: the tape waits for the slowest client.
"""

from __future__ import annotations

import asyncio
import itertools
import math

from extrema_nb.errors import ConfigError, DataError
from replay.local_venue.hub import Hub
from replay.local_venue.public.book import TextBook
from replay.local_venue.public.dialect import Asked, Dialect
from replay.local_venue.public.faults import WireFaults
from replay.local_venue.public.tape import Answer, Said, Tape
from replay.local_venue.specs import SymbolSpec, infer_spec

__all__ = ["Player"]

NOTHING = b""  # a message that is lost on its way out: its number on the connection is used up

SNAPSHOT_WAIT_S = 4.0
SETTLE_S = 1.5  # subscriptions have settled when none came for so long; clients pace theirs
BATCH = 128  # messages between looks at the event loop
LOOKED = 20_000  # messages read for the symbols and their steps
PENDING_MOST = 100_000  # messages of a book kept unread


class Player:
    """One capture behind the local venue.

    Parameters
    ----------
    speed : 1 as captured, 50 fifty times as fast, inf as fast as clients take it
    settle_s : how long subscriptions must have settled
    """

    def __init__(
        self, dialect: Dialect, tape: Tape, *, speed: float = 1.0, settle_s: float = SETTLE_S
    ) -> None:
        if not speed > 0:
            raise ConfigError(f"speed is {speed}, expected a positive number or 'max'")
        self.dialect = dialect
        self.specs: dict[str, SymbolSpec] = {}
        self.played = 0  # messages
        self._tape = tape
        self._speed = speed
        self._settle_s = settle_s
        self._lists: list[Answer] = []  # captured answers about no single symbol
        self._snapshots: dict[str, list[bytes]] = {}  # symbol -> captured REST books, ahead
        self._fetched: dict[str, asyncio.Event] = {}
        self._books: dict[str, TextBook] = {}
        self._pending: dict[str, list[bytes]] = {}
        self._changed_at = 0.0
        self._scan()

    def _scan(self) -> None:
        """Look at the first messages: symbols, their steps, what REST said."""
        prices: dict[str, set[str]] = {}
        qtys: dict[str, set[str]] = {}
        for said in itertools.islice(self._tape, LOOKED):
            symbol, body = self._rest_book(said)
            if body:
                self._snapshots.setdefault(symbol, []).append(body)
            elif said.answer is not None:
                self._lists.append(said.answer)
            elif self.dialect.key_of(said.frame):
                for quoted in self.dialect.quoted(said.frame):
                    prices.setdefault(quoted.symbol, set()).add(quoted.price)
                    qtys.setdefault(quoted.symbol, set()).add(quoted.qty)
        if not prices:
            raise DataError(
                f"{self._tape.names}: no market data of {self.dialect.venue} in the first "
                f"{LOOKED} messages; check --venue and the files"
            )
        self.specs = {
            symbol: infer_spec(symbol, prices[symbol], qtys[symbol], table=False)
            for symbol in prices
        }

    def _rest_book(self, said: Said) -> tuple[str, bytes]:
        """Return symbol and body of a captured REST book, empty ones for anything else."""
        if said.answer is None:
            found = self.dialect.snapshot_of(said.frame)
            if found is None:
                return "", b""
            return found[0] or self._only(), found[1]
        path, query, body = said.answer
        reply = self.dialect.ask(Asked("GET", path, query, {}), 0)
        return (reply.book, body) if reply.book else ("", b"")

    def _only(self) -> str:
        """Return the symbol of a capture of one symbol."""
        for said in itertools.islice(self._tape, LOOKED):
            key = self.dialect.key_of(said.frame) if said.answer is None else ""
            if key and self.dialect.book_of(key):
                return self.dialect.book_of(key)
        return ""

    # What clients ask

    def subscribed(self) -> None:
        """Note the time of a subscription."""
        self._changed_at = asyncio.get_running_loop().time()

    def book(self, symbol: str) -> TextBook:
        """Return a book as told so far."""
        book = self._books.get(symbol)
        if book is None:
            book = self._books[symbol] = TextBook(symbol)
        for frame in self._pending.pop(symbol, ()):
            book.take(self.dialect.change_of(frame))
        return book

    def book_answer(self, symbol: str, now_ms: int) -> bytes:
        """Return the captured REST book that is still ahead, else the book as told so far."""
        ahead = self._snapshots.get(symbol)
        if ahead:
            self._event(symbol).set()
            return ahead[0]
        return self.dialect.book_answer(self.book(symbol), now_ms)

    def list_answer(self, asked: Asked) -> bytes:
        """Return the captured list that was asked for in the same words, else one made up."""
        wanted = dict(asked.query)
        for exact in (True, False):
            for path, query, body in self._lists:
                same = query == wanted if exact else query.items() <= wanted.items()
                if path.rstrip("/") == asked.path.rstrip("/") and same:
                    return body
        return self.dialect.instruments(asked, self.specs)

    def _event(self, symbol: str) -> asyncio.Event:
        return self._fetched.setdefault(symbol, asyncio.Event())

    # The tape

    async def run(self, hub: Hub, faults: WireFaults) -> None:
        """Play all messages."""
        await self._settled()
        loop = asyncio.get_running_loop()
        start, first = loop.time(), 0
        for number, said in enumerate(self._tape):
            symbol, body = self._rest_book(said)
            if said.answer is not None and not body:
                continue  # a list: it may have been fetched minutes before the first message
            first = first or said.ts
            if self._speed != math.inf:
                due = start + (said.ts - first) * 1e-6 / self._speed
                if due - loop.time() > 0.001:
                    await hub.drain()
                    await asyncio.sleep(max(0.0, due - loop.time()))
            if body:
                start += await self._wait(hub, symbol)
            elif said.answer is None:
                self._play(hub, faults, said.frame)
            if number % BATCH == 0:
                await hub.drain()
                await asyncio.sleep(0)
        await hub.drain()

    def _play(self, hub: Hub, faults: WireFaults, frame: bytes) -> None:
        key = self.dialect.key_of(frame)
        if not key:
            return
        self.played += 1
        symbol = self.dialect.book_of(key)
        if symbol:
            waiting = self._pending.setdefault(symbol, [])
            waiting.append(frame)
            if len(waiting) > PENDING_MOST:
                self.book(symbol)
        if not faults.armed:
            hub.publish(key, frame, frame)
            return
        for told in faults.frames(key, frame) or [NOTHING]:
            if told or self.dialect.addressed:
                hub.publish(key, told, told)

    async def _settled(self) -> None:
        """Wait until no subscription has come for a moment."""
        loop = asyncio.get_running_loop()
        left = self._settle_s
        while left > 0:  # waits for things not to happen
            await asyncio.sleep(left)
            left = self._changed_at + self._settle_s - loop.time()

    async def _wait(self, hub: Hub, symbol: str) -> float:
        """Wait for a client to fetch a captured book; return the seconds."""
        ahead = self._snapshots.get(symbol)
        if not ahead:
            return 0.0
        loop = asyncio.get_running_loop()
        began = loop.time()
        await hub.drain()
        if any(self.dialect.book_of(key) == symbol for key in hub.streams()):
            try:
                async with asyncio.timeout(SNAPSHOT_WAIT_S):
                    await self._event(symbol).wait()
            except TimeoutError:
                pass
        raw = ahead.pop(0)
        self._fetched.pop(symbol, None)
        whole = self.dialect.change_of(raw)
        self.book(symbol).take(whole._replace(symbol=symbol, whole=True))
        return loop.time() - began
