"""Instruments: ids, symbols and names lead to each other, and mistakes to a suggestion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError
from extrema_nb.instruments import INSTRUMENT, Instrument, InstrumentTable, InstrumentType
from extrema_nb.testing import instrument_table

VENUE = "binance-usdm"


def instrument(symbol="BTCUSDT", name="BTC_USDT_PERP", venue=VENUE, **fields):
    return Instrument(venue=venue, symbol=symbol, name=name, **fields)


@given(st.lists(st.text("ABCDE", min_size=1, max_size=4), unique=True, max_size=12))
def test_ids_count_in_order_and_lead_back(symbols):
    table = InstrumentTable(instrument(s, f"{s}_USDT_PERP") for s in symbols)
    assert len(table) == len(symbols)
    for inst, symbol in enumerate(symbols):
        assert table.by_symbol(VENUE, symbol) == inst
        assert table.get_symbol(VENUE, symbol) == inst
        assert table.by_name(f"{symbol}_USDT_PERP") == inst
        assert table[inst].symbol == symbol
    assert [row.symbol for row in table] == symbols


def test_a_name_or_a_symbol_finds_the_instrument():
    table = instrument_table()
    assert table.by_name("ETH_USDT_PERP") == table.by_name("ETHUSDT") == 1


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(ConfigError, match=r"'BTC_USDT_PREP' \(2 known\).*mean 'BTC_USDT_PERP'"):
        instrument_table().by_name("BTC_USDT_PREP")


def test_an_unknown_symbol_suggests_the_nearest():
    with pytest.raises(ConfigError, match=r"'BTCUSTD' at binance-usdm.*mean 'BTCUSDT'"):
        instrument_table().by_symbol(VENUE, "BTCUSTD")


def test_an_unknown_symbol_can_be_asked_for_without_an_error():
    assert instrument_table().get_symbol(VENUE, "XXX") == -1


def test_a_name_at_two_venues_asks_which_one():
    table = InstrumentTable([instrument(), instrument(venue="okx", symbol="BTC-USDT-SWAP")])
    with pytest.raises(
        ConfigError, match=r"exists at binance-usdm, okx; say which .*, as in binance-usdm:BTC"
    ):
        table.by_name("BTC_USDT_PERP")
    assert table.by_name("BTC_USDT_PERP", "okx") == 1
    assert table.by_name("okx:BTC_USDT_PERP") == table.by_name("okx:BTC-USDT-SWAP") == 1


def test_a_label_has_the_venue_where_a_name_alone_would_not_do():
    table = InstrumentTable([instrument(), instrument("ETHUSDT", "ETH_USDT_PERP")])
    assert table.labels() == ["BTC_USDT_PERP", "ETH_USDT_PERP"]
    table.add(instrument(venue="okx", symbol="BTC-USDT-SWAP"))
    assert table.labels() == ["binance-usdm:BTC_USDT_PERP", "ETH_USDT_PERP", "okx:BTC_USDT_PERP"]


def test_adding_a_symbol_again_updates_its_spec_and_keeps_its_id():
    table = instrument_table()
    assert table.add(instrument(tick_size=0.5)) == 0
    assert table[0].tick_size == 0.5
    assert len(table) == 2


def test_a_symbol_has_one_name():
    with pytest.raises(ConfigError, match="one symbol has one name"):
        instrument_table().add(instrument(name="XBT_USDT_PERP"))


def test_a_name_has_one_symbol_at_a_venue():
    with pytest.raises(ConfigError, match="two symbols for BTC_USDT_PERP: BTCUSDT and XBTUSDT"):
        instrument_table().add(instrument("XBTUSDT"))


@pytest.mark.parametrize("field", ["tick_size", "lot_size", "contract_value", "multiplier"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_steps_are_positive_numbers(field, value):
    with pytest.raises(ConfigError, match=rf"{field} is .*, expected a positive number"):
        instrument(**{field: value})


def test_compiled_code_sees_the_same_numbers():
    table = instrument_table()
    specs = table.specs()
    assert specs.dtype == INSTRUMENT
    assert INSTRUMENT.type is np.record
    for spec, row in zip(specs, table, strict=True):
        assert [spec[name] for name in INSTRUMENT.names] == [
            getattr(row, name) for name in INSTRUMENT.names
        ]


@given(
    tick=st.floats(1e-9, 1e9),
    fee=st.floats(-0.01, 0.01),
    largest=st.floats(1, 1e12) | st.just(float("inf")),
    kind=st.sampled_from(InstrumentType),
)
def test_a_table_comes_back_from_json(tick, fee, largest, kind):
    table = instrument_table()
    table.add(instrument(tick_size=tick, maker_fee=fee, max_qty=largest, inst_type=kind))
    assert list(InstrumentTable.from_json(table.to_json())) == list(table)
