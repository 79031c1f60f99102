"""Hot channels of Binance USD-M for the compiled scanner; `wire` says the same for everything else.

Frames of combined streams only: ``{"stream":"btcusdt@trade","data":{…}}``. What is bound to hold
here holds in `wire` and `decode` too, so that a frame gives the same rows either way.
"""

from __future__ import annotations

from extrema_nb.events import EventKind, Flag, Side
from extrema_nb.kernels.shapes import (
    COUNT,
    FIRST_SEQ,
    FLAGS,
    LATER,
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
from extrema_nb.venues.binance_usdm.instruments import VENUE_ID
from extrema_nb.venues.binance_usdm.streams import SLOTS

__all__ = ["SHAPES"]

MS = 1000  # µs
LATEST = 2**53 - 1  # ms
NEWEST = 2**63 - 2  # id


def _event(name: str) -> Key:
    return Key("e", Op.TEXT, COUNT, choices=((name, 0),), optional=True)


def _id(name: str, word: int, *, optional: bool = False) -> Key:
    return Key(name, Op.INT, word, low=-1, high=NEWEST, optional=optional)


_E = Key("E", Op.INT, LATER, high=LATEST, scale=MS)
_T = Key("T", Op.INT, TIME, high=LATEST, scale=MS, optional=True)
_S = Key("s", Op.SYMBOL)
_MAKER = Key("m", Op.BOOL, SIDE, low=Side.BUY, high=Side.SELL)  # the buyer was: the taker sold
_PAIR = Key("ps")

TRADE = Node(
    (
        _event("trade"), _E, _T, _S, _id("t", 2), Key("p", Op.FLOOR, 0), Key("q", Op.FLOOR, 1),
        Key(
            "X", Op.TEXT, FLAGS, choices=(("MARKET", Flag.LAST),),
            default=Flag.OFF_BOOK | Flag.LAST, optional=True,
        ),
        _MAKER,
    ),
    End.ROW,
)  # fmt: skip
AGG_TRADE = Node(
    (
        _event("aggTrade"), _E, _id("a", 2, optional=True), _S, Key("p", Op.PRICE, 0),
        Key("q", Op.FLOOR, 1), _id("f", 3, optional=True), _id("l", 4, optional=True), _T, _MAKER,
    ),
    End.ROW,
)  # fmt: skip
BOOK_TICKER = Node(
    (
        _event("bookTicker"), _id("u", 4), _S, _PAIR, Key("b", Op.FLOOR, 0), Key("B", Op.FLOOR, 1),
        Key("a", Op.FLOOR, 2), Key("A", Op.FLOOR, 3), _T, _E,
    ),
    End.ROW,
)  # fmt: skip
DEPTH = Node(
    (
        _event("depthUpdate"), _E, _T, _S, _PAIR, _id("U", FIRST_SEQ), _id("u", SEQ),
        _id("pu", PREV_SEQ), Key("b", Op.BIDS), Key("a", Op.ASKS),
    ),
    End.BOOK,
)  # fmt: skip

SHAPES = Shapes(
    VENUE_ID,
    Node((Key("stream", Op.CHANNEL), Key("data", Op.DATA))),
    (
        Channel(
            "bookTicker", EventKind.BBO, SLOTS.index("bookTicker"), BOOK_TICKER, guard=Guard.EMPTY
        ),
        Channel("trade", EventKind.TRADE, SLOTS.index("trade"), TRADE, guard=Guard.PRICE),
        Channel(
            "depth", EventKind.LOB, SLOTS.index("depth"), DEPTH, after=("", "@"),
            chain=Chain.PREV, guard=Guard.IDS,
        ),
        Channel(
            "aggTrade", EventKind.TRADE, SLOTS.index("aggTrade"), AGG_TRADE,
            words=((FLAGS, Flag.AGGREGATE | Flag.LAST),),
        ),
        Channel(
            "depth", EventKind.LOB, SLOTS.index("partial"), DEPTH, after=("0",),
            guard=Guard.IDS, words=((FLAGS, Flag.SNAPSHOT | Flag.PARTIAL),),
        ),
    ),
    mark="@",
)  # fmt: skip
