"""Public payloads of Gate futures, as typed structs; the shared ones lie in `_gate.wire`.

Sizes are contracts, as numbers or, since contracts may be traded in parts, as text.
"""

from __future__ import annotations

import msgspec

from extrema_nb.venues._gate.wire import (
    Floor,
    Id,
    LevelObject,
    Millis,
    MillisPart,
    Price,
    Seconds,
    SecondsPart,
    Signed,
)

__all__ = ["Candle", "Change", "Liquidation", "Snapshot", "Ticker", "Trade"]


class Trade(msgspec.Struct, gc=False):
    """One match; a negative size was sold by the taker."""

    id: Id
    size: Signed
    price: Price
    contract: str
    create_time: SecondsPart
    create_time_ms: MillisPart = 0.0  # absent until 2020
    is_internal: bool = False  # insurance fund or ADL, not a match in the book


class Snapshot(msgspec.Struct, gc=False):
    """The best levels of a book."""

    contract: str
    bids: list[LevelObject]
    asks: list[LevelObject]
    t: Millis = 0
    id: Id = -1


class Change(msgspec.Struct, gc=False):
    """One level of the older form of changes; a negative size is an ask, 0 removes either."""

    c: str  # contract
    p: Price
    s: Signed
    id: Id = -1


class Candle(msgspec.Struct, gc=False):
    """A candle, sent while it grows."""

    t: Seconds  # open time
    o: Price
    h: Price
    l: Price  # noqa: E741 - the venue's letter
    c: Price
    n: str  # ``1m_BTC_USDT``
    v: Floor  # contracts
    w: bool = False  # closed


class Ticker(msgspec.Struct, gc=False):
    """What the venue says in short about a contract; numbers are text and may be ""."""

    contract: str
    funding_rate: str = ""
    mark_price: str = ""
    index_price: str = ""
    total_size: str = ""  # open interest


class Liquidation(msgspec.Struct, gc=False):
    """An order that closed a position; a positive size bought a short one back."""

    contract: str
    price: Price
    size: Signed
    time: SecondsPart
    time_ms: MillisPart = 0.0
