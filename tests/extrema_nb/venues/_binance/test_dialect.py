"""What tells the markets of Binance apart."""

from __future__ import annotations

import pytest

from extrema_nb.channels import INTERVALS
from extrema_nb.venues.binance_cm.market import DIALECT as CM
from extrema_nb.venues.binance_spot.market import DIALECT as SPOT
from extrema_nb.venues.binance_usdm.market import DIALECT as USDM


@pytest.mark.parametrize("dialect", [SPOT, USDM, CM])
def test_a_dialect_is_consistent(dialect):
    assert set(dialect.intervals) <= set(INTERVALS)
    assert dialect.diff_speed[0] in dialect.diff_speed.values()
    assert dialect.klines == tuple(sorted(dialect.klines))
    assert dialect.depth_weight < dialect.weight_a_minute
    assert dialect.endpoints.rest.startswith("https://")
    assert dialect.endpoints.ws.startswith("wss://")


def test_only_spot_has_neither_chains_nor_mark_prices():
    assert [(d.chained, d.marked) for d in (SPOT, USDM, CM)] == [
        (False, False), (True, True), (True, True),
    ]  # fmt: skip


def test_only_usdm_has_routes():
    assert {d.route_of("btcusdt@trade") for d in (SPOT, CM)} == {""}
    assert USDM.route_of("btcusdt@trade") == "/market"
