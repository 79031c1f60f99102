"""Names and symbols, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.venues.binance_usdm.symbols import name_of, symbol_of

PAIRS = [
    ("BTCUSDT", "BTC_USDT_PERP"),
    ("BTCUSDT_240329", "BTC_USDT_FUT_240329"),
    ("BTCUSDC", "BTC_USDC_PERP"),
    ("1000PEPEUSDT", "1000PEPE_USDT_PERP"),
    ("BTCUSD", "BTC_USD_PERP"),
    ("USDCUSDT", "USDC_USDT_PERP"),
]


@pytest.mark.parametrize(("symbol", "name"), PAIRS)
def test_a_name_and_its_symbol_are_each_others_inverse(symbol, name):
    assert name_of(symbol) == name
    assert symbol_of(name) == symbol


def test_symbols_of_streams_are_read_in_lower_case_too():
    assert name_of("btcusdt_240329") == "BTC_USDT_FUT_240329"


@pytest.mark.parametrize("symbol", ["ETHBTC", "USDT", "BTCUSDT_OLD"])
def test_a_symbol_that_cannot_be_taken_apart_keeps_its_letters(symbol):
    assert name_of(symbol.lower()) == symbol
    assert symbol_of(symbol) == symbol


def test_base_and_quote_of_the_venue_are_better_than_guessing():
    assert name_of("ETHBTC", "ETH", "BTC") == "ETH_BTC_PERP"
    assert symbol_of("ETH_BTC_PERP") == "ETHBTC"


@given(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=8),
    st.sampled_from(["USDT", "USDC", "USD"]),
    st.sampled_from(["", "_240329"]),
)
def test_any_symbol_comes_back_from_its_name(base, quote, expiry):
    symbol = base + quote + expiry
    assert symbol_of(name_of(symbol)) == symbol
