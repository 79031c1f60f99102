"""Gate futures. `VENUE` is all that others see; the module names say what lies where."""

from __future__ import annotations

from extrema_nb.venues.gate_futures.decode import Decoder
from extrema_nb.venues.gate_futures.market import GateFuturesMarket
from extrema_nb.venues.gate_futures.rest import decode_snapshot

__all__ = ["VENUE", "Decoder", "decode_snapshot"]

VENUE = GateFuturesMarket()
