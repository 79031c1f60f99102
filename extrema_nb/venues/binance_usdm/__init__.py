"""Binance USD-M futures. `VENUE` is all that others see; the module names say what lies where."""

from __future__ import annotations

from extrema_nb.venues.binance_usdm.decode import Decoder
from extrema_nb.venues.binance_usdm.market import BinanceMarket
from extrema_nb.venues.binance_usdm.rest import decode_snapshot
from extrema_nb.venues.binance_usdm.sync import BookSync
from extrema_nb.venues.binance_usdm.trading import BinanceTrading

__all__ = ["VENUE", "BinanceUsdm", "BookSync", "Decoder", "decode_snapshot"]


class BinanceUsdm(BinanceMarket, BinanceTrading):
    """USD-margined futures of Binance, public and private."""


VENUE = BinanceUsdm()
