"""Hot channels of OKX for the compiled scanner; `wire` says the same for everything else.

Frames ``{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{…}]}``. What is
bound to hold here holds in `wire` and `decode` too, so that a frame gives the same rows either way.
Pushed snapshots, messages without numbers and those with a checksum are rare and are left to the
decoder, and so are the top five levels.
"""

from __future__ import annotations

from extrema_nb.events import EventKind, Flag, Side
from extrema_nb.kernels.shapes import (
    COUNT,
    FLAGS,
    PREV_SEQ,
    SEQ,
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
from extrema_nb.venues.okx.instruments import VENUE_ID
from extrema_nb.venues.okx.streams import SLOTS

__all__ = ["SHAPES"]

MS = 1000  # µs
LATEST = 2**53 - 1  # ms
NEWEST = 2**63 - 2  # id
LEVEL = 1  # more values may follow in a level

_TS = Key("ts", Op.INT, TIME, high=LATEST, scale=MS)
_INST = Key("instId")  # stands in `arg` as well

TRADE = Node(
    (
        _INST,
        Key("tradeId", Op.INT, 2, low=-1, high=NEWEST),
        Key("px", Op.PRICE, 0),
        Key("sz", Op.FLOOR, 1),
        Key("side", Op.TEXT, SIDE, choices=(("buy", Side.BUY), ("sell", Side.SELL))),
        _TS,
        Key("count", Op.INT, COUNT, low=1, optional=True),
        Key("source"),
        Key("seqId"),
    ),
    End.ROW,
)
BEST = Node(
    (
        Key("asks", Op.BEST_ASK, low=LEVEL),
        Key("bids", Op.BEST_BID, low=LEVEL),
        _TS,
        Key("seqId", Op.INT, 4, low=-1, high=NEWEST, optional=True),
        _INST,
        Key("checksum"),
        Key("prevSeqId"),
    ),
    End.ROW,
)
BOOK = Node(
    (
        Key("asks", Op.ASKS, low=LEVEL),
        Key("bids", Op.BIDS, low=LEVEL),
        _TS,
        Key("checksum", Op.INT, COUNT, low=0, high=0, optional=True),
        Key("seqId", Op.INT, SEQ, low=0, high=NEWEST),
        Key("prevSeqId", Op.INT, PREV_SEQ, low=0, high=NEWEST),
        _INST,
    ),
    End.BOOK,
)
# what is not said to be an update is taken for a snapshot, which the scanner leaves to the decoder
UNSAID = ((FLAGS, Flag.LAST | Flag.SNAPSHOT),)
EMPTY = ((1, 0.0), (3, 0.0))  # an absent best price has quantity 0


def _book(name: str) -> Channel:
    return Channel(
        name, EventKind.LOB, SLOTS.index("books"), BOOK, many=True, words=UNSAID, chain=Chain.PREV
    )


SHAPES = Shapes(
    VENUE_ID,
    Node(
        (
            Key("arg", Op.OBJECT, node=Node((Key("channel", Op.CHANNEL), Key("instId", Op.SYMBOL)))),
            Key("action", Op.TEXT, FLAGS, choices=(("update", Flag.LAST),), optional=True),
            Key("data", Op.DATA),
        )
    ),
    (
        _book("books"),
        Channel(
            "bbo-tbt", EventKind.BBO, SLOTS.index("bbo-tbt"), BEST, many=True, words=EMPTY
        ),
        Channel(
            "trades", EventKind.TRADE, SLOTS.index("trades"), TRADE, many=True,
            guard=Guard.SEVERAL,
        ),
        Channel(
            "trades-all", EventKind.TRADE, SLOTS.index("trades-all"), TRADE, many=True,
            guard=Guard.SEVERAL,
        ),
        _book("books-l2-tbt"),
        _book("books50-l2-tbt"),
    ),
)  # fmt: skip
