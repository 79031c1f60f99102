"""Names and symbols of COIN-M, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.venues.binance_cm.symbols import name_of, symbol_of


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("BTCUSD_PERP", "BTC_USD_PERP"),
        ("BTCUSD_240329", "BTC_USD_FUT_240329"),
        ("1000SHIBUSD_PERP", "1000SHIB_USD_PERP"),
    ],
)
def test_a_name_and_its_symbol_are_each_others_inverse(symbol, name):
    assert name_of(symbol.lower()) == name
    assert symbol_of(name) == symbol


def test_the_long_form_of_an_inverse_name_is_understood():
    assert symbol_of("BTC_USD_PERP_INVERSE") == "BTCUSD_PERP"


@pytest.mark.parametrize("symbol", ["BTCEUR_PERP", "USD_PERP", "BTCUSD", "BTCUSD_OLD"])
def test_a_symbol_that_cannot_be_taken_apart_keeps_its_letters(symbol):
    assert name_of(symbol) == symbol


@given(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=8),
    st.sampled_from(["_PERP", "_240329"]),
)
def test_any_symbol_comes_back_from_its_name(base, expiry):
    symbol = f"{base}USD{expiry}"
    assert symbol_of(name_of(symbol)) == symbol
