"""Binance spot, public side. `VENUE` is all that others see."""

from __future__ import annotations

from extrema_nb.venues.binance_spot.market import BinanceSpotMarket

__all__ = ["VENUE"]

VENUE = BinanceSpotMarket()
