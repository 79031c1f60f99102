"""Hot channels of Hyperliquid for the compiled scanner; `wire` says the same for everything else.

What is bound to hold here holds in `wire` and `decode` too, so that a frame gives the same rows
either way.
"""

from __future__ import annotations

from extrema_nb.events import EventKind, Flag, Side
from extrema_nb.kernels.shapes import (
    FLAGS,
    LEVEL_PRICE,
    LEVEL_QTY,
    SIDE,
    TIME,
    Chain,
    Channel,
    End,
    Key,
    Node,
    Op,
    Shapes,
)
from extrema_nb.venues.hyperliquid.instruments import VENUE_ID
from extrema_nb.venues.hyperliquid.streams import SLOTS

__all__ = ["SHAPES"]

MS = 1000  # µs
LATEST = 2**53 - 1  # ms
NEWEST = 2**63 - 2  # id

_COIN = Key("coin", Op.SYMBOL)
_TIME = Key("time", Op.INT, TIME, high=LATEST, scale=MS)
_LEVEL = Node((Key("n"), Key("px", Op.PRICE, LEVEL_PRICE), Key("sz", Op.FLOOR, LEVEL_QTY)))
TRADE = Node(
    (
        _COIN, Key("hash"), Key("px", Op.PRICE, 0),
        Key("side", Op.TEXT, SIDE, choices=(("A", Side.SELL), ("B", Side.BUY))),
        Key("sz", Op.FLOOR, 1), Key("tid", Op.INT, 2, high=NEWEST), _TIME, Key("users"),
    ),
    End.ROW,
)  # fmt: skip
BBO = Node((_COIN, _TIME, Key("bbo", Op.BESTS, node=_LEVEL)), End.ROW)
BOOK = Node((_COIN, Key("levels", Op.LADDERS, node=_LEVEL), _TIME), End.BOOK)

SHAPES = Shapes(
    VENUE_ID,
    Node((Key("channel", Op.CHANNEL), Key("data", Op.DATA))),
    (
        Channel(
            "l2Book", EventKind.LOB, SLOTS.index("l2Book"), BOOK, chain=Chain.TIME,
            words=((FLAGS, Flag.SNAPSHOT),),
        ),
        Channel("trades", EventKind.TRADE, SLOTS.index("trades"), TRADE, many=True),
        Channel(
            "bbo", EventKind.BBO, SLOTS.index("bbo"), BBO, words=((1, 0.0), (3, 0.0)),
        ),
    ),
    begin='{"channel":"',
)  # fmt: skip
