"""Public payloads of Coinbase Advanced Trade, as typed structs.

Numbers come as text and are read as float64 while the JSON is parsed (msgspec's lax mode); bounds
refuse NaN, infinities and negative quantities. Unknown fields are skipped.

https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

__all__ = ["Book", "BookEvent", "CandleEvent", "Candles", "Head", "Level", "Pricebook", "TickerEvent", "Trade", "TradeEvent"]  # fmt: skip

MAX = 1e18  # far above any price or quantity; refuses "inf"
Price = Annotated[float, Meta(gt=0.0, lt=MAX)]  # quote units
Floor = Annotated[float, Meta(ge=0.0, lt=MAX)]
Id = Annotated[int, Meta(ge=0, lt=2**63 - 1)]
Number = Annotated[int, Meta(ge=0, lt=2**40)]  # of messages; leaves room for the connection
Seconds = Annotated[int, Meta(ge=0, lt=2**40)]


class Head(msgspec.Struct, gc=False):
    """The envelope of every message; those of the older feed have a `type` instead of a channel."""

    channel: str = ""
    timestamp: str = ""
    sequence_num: Number | None = None
    events: msgspec.Raw = msgspec.Raw()
    type: str = ""
    message: str = ""  # of an error
    reason: str = ""


class LevelChange(msgspec.Struct, gc=False):
    """One price and the quantity there now; 0 removes it."""

    side: Literal["bid", "offer"]
    price_level: Price
    new_quantity: Floor


class BookEvent(msgspec.Struct, gc=False):
    """A whole book, or what changed of it."""

    type: Literal["snapshot", "update"]
    product_id: str
    updates: list[LevelChange]


class Trade(msgspec.Struct, gc=False):
    """One match; `side` is the maker's."""

    trade_id: Id
    product_id: str
    price: Price
    size: Floor
    side: Literal["BUY", "SELL", "UNKNOWN_ORDER_SIDE"]
    time: str


class TradeEvent(msgspec.Struct, gc=False):
    """Trades, newest first."""

    type: Literal["snapshot", "update"]
    trades: list[Trade]


class Ticker(msgspec.Struct, gc=False):
    """Best prices at a trade; what is not known may be an empty text or missing."""

    product_id: str
    best_bid: str = ""
    best_bid_quantity: str = ""
    best_ask: str = ""
    best_ask_quantity: str = ""


class TickerEvent(msgspec.Struct, gc=False):
    """Tickers of one or more products."""

    tickers: list[Ticker]


class Candle(msgspec.Struct, gc=False):
    """A candle; in the stream of five minutes, pushed while it grows."""

    start: Seconds
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Floor
    product_id: str = ""


class CandleEvent(msgspec.Struct, gc=False):
    """Candles, newest first."""

    candles: list[Candle]


class Candles(CandleEvent, gc=False):
    """Answer of /market/products/{id}/candles, newest first."""


class Level(msgspec.Struct, gc=False):
    """One price of a REST book."""

    price: Price
    size: Floor


class Pricebook(msgspec.Struct, gc=False):
    """A REST book."""

    product_id: str
    bids: list[Level]
    asks: list[Level]
    time: str = ""


class Book(msgspec.Struct, gc=False):
    """Answer of /market/product_book."""

    pricebook: Pricebook


class Time(msgspec.Struct, gc=False, rename="camel"):
    """Answer of /time."""

    epoch_millis: Annotated[int, Meta(ge=0, lt=2**53)]
