"""Public payloads of Gate spot, as typed structs; the shared ones lie in `_gate.wire`."""

from __future__ import annotations

import msgspec

from extrema_nb.venues._gate.wire import Floor, Id, Level, Millis, MillisPart, Price, Seconds

__all__ = ["Candle", "Snapshot", "Trade"]


class Trade(msgspec.Struct, gc=False):
    """One match."""

    id: Id
    create_time_ms: str | MillisPart  # text with a fraction; a number in answers of others
    side: str  # the taker's
    currency_pair: str
    amount: Floor
    price: Price


class Snapshot(msgspec.Struct, gc=False):
    """The best levels of a book."""

    s: str
    lastUpdateId: Id  # noqa: N815 - the venue's name
    bids: list[Level]
    asks: list[Level]
    t: Millis = 0


class Candle(msgspec.Struct, gc=False):
    """A candle, sent while it grows."""

    t: Seconds  # open time
    o: Price
    h: Price
    l: Price  # noqa: E741 - the venue's letter
    c: Price
    n: str  # ``1m_BTC_USDT``
    a: Floor | None = None  # base units; absent in 2021, when only quote units were told
    w: bool = False  # closed
