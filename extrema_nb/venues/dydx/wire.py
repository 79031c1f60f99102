"""Public payloads of the dYdX indexer, as typed structs; v3 differs only where it is said.

Numbers come as text and are read as float64 while the JSON is parsed (msgspec's lax mode); bounds
refuse NaN, infinities and negative quantities. Unknown fields are skipped.

https://docs.dydx.xyz/indexer-client/websockets
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from extrema_nb.venues.dydx.instruments import Floor, Rate

__all__ = [
    "Book",
    "Candle",
    "Candles",
    "Change",
    "FundingHistory",
    "Head",
    "MarketsChange",
    "OraclePrice",
    "Time",
    "Trades",
]

MAX = 1e18  # far above any price or quantity; refuses "inf"
Price = Annotated[float, Meta(gt=0.0, lt=MAX)]  # quote units
Id = Annotated[int, Meta(ge=0, lt=2**40)]  # of messages; leaves room for the connection
Offset = Annotated[int, Meta(ge=-1, lt=2**63 - 1)]


class Head(msgspec.Struct, gc=False):
    """The envelope of every message."""

    type: str
    connection_id: str = ""
    message_id: Id | None = None
    channel: str = ""
    id: str = ""  # ticker, or ticker/resolution
    contents: msgspec.Raw = msgspec.Raw()
    message: str = ""  # of an error


class BookLevel(msgspec.Struct, gc=False):
    """One price of a snapshot."""

    price: Price
    size: Floor
    offset: Offset = -1  # v3: when the level changed last


class Book(msgspec.Struct, gc=False):
    """Snapshot of a book, in no order."""

    bids: list[BookLevel]
    asks: list[BookLevel]


class Change(msgspec.Struct, gc=False):
    """Changes of a book: price, size now; 0 removes. Either side may be missing, but not both."""

    bids: list[tuple[Price, Floor]] | None = None
    asks: list[tuple[Price, Floor]] | None = None
    offset: Offset = -1  # v3


class Trade(msgspec.Struct, gc=False, rename="camel"):
    """One match; `side` is the taker's."""

    side: Literal["BUY", "SELL"]
    size: Floor
    price: Price
    created_at: str
    id: str = ""  # v4: height, transaction, event in hexadecimal
    type: str = "LIMIT"  # LIQUIDATED, DELEVERAGED: not by the will of one side


class Trades(msgspec.Struct, gc=False):
    """Trades, newest first."""

    trades: list[Trade]


class Candle(msgspec.Struct, gc=False, rename="camel"):
    """One candle; OHLC are null while nothing was traded in it."""

    started_at: str
    resolution: str
    base_token_volume: Floor
    open: Price | None = None
    high: Price | None = None
    low: Price | None = None
    close: Price | None = None
    ticker: str = ""


class Candles(msgspec.Struct, gc=False):
    """Candles, newest first."""

    candles: list[Candle]


class OraclePrice(msgspec.Struct, gc=False, rename="camel"):
    """A new oracle price."""

    oracle_price: Price
    effective_at: str = ""


class MarketsChange(msgspec.Struct, gc=False, rename="camel"):
    """What changed of the markets, by ticker; those nobody asked for are not looked into."""

    trading: dict[str, msgspec.Raw] | None = None  # Market
    oracle_prices: dict[str, msgspec.Raw] | None = None  # OraclePrice
    markets: dict[str, msgspec.Raw] | None = None  # Market, of a snapshot


class Settled(msgspec.Struct, gc=False, rename="camel"):
    """One funding rate that was paid."""

    rate: Rate
    effective_at: str
    price: Floor | None = None  # the oracle's


class FundingHistory(msgspec.Struct, gc=False, rename="camel"):
    """Answer of /v4/historicalFunding, newest first."""

    historical_funding: list[Settled]


class Time(msgspec.Struct, gc=False):
    """Answer of /v4/time."""

    epoch: Annotated[float, Meta(ge=0, lt=1e11)]  # s
