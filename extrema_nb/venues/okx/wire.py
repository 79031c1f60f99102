"""Public payloads of OKX (API v5), as typed structs.

All numbers come as text and are read as float64, correctly rounded, while the JSON is parsed
(msgspec's lax mode). The bounds beside the types refuse NaN, infinities and negative numbers.
Unknown fields, and what follows the known places of an array, are skipped. Numbers that may be
absent as "" stay text and are read by `number`.

https://www.okx.com/docs-v5/en/#order-book-trading-market-data
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

__all__ = [
    "Arg",
    "Bbo",
    "Book",
    "Candle",
    "FundingRate",
    "Head",
    "Index",
    "Level",
    "Liquidated",
    "Liquidation",
    "MarkPrice",
    "OpenInterest",
    "Trade",
]

MAX = 1e18  # far above any price or quantity; refuses "inf"
Price = Annotated[float, Meta(gt=0.0, lt=MAX)]  # quote units
Floor = Annotated[float, Meta(ge=0.0, lt=MAX)]  # base units or contracts
Millis = Annotated[int, Meta(ge=0, lt=2**53)]  # ms since the epoch
Id = Annotated[int, Meta(ge=-1, lt=2**63 - 1)]
Crc = Annotated[int, Meta(ge=-(2**31), lt=2**32)]


class Arg(msgspec.Struct, gc=False):
    """What a push is about; `instType` in place of `instId` where it is about a whole market."""

    channel: str
    instId: str = ""  # noqa: N815 - the venue's name


class Level(msgspec.Struct, gc=False, array_like=True):
    """``[price, quantity, "0", orders]``; the last two are not needed."""

    p: Price
    q: Floor


class Trade(msgspec.Struct, gc=False):
    """A match (trades-all), or the matches of one taker order at one price (trades)."""

    tradeId: Id  # noqa: N815
    px: Price
    sz: Floor
    side: str
    ts: Millis
    count: Annotated[int, Meta(ge=1)] = 1  # absent until 2023, when each match was sent


class Book(msgspec.Struct, gc=False):
    """Changes, a snapshot, or the top five levels."""

    asks: list[Level]
    bids: list[Level]
    ts: Millis
    checksum: Crc = 0  # since 2026 always 0
    seqId: Id = -1  # noqa: N815 - absent until 2023
    prevSeqId: Id = -1  # noqa: N815 - -1 in a snapshot


class Bbo(msgspec.Struct, gc=False):
    """Best bid and ask; a side without orders is empty."""

    asks: list[Level]
    bids: list[Level]
    ts: Millis
    seqId: Id = -1  # noqa: N815


class Candle(msgspec.Struct, gc=False, array_like=True):
    """``[open time, o, h, l, c, vol, volCcy, volCcyQuote, confirm]``; seven places until 2023."""

    ts: Millis
    o: Price
    h: Price
    l: Price  # noqa: E741 - the venue's letter
    c: Price
    vol: Floor  # base units or contracts
    volCcy: str = ""  # noqa: N815
    volCcyQuote: str = ""  # noqa: N815
    confirm: Annotated[int, Meta(ge=0, le=1)] = 0


class FundingRate(msgspec.Struct, gc=False):
    """Rate of the running interval and when it is paid."""

    instId: str  # noqa: N815
    fundingRate: str  # noqa: N815
    fundingTime: str  # noqa: N815
    ts: str = ""  # absent until 2023


class MarkPrice(msgspec.Struct, gc=False):
    """Mark price of a derivative."""

    instId: str  # noqa: N815
    markPx: Price  # noqa: N815
    ts: Millis


class Index(msgspec.Struct, gc=False):
    """Price of an index such as ``BTC-USD``."""

    instId: str  # noqa: N815
    idxPx: Price  # noqa: N815
    ts: Millis


class OpenInterest(msgspec.Struct, gc=False):
    """Open contracts of a derivative."""

    instId: str  # noqa: N815
    oi: Floor
    ts: Millis


class Liquidated(msgspec.Struct, gc=False):
    """One order of a liquidation."""

    side: str  # of the order: sell closes a long position
    bkPx: str  # noqa: N815 - bankruptcy price
    sz: Floor
    ts: Millis


class Liquidation(msgspec.Struct, gc=False):
    """Liquidations of one instrument."""

    instId: str  # noqa: N815
    details: list[Liquidated]


class Head(msgspec.Struct, gc=False):
    """Whatever a frame may begin with; tells which of the others to read it as."""

    arg: Arg | None = None
    event: str = ""
    code: str = ""
    msg: str = ""
    data: msgspec.Raw = msgspec.Raw()
