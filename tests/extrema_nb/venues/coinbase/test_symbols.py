"""Names of Coinbase, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.venues.coinbase.symbols import name_of, symbol_of

PAIRS = {
    "BTC-USD": "BTC_USD", "00-USD": "00_USD", "BIT-28JUN24-CDE": "BIT_USD_FUT_240628",
    "BIP-20DEC30-CDE": "BIP_USD_FUT_301220", "BTC-PERP-INTX": "BTC_USDC_PERP",
    "1r4njf84-0-0": "1r4njf84-0-0", "BIT-28XYZ24-CDE": "BIT-28XYZ24-CDE", "ODD": "ODD",
}  # fmt: skip


@pytest.mark.parametrize(("symbol", "name"), PAIRS.items())
def test_product_and_name_are_each_others_inverse(symbol, name):
    assert name_of(symbol) == name
    assert symbol_of(name) == symbol


@given(st.from_regex(r"[A-Z0-9]{1,6}-([A-Z]{3,4}|[0-3][0-9][A-Z]{3}[0-9]{2}-CDE|PERP-INTX)", fullmatch=True))  # fmt: skip
def test_any_product_survives_the_way_there_and_back(symbol):
    assert symbol_of(name_of(symbol)) == symbol
