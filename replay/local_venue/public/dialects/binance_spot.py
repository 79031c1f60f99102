"""Binance spot."""

from __future__ import annotations

from replay.local_venue.public.dialects._binance import Binance

__all__ = ["DIALECT"]

DIALECT = Binance("binance-spot", "/api/v3", "spot")
