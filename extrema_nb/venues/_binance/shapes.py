"""Hot channels of Binance for the compiled scanner; `wire` says the same for everything else.

Frames of combined streams only: ``{"stream":"btcusdt@trade","data":{…}}``. What is bound to hold
here holds in `wire` and `decode` too, so that a frame gives the same rows either way. The top
levels of spot do not say of which symbol they are and are left to the decoder.
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
from extrema_nb.venues._binance.dialect import Dialect
from extrema_nb.venues._binance.streams import SLOTS, TOP_DEPTH

__all__ = ["shapes"]

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
_PAIR = Key("ps")  # of COIN-M
_SPOT_ONLY = Key("M")
_BEST = tuple(Key(name, Op.FLOOR, word) for word, name in enumerate(("b", "B", "a", "A")))
_SIDES = Key("b", Op.BIDS), Key("a", Op.ASKS)

TRADE = Node(
    (
        _event("trade"), _E, _T, _S, _id("t", 2), Key("p", Op.FLOOR, 0), Key("q", Op.FLOOR, 1),
        Key(
            "X", Op.TEXT, FLAGS, choices=(("MARKET", Flag.LAST),),
            default=Flag.OFF_BOOK | Flag.LAST, optional=True,
        ),
        _MAKER, _SPOT_ONLY,
    ),
    End.ROW,
)  # fmt: skip
AGG_TRADE = Node(
    (
        _event("aggTrade"), _E, _id("a", 2, optional=True), _S, Key("p", Op.PRICE, 0),
        Key("q", Op.FLOOR, 1), _id("f", 3, optional=True), _id("l", 4, optional=True), _T, _MAKER,
        _SPOT_ONLY,
    ),
    End.ROW,
)  # fmt: skip
BOOK_TICKER = Node(
    (
        _event("bookTicker"), _id("u", 4), _S, _PAIR, *_BEST, _T, _E,
    ),
    End.ROW,
)  # fmt: skip
SPOT_BOOK_TICKER = Node((_id("u", 4), _S, *_BEST, Key("e", Op.TEXT, optional=True)), End.ROW)
DEPTH = Node(
    (
        _event("depthUpdate"), _E, _T, _S, _PAIR, _id("U", FIRST_SEQ), _id("u", SEQ),
        _id("pu", PREV_SEQ), *_SIDES,
    ),
    End.BOOK,
)  # fmt: skip
SPOT_DEPTH = Node(
    (_event("depthUpdate"), _E, _S, _id("U", FIRST_SEQ), _id("u", SEQ), *_SIDES), End.BOOK
)


def shapes(dialect: Dialect) -> Shapes:
    """Return the hot channels of a market."""
    chained = dialect.chained
    best = Channel(
        "bookTicker", EventKind.BBO, SLOTS.index("bookTicker"),
        BOOK_TICKER if chained else SPOT_BOOK_TICKER,
        guard=Guard.EMPTY if chained else Guard.EMPTY | Guard.ARRIVAL,
    )  # fmt: skip
    diff = Channel(
        "depth", EventKind.LOB, SLOTS.index("depth"), DEPTH if chained else SPOT_DEPTH,
        after=("", "@"), chain=Chain.PREV if chained else Chain.FIRST, guard=Guard.IDS,
    )  # fmt: skip
    channels = [
        best,
        Channel("trade", EventKind.TRADE, SLOTS.index("trade"), TRADE, guard=Guard.PRICE),
        diff,
        Channel(
            "aggTrade", EventKind.TRADE, SLOTS.index("aggTrade"), AGG_TRADE,
            words=((FLAGS, Flag.AGGREGATE | Flag.LAST),),
        ),
    ]  # fmt: skip
    if chained:
        channels += [
            Channel(
                f"depth{levels}", EventKind.LOB, SLOTS.index("partial"), DEPTH, after=("", "@"),
                words=((FLAGS, Flag.SNAPSHOT | Flag.PARTIAL),),
            )
            for levels in TOP_DEPTH
        ]  # fmt: skip
    return Shapes(
        dialect.id,
        Node((Key("stream", Op.CHANNEL), Key("data", Op.DATA))),
        tuple(channels),
        mark="@",
        begin='{"stream":"',
    )
