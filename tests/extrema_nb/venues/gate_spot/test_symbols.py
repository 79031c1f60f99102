"""A pair is its own name."""

from __future__ import annotations

from extrema_nb.venues.gate_spot.symbols import name_of, symbol_of


def test_a_pair_is_its_own_name_in_upper_case():
    for symbol in ("BTC_USDT", "QTUM3S_USDT"):
        assert name_of(symbol) == symbol_of(symbol) == symbol
    assert name_of("btc_usdt") == "BTC_USDT"
