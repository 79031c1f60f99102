"""Coin-margined futures of Binance."""

from __future__ import annotations

from replay.local_venue.public.dialects._binance import Binance

__all__ = ["DIALECT"]

DIALECT = Binance("binance-cm", "/dapi/v1", "cm")
