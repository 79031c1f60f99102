"""Both markets keep the port."""

from __future__ import annotations

import inspect

import pytest

from replay.local_venue.capture_feed import CapturedMarket
from replay.local_venue.port import Market
from replay.local_venue.simulate import SimulatedMarket

METHODS = [name for name in vars(Market) if not name.startswith("_")]


@pytest.mark.parametrize("market", [CapturedMarket, SimulatedMarket])
@pytest.mark.parametrize("name", METHODS)
def test_a_market_has_every_method_with_the_same_parameters(market, name):
    wanted = inspect.signature(getattr(Market, name))
    assert inspect.signature(getattr(market, name)) == wanted
