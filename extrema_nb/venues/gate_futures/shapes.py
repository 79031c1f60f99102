"""Hot channels of Gate futures for the compiled scanner."""

from __future__ import annotations

from extrema_nb.events import Flag
from extrema_nb.kernels.shapes import FLAGS, LATER, TIME, End, Key, Node, Op
from extrema_nb.venues._gate.shapes import MS, NEWEST, shapes
from extrema_nb.venues.gate_futures.instruments import VENUE_ID
from extrema_nb.venues.gate_futures.streams import SLOTS

__all__ = ["SHAPES"]

TRADE = Node(
    (
        Key("size", Op.SIGNED),
        Key("id", Op.INT, 2, low=-1, high=NEWEST),
        Key("create_time", Op.INT, LATER, high=2**33 - 1),
        Key("create_time_ms", Op.INT, TIME, low=1, high=2**43 - 1, scale=MS),
        Key("price", Op.PRICE, 0),
        Key("contract", Op.SYMBOL),
        Key("is_internal", Op.BOOL, FLAGS, Flag.LAST, Flag.OFF_BOOK | Flag.LAST, optional=True),
    ),
    End.ROW,
)
SHAPES = shapes(VENUE_ID, "futures", SLOTS, TRADE, many=True, objects=True)
