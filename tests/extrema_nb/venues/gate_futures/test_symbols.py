"""Symbols and names are each other's inverse; the letters tell where a contract is served."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.venues.gate_futures.symbols import (
    is_delivery,
    name_of,
    path_of,
    settle_of,
    symbol_of,
)

CASES = [
    ("ZRX_USDT", "ZRX_USDT_PERP", "usdt", "/futures/usdt"),
    ("BTC_USD", "BTC_USD_PERP", "btc", "/futures/btc"),
    ("BTC_USD_20241227", "BTC_USD_FUT_20241227", "btc", "/delivery/btc"),
    ("BTC_USDT_20241227", "BTC_USDT_FUT_20241227", "usdt", "/delivery/usdt"),
]


@pytest.mark.parametrize(("symbol", "name", "settle", "path"), CASES)
def test_a_symbol_has_one_name_and_one_place(symbol, name, settle, path):
    assert name_of(symbol) == name
    assert symbol_of(name) == symbol
    assert settle_of(symbol) == settle
    assert path_of(symbol) == path
    assert is_delivery(symbol) == path.startswith("/delivery")


def test_other_forms_keep_their_letters():
    for text in ("BTC", "A__B", "A_B_C_D", "A_B_PERPX"):
        assert name_of(text) == symbol_of(text) == text


WORD = st.text("ABCXYZ019", min_size=1, max_size=5)


@given(WORD, st.sampled_from(["USDT", "USD"]), st.sampled_from(["", "_20241227"]))
def test_every_contract_survives_the_round_trip(base, quote, tail):
    assert symbol_of(name_of(f"{base}_{quote}{tail}")) == f"{base}_{quote}{tail}"
