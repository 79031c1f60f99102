"""Names and symbols of spot, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.venues.binance_spot.symbols import QUOTES, name_of, symbol_of


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("BTCUSDT", "BTC_USDT"),
        ("ETHBTC", "ETH_BTC"),
        ("USDCUSDT", "USDC_USDT"),
        ("BTCFDUSD", "BTC_FDUSD"),
        ("BUSDTRY", "BUSD_TRY"),
        ("BNBETH", "BNB_ETH"),
    ],
)
def test_a_name_and_its_symbol_are_each_others_inverse(symbol, name):
    assert name_of(symbol.lower()) == name
    assert symbol_of(name) == symbol


@pytest.mark.parametrize("symbol", ["BTCXYZ", "USDT", "BTC"])
def test_a_symbol_that_cannot_be_taken_apart_keeps_its_letters(symbol):
    assert name_of(symbol) == symbol
    assert symbol_of(symbol) == symbol


def test_base_and_quote_of_the_venue_are_better_than_guessing():
    assert name_of("BTCMXN", "BTC", "MXN") == "BTC_MXN"


@given(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=8),
    st.sampled_from(QUOTES),
)
def test_any_symbol_comes_back_from_its_name(base, quote):
    assert symbol_of(name_of(base + quote)) == base + quote
