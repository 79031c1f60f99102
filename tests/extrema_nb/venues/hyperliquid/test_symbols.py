"""Names of Hyperliquid, both ways."""

from __future__ import annotations

import pytest

from extrema_nb.venues.hyperliquid.symbols import is_spot, name_of, symbol_of

BOTH_WAYS = {
    "BTC": "BTC_USDC_PERP", "kPEPE": "1000PEPE_USDC_PERP", "PURR/USDC": "PURR_USDC", "@123": "@123",
    "newdex:ABC": "newdex:ABC", "W": "W_USDC_PERP", "k": "k_USDC_PERP",
}  # fmt: skip
BUILDERS = {
    "xyz:AAPL": "AAPL_USDC_PERP", "flx:OIL": "OIL_USDH_PERP", "vntl:OPENAI": "OPENAI_USDH_PERP",
    "hyna:BTC": "BTC_USDE_PERP", "km:GOLD": "GOLD_USDH_PERP", "abcd:TEST": "TEST_USDC_PERP",
    "cash:WTI": "WTI_USDT0_PERP", "para:AVGO": "AVGO_USDC_PERP",
}  # fmt: skip


@pytest.mark.parametrize(("symbol", "name"), BOTH_WAYS.items())
def test_symbol_and_name_are_each_others_inverse(symbol, name):
    assert name_of(symbol) == name
    assert symbol_of(name) == symbol


@pytest.mark.parametrize(("symbol", "name"), BUILDERS.items())
def test_builders_perpetuals_carry_the_collateral_of_their_exchange(symbol, name):
    assert name_of(symbol) == name


def test_spotmeta_tells_what_an_index_is():
    assert name_of("@107", "HYPE", "USDC") == "HYPE_USDC"
    assert is_spot("@107")
    assert is_spot("PURR/USDC")
    assert not is_spot("xyz:AAPL")
