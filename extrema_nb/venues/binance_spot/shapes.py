"""Hot channels of this market for the compiled scanner."""

from __future__ import annotations

from extrema_nb.venues._binance.shapes import shapes
from extrema_nb.venues.binance_spot.market import DIALECT

__all__ = ["SHAPES"]

SHAPES = shapes(DIALECT)
