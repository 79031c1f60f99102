"""Foreign venues and symbols under our names."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.errors import DataError
from replay.sources.foreign import SymbolCodes, foreign_instrument, venue_id, with_steps


def test_words_of_other_projects_are_our_venues():
    assert venue_id("binance-futures") == "binance-usdm"
    assert venue_id("OKEX-swap") == "okx"
    assert venue_id("deribit") == "deribit"


def test_a_venue_that_we_know_names_its_symbols():
    spec = foreign_instrument("binance-usdm", "BTCUSDT")
    assert (spec.name, spec.base, spec.quote) == ("BTC_USDT_PERP", "BTC", "USDT")


@pytest.mark.parametrize(
    ("symbol", "name"), [("BTC-PERPETUAL", "BTC_PERPETUAL"), ("es/h4 ", "ES_H4"), ("??", "UNKNOWN")]
)
def test_elsewhere_the_symbol_is_the_name(symbol, name):
    assert foreign_instrument("deribit", symbol).name == name


def test_steps_come_from_numbers():
    spec = with_steps(foreign_instrument("x", "A"), np.array([1.25, 1.5]), np.array([np.nan]))
    assert (spec.tick_size, spec.lot_size) == (0.01, 0.001)


def test_a_symbol_that_comes_too_late_is_refused():
    codes = SymbolCodes(["B", "A"], "x.csv")
    assert codes.of(np.array(["A", "B", "A"], object)).tolist() == [1, 0, 1]
    with pytest.raises(DataError, match=r"x\.csv: holds C behind rows that hold only B, A"):
        codes.of(np.array(["A", "C"], object))
