"""Hot channels of Coinbase for the compiled scanner: changes of books, tickers; and the older feed.

What is bound to hold here holds in `wire`, `exchange` and `decode` too, so that a frame gives the
same rows either way. Snapshots, trades of Advanced Trade (of which one message may hold several, newest
first) and tickers of the older feed are left to the decoder.
"""

from __future__ import annotations

from extrema_nb.events import EventKind, Side
from extrema_nb.kernels.shapes import (
    COUNT,
    LATER,
    LEVEL_PRICE,
    LEVEL_QTY,
    NUMBER,
    SIDE,
    TIME,
    Chain,
    Channel,
    End,
    Guard,
    Key,
    Node,
    Op,
    Shapes,
)
from extrema_nb.venues.coinbase.instruments import VENUE_ID
from extrema_nb.venues.coinbase.streams import SLOTS

__all__ = ["SHAPES"]

HIGHEST = 2**40 - 1  # number of a message
NEWEST = 2**63 - 2  # id of a trade

LEVEL = Node(
    (
        Key("side", Op.TEXT, SIDE, choices=(("bid", Side.BUY), ("offer", Side.SELL))),
        Key("event_time"), Key("price_level", Op.PRICE, LEVEL_PRICE),
        Key("new_quantity", Op.FLOOR, LEVEL_QTY),
    ),
    End.LEVEL,
)  # fmt: skip
BOOK = Node(
    (
        Key("type", Op.TEXT, COUNT, choices=(("update", 0),)), Key("product_id", Op.SYMBOL),
        Key("updates", Op.OBJECTS, node=LEVEL),
    ),
    End.BOOK,
)  # fmt: skip
TICKER = Node(
    (
        Key("type"), Key("product_id", Op.SYMBOL), Key("price"),
        Key("best_bid", Op.FLOOR, 0, quoted=True),
        Key("best_bid_quantity", Op.FLOOR, 1, quoted=True, optional=True),
        Key("best_ask", Op.FLOOR, 2, quoted=True),
        Key("best_ask_quantity", Op.FLOOR, 3, quoted=True, optional=True),
    ),
    End.ROW,
)  # fmt: skip
TICKERS = Node((Key("type"), Key("tickers", Op.OBJECTS, node=TICKER)))
_PRODUCT, _TIME = Key("product_id", Op.SYMBOL), Key("time", Op.ISO_TIME, TIME)
OLD_UPDATE = Node((_PRODUCT, Key("changes", Op.SIDED, quoted=True), _TIME), End.BOOK)
OLD_MATCH = Node(
    (
        Key("trade_id", Op.INT, 2, high=NEWEST), Key("maker_order_id"), Key("taker_order_id"),
        Key("side", Op.TEXT, SIDE, choices=(("buy", Side.SELL), ("sell", Side.BUY))),
        Key("size", Op.FLOOR, 1), Key("price", Op.PRICE, 0), _PRODUCT, Key("sequence"), _TIME,
    ),
    End.ROW,
)  # fmt: skip

SHAPES = Shapes(
    VENUE_ID,
    Node(
        (
            Key("channel", Op.CHANNEL), Key("type", Op.KIND, optional=True), Key("client_id"), Key("timestamp", Op.ISO_TIME, LATER),
            Key("sequence_num", Op.INT, NUMBER, high=HIGHEST), Key("events", Op.DATA),
        )
    ),
    (
        Channel(
            "l2_data", EventKind.LOB, SLOTS.index("l2_data"), BOOK, many=True,
            chain=Chain.NUMBER, guard=Guard.NUMBERED | Guard.STAMPED,
        ),
        Channel(
            "ticker", EventKind.BBO, SLOTS.index("ticker"), TICKERS, many=True,
            guard=Guard.EMPTY | Guard.NUMBERED | Guard.STAMPED,
        ),
        Channel(
            "l2update", EventKind.LOB, SLOTS.index("l2_data"), OLD_UPDATE, chain=Chain.KNOWN, guard=Guard.WHOLE,
        ),
        Channel("match", EventKind.TRADE, SLOTS.index("market_trades"), OLD_MATCH, guard=Guard.WHOLE),
    ),
    begin='{"',
)  # fmt: skip
