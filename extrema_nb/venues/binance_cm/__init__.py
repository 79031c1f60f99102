"""Binance COIN-M futures, public side. `VENUE` is all that others see."""

from __future__ import annotations

from extrema_nb.venues.binance_cm.market import BinanceCmMarket

__all__ = ["VENUE"]

VENUE = BinanceCmMarket()
