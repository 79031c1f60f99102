"""What dialects share: reading JSON, our own envelope of a fetched book, the defaults."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from replay.local_venue.public.book import Change, TextBook
from replay.local_venue.public.dialect import Asked, Control, Quoted, Reply
from replay.local_venue.specs import SymbolSpec

__all__ = ["UNKNOWN", "Base", "dumps", "loads", "wrapped"]

WRAPPED = b'{"snapshot":"'
UNKNOWN = Reply(body=b'{"error":"unknown path"}', status=404)
dumps = msgspec.json.encode


def loads(raw: bytes | str) -> Any:
    """Return what JSON says; an empty object for what is none."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return {}


def wrapped(frame: bytes) -> tuple[str, bytes] | None:
    """Return (symbol, answer) of a book that our recorder put among the frames, else None."""
    if not frame.startswith(WRAPPED):
        return None
    symbol, _, rest = frame[len(WRAPPED) :].partition(b'","data":')
    return symbol.decode(), rest[:-1]


class Base:
    """What most dialects do; see `replay.local_venue.public.dialect.Dialect`."""

    venue = ""
    addressed = False

    def greeting(self) -> tuple[bytes, ...]:
        """Return nothing: a new connection is not greeted."""
        return ()

    def address(self, payload: bytes, number: int, line: str) -> bytes:
        """Return the message as it is: it is the same for all connections."""
        return payload

    def key_of(self, frame: bytes) -> str:
        """Return the stream of a captured message."""
        raise NotImplementedError

    def book_of(self, key: str) -> str:
        """Return the symbol whose book changes a stream carries."""
        raise NotImplementedError

    def change_of(self, frame: bytes) -> Change:
        """Return what a message of a book stream changes."""
        raise NotImplementedError

    def snapshot_of(self, frame: bytes) -> tuple[str, bytes] | None:
        """Return (symbol, answer) of a REST book among the frames."""
        return wrapped(frame)

    def quoted(self, frame: bytes) -> list[Quoted]:
        """Return the prices and quantities of a book message."""
        if not self.book_of(self.key_of(frame)):
            return []
        change = self.change_of(frame)
        return [Quoted(change.symbol, *level) for side in change[3:5] for level in side]

    def keys_of_url(self, path: str, query: Mapping[str, str]) -> tuple[str, ...]:
        """Return nothing: streams are asked for by frames."""
        return ()

    def control(self, text: str, heard: Collection[str], now_ms: int) -> Control:
        """Carry out a client's frame."""
        raise NotImplementedError

    def pushed(self, key: str, book: TextBook, now_ms: int) -> tuple[bytes, ...]:
        """Return nothing: books are fetched."""
        return ()

    def ask(self, asked: Asked, now_ms: int) -> Reply:
        """Refuse."""
        return UNKNOWN

    def book_answer(self, book: TextBook, now_ms: int) -> bytes:
        """Return an empty answer: books come in the stream."""
        return b"{}"

    def instruments(self, asked: Asked, specs: Mapping[str, SymbolSpec]) -> bytes:
        """Return an empty list."""
        return b"{}"
