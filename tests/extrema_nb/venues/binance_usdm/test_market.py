"""The public side in one object."""

from __future__ import annotations

from extrema_nb import venues
from extrema_nb.channels import Lob
from extrema_nb.venues.binance_usdm import VENUE, BookSync, Decoder


def test_the_venue_fulfils_the_port():
    port: venues.MarketVenue = VENUE
    assert port.endpoints.rest.startswith("https://")
    assert port.endpoints.ws.startswith("wss://")
    assert port.slot_of(Lob()) == port.diff_slot


def test_the_classes_are_reached_through_the_venue():
    assert VENUE.Decoder is Decoder
    assert VENUE.BookSync is BookSync
    sync = VENUE.book_sync(3, task_id=9)
    assert sync.inst == 3
    assert sync.needs_snapshot


def test_names_go_both_ways():
    assert VENUE.symbol_of(VENUE.name_of("BTCUSDT")) == "BTCUSDT"
