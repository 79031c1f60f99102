"""Hot channels of Gate for the compiled scanner; `wire` says the same for everything else.

Frames ``{"time":…,"channel":"spot.trades","event":"update","result":{…}}``, in any order that names
the channel before its result. What is bound to hold here holds in `wire` and `decode` too, so that
a frame gives the same rows either way. Snapshots, messages without a time of their own and best
prices with an empty side are rare and are left to the decoder.
"""

from __future__ import annotations

from extrema_nb.events import EventKind
from extrema_nb.kernels.shapes import (
    COUNT,
    FIRST_SEQ,
    LATER,
    LEVEL_PRICE,
    LEVEL_QTY,
    SEQ,
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

__all__ = ["MS", "NEWEST", "shapes"]

MS = 1000  # µs
LATEST = 2**53 - 1  # ms
LATEST_S = 2**43 - 1  # s
NEWEST = 2**63 - 2  # id
LEVEL = 1  # more values may follow in a level

_T = Key("t", Op.INT, TIME, low=1, high=LATEST, scale=MS)
_LAST = Key("u", Op.INT, SEQ, low=0, high=NEWEST)
_FIRST = Key("U", Op.INT, FIRST_SEQ, low=0, high=NEWEST)
_FULL = Key("full", Op.TEXT, COUNT, optional=True)  # no text at all: whatever it says is rare
_PAIRS = (
    Key("b", Op.BIDS, low=LEVEL, optional=True),
    Key("a", Op.ASKS, low=LEVEL, optional=True),
)
_LEVEL = Node((Key("p", Op.PRICE, LEVEL_PRICE), Key("s", Op.FLOOR, LEVEL_QTY)), End.LEVEL)
_OBJECTS = (
    Key("b", Op.BID_OBJECTS, node=_LEVEL, optional=True),
    Key("a", Op.ASK_OBJECTS, node=_LEVEL, optional=True),
)
_BEST = (
    Key("b", Op.FLOOR, 0, quoted=True),
    Key("B", Op.FLOOR, 1),
    Key("a", Op.FLOOR, 2, quoted=True),
    Key("A", Op.FLOOR, 3),
)
BOOK_TICKER = Node(
    (_T, Key("u", Op.INT, 4, low=-1, high=NEWEST), Key("s", Op.SYMBOL), *_BEST), End.ROW
)


def _book(levels: tuple[Key, ...], *, inner: bool) -> Node:
    """Return a book message; `inner`: its symbol stands in the name of a stream."""
    symbol = Key("s", Op.SYMBOL, low=int(inner))
    return Node((_T, Key("e"), Key("E"), symbol, _FIRST, _LAST, *levels, _FULL), End.BOOK)


def shapes(
    venue: str, market: str, slots: tuple[str, ...], trade: Node, *, many: bool, objects: bool
) -> Shapes:
    """Return the tables of a market.

    Parameters
    ----------
    trade : what a trade looks like
    many : trades come as a list
    objects : the levels of ``order_book_update`` are objects, not arrays
    """
    depth = slots.index("order_book_update")
    update = _book(_OBJECTS if objects else _PAIRS, inner=False)
    return Shapes(
        venue,
        Node(
            (
                Key("time", Op.INT, LATER, high=LATEST_S, optional=True),
                Key("time_ms", Op.INT, LATER, high=LATEST, optional=True),
                Key("channel", Op.CHANNEL),
                Key("event", Op.TEXT, COUNT, choices=(("update", 0), ("all", 0))),
                Key("result", Op.DATA),
            )
        ),
        (
            Channel(
                f"{market}.order_book_update", EventKind.LOB, depth, update,
                chain=Chain.FIRST, guard=Guard.IDS,
            ),
            Channel(
                f"{market}.obu", EventKind.LOB, depth, _book(_PAIRS, inner=True),
                chain=Chain.FIRST, guard=Guard.IDS,
            ),
            Channel(
                f"{market}.book_ticker", EventKind.BBO, slots.index("book_ticker"), BOOK_TICKER,
                guard=Guard.EMPTY,
            ),
            Channel(f"{market}.trades", EventKind.TRADE, slots.index("trades"), trade, many=many),
        ),
    )  # fmt: skip
