"""Coinbase Advanced Trade, and captures of its older feed. `VENUE` is all that others see."""

from __future__ import annotations

from extrema_nb.venues.coinbase.decode import Decoder
from extrema_nb.venues.coinbase.market import CoinbaseMarket
from extrema_nb.venues.coinbase.sync import BookSync

__all__ = ["VENUE", "BookSync", "Decoder"]

VENUE = CoinbaseMarket()
