"""Public payloads that Gate's markets share, as typed structs.

Numbers come as text or as numbers, by market and by age, and are read as float64, correctly
rounded, while the JSON is parsed (msgspec's lax mode). The bounds beside the types refuse NaN,
infinities and negative numbers. Unknown fields are skipped.

https://www.gate.com/docs/developers/apiv4/ws/en/
https://www.gate.com/docs/developers/futures/ws/en/
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

__all__ = [
    "MAX",
    "BookTicker",
    "Floor",
    "Head",
    "Id",
    "Level",
    "LevelObject",
    "Millis",
    "MillisPart",
    "Price",
    "Problem",
    "Seconds",
    "SecondsPart",
    "Signed",
    "book_of",
    "push_of",
]

MAX = 1e18  # far above any price or quantity; refuses "inf"
Price = Annotated[float, Meta(gt=0.0, lt=MAX)]  # quote units
Floor = Annotated[float, Meta(ge=0.0, lt=MAX)]  # base units or contracts
Signed = Annotated[float, Meta(gt=-MAX, lt=MAX)]  # contracts, negative: sold
Millis = Annotated[int, Meta(ge=0, lt=2**53)]  # ms since the epoch
MillisPart = Annotated[float, Meta(ge=0.0, lt=2.0**43)]  # ms with a fraction
Seconds = Annotated[int, Meta(ge=0, lt=2**43)]  # s since the epoch
SecondsPart = Annotated[float, Meta(ge=0.0, lt=2.0**33)]  # s with a fraction
Id = Annotated[int, Meta(ge=-1, lt=2**63 - 1)]


class Level(msgspec.Struct, gc=False, array_like=True):
    """``[price, quantity]``."""

    p: Price
    s: Floor


class LevelObject(msgspec.Struct, gc=False):
    """``{"p": price, "s": quantity}``."""

    p: Price
    s: Floor


class BookTicker(msgspec.Struct, gc=False):
    """Best bid and ask; the price of an empty side is ""."""

    t: Millis
    u: Id  # of the book
    s: str
    b: str
    B: Floor
    a: str
    A: Floor


class Problem(msgspec.Struct, gc=False):
    """Why a request was refused."""

    code: int = 0
    message: str = ""


class Head(msgspec.Struct, gc=False):
    """Whatever a frame may begin with; tells which of the others to read it as."""

    channel: str = ""
    event: str = ""
    error: Problem | None = None


def book_of(level: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """Return the struct of a book message whose levels have a form: changes or the whole."""
    fields: list[Any] = [
        ("t", Millis),
        ("s", str),  # symbol, or ``ob.SYMBOL.DEPTH``
        ("u", Id),  # last update in the message
        ("U", Id, -1),  # first update in the message; absent where `full`
        ("full", bool, False),
        ("b", list[level] | None, None),  # type: ignore[valid-type]  # levels of a form
        ("a", list[level] | None, None),  # type: ignore[valid-type]
    ]
    return msgspec.defstruct("Book", fields, gc=False)


def push_of(payload: Any) -> Any:
    """Return a decoder of ``{"time": …, "channel": …, "event": …, "result": payload}``."""
    fields: list[Any] = [
        ("result", payload),
        ("event", str),
        ("time", Seconds, 0),
        ("time_ms", Millis, 0),
    ]
    return msgspec.json.Decoder(msgspec.defstruct("Push", fields, gc=False), strict=False).decode
