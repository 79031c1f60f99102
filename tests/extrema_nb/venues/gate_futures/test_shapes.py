"""The market has its tables where the scanner looks for them; they are tested in `_gate`."""

from __future__ import annotations

from extrema_nb.kernels.shapes import Chain
from extrema_nb.venues import shapes_of
from extrema_nb.venues.gate_futures import VENUE
from extrema_nb.venues.gate_futures.shapes import SHAPES


def test_the_venue_has_its_tables():
    assert shapes_of(VENUE.id) is SHAPES
    books = [c for c in SHAPES.channels if c.slot == VENUE.diff_slot]
    assert [c.chain for c in books] == [Chain.FIRST, Chain.FIRST]
