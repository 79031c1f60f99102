"""Symbols to ids, also of instruments that come later."""

from __future__ import annotations

import pytest

from extrema_nb.errors import VenueDecodeError
from extrema_nb.instruments import Instrument
from extrema_nb.testing import instrument_table
from extrema_nb.venues._insts import Insts


def test_instruments_of_other_venues_are_strangers_and_later_ones_are_found():
    table = instrument_table()
    table.add(Instrument(venue="other", symbol="BTCUSDT", name="X"))
    insts = Insts(table, "other")
    assert dict(insts) == {"BTCUSDT": 2}
    with pytest.raises(VenueDecodeError, match="unknown symbol 'NEW': not among the 1 instruments"):
        insts["NEW"]
    assert insts.find("NEW") == -1
    table.add(Instrument(venue="other", symbol="NEW", name="NEW"))
    assert insts["NEW"] == insts.find("NEW") == 3


def test_a_long_unknown_symbol_is_shortened():
    with pytest.raises(VenueDecodeError, match="unknown symbol '" + "A" * 40 + "'"):
        Insts(instrument_table(), "other")["A" * 1000]
