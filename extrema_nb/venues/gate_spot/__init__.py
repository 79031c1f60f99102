"""Gate spot. `VENUE` is all that others see; the module names say what lies where."""

from __future__ import annotations

from extrema_nb.venues.gate_spot.decode import Decoder
from extrema_nb.venues.gate_spot.market import GateSpotMarket
from extrema_nb.venues.gate_spot.rest import decode_snapshot

__all__ = ["VENUE", "Decoder", "decode_snapshot"]

VENUE = GateSpotMarket()
