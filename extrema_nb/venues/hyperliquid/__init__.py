"""Hyperliquid, perpetual and spot, public side. `VENUE` is all that others see."""

from __future__ import annotations

from extrema_nb.venues.hyperliquid.decode import Decoder
from extrema_nb.venues.hyperliquid.market import HyperliquidMarket
from extrema_nb.venues.hyperliquid.sync import BookSync

__all__ = ["VENUE", "BookSync", "Decoder"]

VENUE = HyperliquidMarket()
