"""OKX, spot, swaps and dated futures. `VENUE` is all that others see; names say what lies where."""

from __future__ import annotations

from extrema_nb.venues.okx.decode import Decoder
from extrema_nb.venues.okx.market import OkxMarket
from extrema_nb.venues.okx.rest import decode_snapshot
from extrema_nb.venues.okx.sync import BookSync

__all__ = ["VENUE", "BookSync", "Decoder", "decode_snapshot"]

VENUE = OkxMarket()
