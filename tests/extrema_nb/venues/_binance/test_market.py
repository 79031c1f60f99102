"""The public side of each market in one object."""

from __future__ import annotations

import pytest

from extrema_nb import venues
from extrema_nb.channels import Funding, Lob
from extrema_nb.instruments import InstrumentTable
from extrema_nb.venues._binance.decode import Decoder
from extrema_nb.venues._binance.sync import BookSync, SpotBookSync
from extrema_nb.venues.binance_cm import VENUE as CM
from extrema_nb.venues.binance_spot import VENUE as SPOT
from extrema_nb.venues.binance_usdm import VENUE as USDM


@pytest.mark.parametrize("venue", [SPOT, USDM, CM], ids=lambda venue: venue.id)
def test_the_venue_fulfils_the_port(venue):
    port: venues.MarketVenue = venue
    assert port.endpoints.rest.startswith("https://")
    assert port.endpoints.ws.startswith("wss://")
    assert port.slot_of(Lob()) == port.diff_slot
    assert isinstance(port.decoder(InstrumentTable()), Decoder)
    assert port.limits[0][:3] == ("weight", 6000 if venue is SPOT else 2400, 60.0)
    assert "X-MBX-USED-WEIGHT-1M" in port.used_headers
    assert port.ws_limits.messages == (5 if venue is SPOT else 10)
    assert (Funding in port.channels) == (venue is not SPOT)


def test_each_market_has_its_book_rule():
    assert type(USDM.book_sync(3)) is type(CM.book_sync(3)) is BookSync
    assert type(SPOT.book_sync(3)) is SpotBookSync
    sync = USDM.book_sync(3, task_id=9)
    assert sync.inst == 3
    assert sync.needs_snapshot


def test_the_private_side_keeps_its_own_limits():
    assert [name for name, *_ in USDM.limits] == ["weight", "orders_10s", "orders_1m"]
    order = USDM.time()._replace(orders=1)
    assert USDM.costs(order) == {"weight": 1, "orders_10s": 1, "orders_1m": 1}


@pytest.mark.parametrize(
    ("venue", "symbol"), [(SPOT, "BTCUSDT"), (USDM, "BTCUSDT"), (CM, "BTCUSD_PERP")]
)
def test_names_go_both_ways(venue, symbol):
    assert venue.symbol_of(venue.name_of(symbol)) == symbol
