"""Venues: found by their folder."""

from __future__ import annotations

import pytest

from extrema_nb import venues
from extrema_nb.errors import ConfigError


def test_every_folder_is_a_venue_that_loads_under_its_own_id():
    assert "binance-usdm" in venues.known()
    for name in venues.known():
        assert venues.load(name).id == name


def test_an_unknown_venue_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match="did you mean 'binance-usdm'"):
        venues.load("binance-usd")
