"""Hot channels of Gate spot for the compiled scanner."""

from __future__ import annotations

from extrema_nb.events import Side
from extrema_nb.kernels.shapes import SIDE, TIME, End, Key, Node, Op
from extrema_nb.venues._gate.shapes import NEWEST, shapes
from extrema_nb.venues.gate_spot.instruments import VENUE_ID
from extrema_nb.venues.gate_spot.streams import SLOTS

__all__ = ["SHAPES"]

TRADE = Node(
    (
        Key("id", Op.INT, 2, low=-1, high=NEWEST),
        Key("id_market"),
        Key("create_time"),
        Key("create_time_ms", Op.MILLIS, TIME),
        Key("side", Op.TEXT, SIDE, choices=(("sell", Side.SELL), ("buy", Side.BUY))),
        Key("currency_pair", Op.SYMBOL),
        Key("amount", Op.FLOOR, 1),
        Key("price", Op.PRICE, 0),
        Key("range"),
    ),
    End.ROW,
)
SHAPES = shapes(VENUE_ID, "spot", SLOTS, TRADE, many=False, objects=False)
