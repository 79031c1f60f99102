"""dYdX v4, read from its indexer, public side. `VENUE` is all that others see."""

from __future__ import annotations

from extrema_nb.venues.dydx.decode import Decoder
from extrema_nb.venues.dydx.market import DydxMarket
from extrema_nb.venues.dydx.sync import BookSync

__all__ = ["VENUE", "BookSync", "Decoder"]

VENUE = DydxMarket()
