"""Hot channels of the dYdX indexer for the compiled scanner: trades and changes of books, one or several.

Frames ``{"type":"channel_data","connection_id":"…","message_id":5,"id":"BTC-USD","channel":
"v4_orderbook","version":"1.0.0","contents":{"bids":[["43240","2"]]}}``, or ``channel_batch_data``
with a list of contents. What is bound to hold here holds in `wire` and `decode` too, so that a frame
gives the same rows either way. Answers to subscriptions, trades that are liquidations, and what
is out of order on its connection are left to the decoder.
"""

from __future__ import annotations

from extrema_nb.events import EventKind, Flag, Side
from extrema_nb.kernels.shapes import (
    BATCHED,
    FIRST_SEQ,
    FLAGS,
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
from extrema_nb.venues.dydx.instruments import VENUE_ID
from extrema_nb.venues.dydx.streams import SLOTS

__all__ = ["SHAPES"]

HIGHEST = 2**40 - 1  # number of a message
NEWEST = 2**63 - 2  # offset of v3

_LEVELS = Key("bids", Op.BIDS, optional=True), Key("asks", Op.ASKS, optional=True)
CHANGE = Node(_LEVELS, End.BOOK)
OLD_CHANGE = Node((Key("offset", Op.INT, FIRST_SEQ, high=NEWEST), *_LEVELS), End.BOOK)
_SIDE = Key("side", Op.TEXT, SIDE, choices=(("BUY", Side.BUY), ("SELL", Side.SELL)))
_MATCH = (
    Key("size", Op.FLOOR, 1), Key("price", Op.PRICE, 0), _SIDE,
    Key("createdAt", Op.ISO_TIME, TIME),
)  # fmt: skip
# a liquidation gives two rows, and is rare
_TYPE = Key(
    "type", Op.TEXT, FLAGS, optional=True,
    choices=(("LIMIT", Flag.LAST), ("MARKET", Flag.LAST), ("DELEVERAGED", Flag.LAST | Flag.OFF_BOOK)),
)  # fmt: skip
TRADE = Node((Key("id", Op.HEX_ID, 2, optional=True), *_MATCH, _TYPE), End.ROW)
TRADES = Node((Key("trades", Op.OBJECTS, node=TRADE),))


def _book(name: str, change: Node) -> Channel:
    return Channel(
        name, EventKind.LOB, SLOTS.index("v4_orderbook"), change, many=None, chain=Chain.NUMBER,
        guard=Guard.NUMBERED | Guard.ARRIVAL | Guard.CHANGES | Guard.AGED,
    )  # fmt: skip


def _trades(name: str) -> Channel:
    return Channel(
        name, EventKind.TRADE, SLOTS.index("v4_trades"), TRADES, many=None, guard=Guard.NUMBERED
    )


SHAPES = Shapes(
    VENUE_ID,
    Node(
        (
            Key(
                "type", Op.TEXT, BATCHED,
                choices=(("channel_data", 0), ("channel_batch_data", 1)),
            ),
            Key("connection_id", Op.LINE), Key("message_id", Op.INT, NUMBER, high=HIGHEST),
            Key("id", Op.SYMBOL), Key("channel", Op.CHANNEL), Key("version"),
            Key("contents", Op.DATA),
        )
    ),
    (
        _book("v4_orderbook", CHANGE), _trades("v4_trades"), _book("v3_orderbook", OLD_CHANGE),
        _trades("v3_trades"),
    ),
    begin='{"type":"channel_',
)  # fmt: skip
