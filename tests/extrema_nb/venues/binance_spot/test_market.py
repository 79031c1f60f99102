"""Spot, public side."""

from __future__ import annotations

import pytest

from extrema_nb.errors import ConfigError
from extrema_nb.venues.binance_spot import VENUE
from extrema_nb.venues.binance_spot.market import DIALECT


def test_the_venue_has_no_futures_channels():
    assert VENUE.dialect is DIALECT
    assert {kind.__name__ for kind in VENUE.channels} == {"Trades", "Lob", "Candles"}
    with pytest.raises(ConfigError, match="not supported by binance-spot"):
        VENUE.open_interest_request("BTCUSDT")
