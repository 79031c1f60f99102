"""Names of dYdX, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.venues.dydx.symbols import name_of, symbol_of

PAIRS = {
    "BTC-USD": "BTC_USD_PERP", "1INCH-USD": "1INCH_USD_PERP",
    "BUFFI,UNISWAP_V3,0X4C1B-USD": "BUFFI,UNISWAP_V3,0X4C1B_USD_PERP", "ODD": "ODD", "-USD": "-USD",
}  # fmt: skip


@pytest.mark.parametrize(("symbol", "name"), PAIRS.items())
def test_ticker_and_name_are_each_others_inverse(symbol, name):
    assert name_of(symbol) == name
    assert symbol_of(name) == symbol


@given(st.text(min_size=1, max_size=12))
def test_any_base_survives_the_way_there_and_back(base):
    assert symbol_of(name_of(base + "-USD")) == base + "-USD"
