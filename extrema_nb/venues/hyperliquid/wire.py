"""Public payloads of Hyperliquid, as typed structs.

Numbers come as text and are read as float64 while the JSON is parsed (msgspec's lax mode); bounds
refuse NaN, infinities and negative quantities. Unknown fields are skipped.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/websocket/subscriptions
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

__all__ = ["Bbo", "Book", "Candle", "CoinCtx", "Ctx", "Funding", "Head", "Level", "Trade"]

MAX = 1e18  # far above any price or quantity; refuses "inf"
Price = Annotated[float, Meta(gt=0.0, lt=MAX)]  # quote units
Floor = Annotated[float, Meta(ge=0.0, lt=MAX)]  # quantity, or a price that may be absent as "0"
Rate = Annotated[float, Meta(gt=-1e6, lt=1e6)]
Millis = Annotated[int, Meta(ge=0, lt=2**53)]  # ms since the epoch
Id = Annotated[int, Meta(ge=0, lt=2**63 - 1)]


class Level(msgspec.Struct, gc=False):
    """One price of the book; `n` orders are not read."""

    px: Price
    sz: Floor


class Trade(msgspec.Struct, gc=False):
    """One match; `side` is the taker's, B buys, A sells."""

    coin: str
    side: Literal["A", "B"]
    px: Price
    sz: Floor
    time: Millis
    tid: Id  # 50 bits of a hash: unique with coin and time, not in order


class Book(msgspec.Struct, gc=False):
    """The whole book as far as it is told: 20 levels a side, best first; bids, asks."""

    coin: str
    levels: tuple[list[Level], list[Level]]
    time: Millis


class Bbo(msgspec.Struct, gc=False):
    """Best bid and ask; a side without orders is null or left out."""

    coin: str
    time: Millis
    bbo: Annotated[list[Level | None], Meta(max_length=2)]


class Candle(msgspec.Struct, gc=False):
    """A candle, sent while it grows."""

    t: Millis  # open time
    i: str  # interval
    o: Price
    h: Price
    l: Price  # noqa: E741 - the venue's letter
    c: Price
    v: Floor  # base units
    s: str  # coin


class Ctx(msgspec.Struct, gc=False, rename="camel"):
    """State of a perpetual or a spot pair; the latter has neither funding nor open interest."""

    funding: Rate | None = None  # an hour
    open_interest: Floor | None = None  # base units
    oracle_px: Floor | None = None
    mark_px: Floor | None = None
    mid_px: Floor | None = None
    day_ntl_vlm: Floor | None = None  # quote units
    day_base_vlm: Floor | None = None  # base units
    coin: str = ""  # of spot pairs


class CoinCtx(msgspec.Struct, gc=False):
    """``activeAssetCtx`` of one coin."""

    coin: str
    ctx: Ctx


class Funding(msgspec.Struct, gc=False, rename="camel"):
    """One row of ``fundingHistory``."""

    coin: str
    funding_rate: Rate
    time: Millis


class Head(msgspec.Struct, gc=False):
    """Whatever a frame may be; tells which of the others to read ``data`` as."""

    channel: str
    data: msgspec.Raw = msgspec.Raw()
