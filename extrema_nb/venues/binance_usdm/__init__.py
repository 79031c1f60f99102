"""Binance USD-M futures. `VENUE` is all that others see; the module names say what lies where."""

from __future__ import annotations

from extrema_nb.venues.binance_usdm.market import BinanceUsdmMarket
from extrema_nb.venues.binance_usdm.trading import BinanceTrading

__all__ = ["VENUE", "BinanceUsdm"]


class BinanceUsdm(BinanceTrading, BinanceUsdmMarket):
    """USD-margined futures of Binance, public and private."""


VENUE = BinanceUsdm()
