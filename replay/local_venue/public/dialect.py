"""The port of a dialect: everything that differs between venues, and nothing else.

A dialect knows the messages of its venue by itself and asks nothing of the connector that is
tested against it, so that a mistake of the one does not hide one of the other.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Protocol, cast

from extrema_nb.errors import ConfigError, nearest
from replay.local_venue.public import dialects
from replay.local_venue.public.book import Change, TextBook
from replay.local_venue.specs import SymbolSpec

__all__ = ["Asked", "Control", "Dialect", "Quoted", "Reply", "known", "load"]


class Control(NamedTuple):
    """What comes of a frame that a client sent."""

    answers: tuple[bytes, ...] = ()
    add: tuple[str, ...] = ()  # streams
    remove: tuple[str, ...] = ()


class Quoted(NamedTuple):
    """A price and a quantity as they stand in a message; the steps of a symbol are found in them."""

    symbol: str
    price: str
    qty: str


class Asked(NamedTuple):
    """A REST request."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]


class Reply(NamedTuple):
    """What a request is about: one of the fields is set."""

    book: str = ""  # the book of this symbol
    instruments: bool = False
    body: bytes = b""  # the answer itself
    status: int = 200


class Dialect(Protocol):
    """One venue's words."""

    venue: str
    addressed: bool  # messages differ by connection, see `address`

    def greeting(self) -> tuple[bytes, ...]:
        """Return what a new connection hears first."""
        ...

    def address(self, payload: bytes, number: int, line: str) -> bytes:
        """Return a message as the connection `line` hears it, as its `number`-th from 0."""
        ...

    def key_of(self, frame: bytes) -> str:
        """Return the stream of a captured message; empty for one that is not played."""
        ...

    def book_of(self, key: str) -> str:
        """Return the symbol whose book changes a stream carries, or an empty string."""
        ...

    def change_of(self, frame: bytes) -> Change:
        """Return what a message of a book stream changes."""
        ...

    def snapshot_of(self, frame: bytes) -> tuple[str, bytes] | None:
        """Return (symbol, answer) of a REST book standing among the frames, else None.

        The symbol is empty where the answer does not name it.
        """
        ...

    def quoted(self, frame: bytes) -> list[Quoted]:
        """Return the prices and quantities in a message."""
        ...

    def keys_of_url(self, path: str, query: Mapping[str, str]) -> tuple[str, ...]:
        """Return the streams that a client's URL asks for."""
        ...

    def control(self, text: str, heard: Collection[str], now_ms: int) -> Control:
        """Carry out a frame of a client that hears the streams `heard`."""
        ...

    def pushed(self, key: str, book: TextBook, now_ms: int) -> tuple[bytes, ...]:
        """Return the snapshot that the venue pushes to who has just subscribed to a book."""
        ...

    def ask(self, asked: Asked, now_ms: int) -> Reply:
        """Return what a request is about; status 404 for an unknown path."""
        ...

    def book_answer(self, book: TextBook, now_ms: int) -> bytes:
        """Return a book as REST shows it."""
        ...

    def instruments(self, asked: Asked, specs: Mapping[str, SymbolSpec]) -> bytes:
        """Return a list of instruments for a capture without one."""
        ...


def known() -> list[str]:
    """Return the venues that can be served, read from the folder of dialects."""
    return sorted(
        module.name.replace("_", "-")
        for module in pkgutil.iter_modules(dialects.__path__)
        if not module.name.startswith("_")
    )


def load(venue: str) -> Dialect:
    """Return the DIALECT of a venue id such as ``"okx"``."""
    if venue not in known():
        raise ConfigError(
            f"the local venue speaks no {venue!r}; it speaks {', '.join(known())}"
            + nearest(venue, known())
        )
    module = importlib.import_module(f"{dialects.__name__}.{venue.replace('-', '_')}")
    return cast("Dialect", module.DIALECT)
