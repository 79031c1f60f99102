"""USD-M has its tables where the scanner looks for them."""

from __future__ import annotations

from extrema_nb.kernels.shapes import Chain
from extrema_nb.venues import shapes_of
from extrema_nb.venues.binance_usdm import VENUE
from extrema_nb.venues.binance_usdm.shapes import SHAPES


def test_the_venue_has_its_tables():
    assert shapes_of(VENUE.id) is SHAPES
    assert SHAPES.venue == VENUE.id
    diff = next(c for c in SHAPES.channels if c.slot == VENUE.diff_slot)
    assert diff.chain == Chain.PREV
