"""Symbols into instrument ids."""

from __future__ import annotations

import pytest

from extrema_nb.errors import VenueDecodeError
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues._stream.insts import Insts


def instrument(symbol, venue="dydx"):
    return Instrument(venue=venue, symbol=symbol, name=symbol + "_PERP")


def test_an_instrument_added_later_is_found_and_others_are_refused():
    table = InstrumentTable([instrument("A", "other"), instrument("B")])
    insts = Insts("dydx", table)
    assert dict(insts) == {"B": 1}
    assert (insts["B"], insts.find("C")) == (1, -1)
    table.add(instrument("C"))
    assert (insts.find("C"), insts["C"]) == (2, 2)
    with pytest.raises(VenueDecodeError, match="unknown symbol 'A': not among the 2 instruments"):
        insts["A"]
