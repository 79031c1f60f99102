"""Symbols and names are each other's inverse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.venues.okx.symbols import family_of, name_of, symbol_of, type_of

PAIRS = [
    ("BTC-USDT", "BTC_USDT"),
    ("BTC-USDT-SWAP", "BTC_USDT_PERP"),
    ("BTC-USD-SWAP", "BTC_USD_PERP"),
    ("BTC-USD-240329", "BTC_USD_FUT_240329"),
    ("BTC-USD-220527-30000-C", "BTC-USD-220527-30000-C"),
    ("LISTING-SPOT-SLX-USDT", "LISTING-SPOT-SLX-USDT"),
    ("BTC-USD_UM-SWAP", "BTC-USD_UM-SWAP"),
]


@pytest.mark.parametrize(("symbol", "name"), PAIRS)
def test_a_symbol_has_one_name_and_back(symbol, name):
    assert name_of(symbol) == name
    assert symbol_of(name) == symbol


WORD = st.text("ABCXYZ019", min_size=1, max_size=5)


@given(WORD, WORD, st.sampled_from(["", "-SWAP", "-240329"]))
def test_every_pair_survives_the_round_trip(base, quote, tail):
    symbol = f"{base}-{quote}{tail}"
    assert symbol_of(name_of(symbol)) == symbol


@given(st.text("AB-_0", max_size=9))
def test_naming_twice_changes_nothing(text):
    assert symbol_of(name_of(text)) in {text.upper(), symbol_of(text)}


@pytest.mark.parametrize(
    ("symbol", "kind", "family"),
    [
        ("BTC-USDT", "SPOT", "BTC-USDT"),
        ("BTC-USD-SWAP", "SWAP", "BTC-USD"),
        ("BTC-USD-240329", "FUTURES", "BTC-USD"),
        ("BTC-USD_UM_XPERP-310404", "FUTURES", "BTC-USD"),
        ("BTC-USD-220527-30000-C", "OPTION", "BTC-USD"),
    ],
)
def test_the_letters_tell_the_kind_and_the_index(symbol, kind, family):
    assert (type_of(symbol), family_of(symbol)) == (kind, family)
