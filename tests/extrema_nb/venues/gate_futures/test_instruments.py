"""Lists of contracts: what each number means, and the list captured in 2023."""

from __future__ import annotations

import json

import pytest

from extrema_nb.errors import VenueDecodeError
from extrema_nb.instruments import InstrumentStatus, InstrumentTable, InstrumentType
from extrema_nb.venues.gate_futures.instruments import parse_instruments
from tests.extrema_nb.venues.captured import answers

DEGO = {"name": "DEGO_USDT", "order_price_round": "0.0001", "order_size_min": 1,
        "order_size_max": 680000, "quanto_multiplier": "0.1", "type": "direct",
        "status": "trading", "in_delisting": False, "maker_fee_rate": "-0.000152",
        "taker_fee_rate": "0.00075"}  # fmt: skip
LTC = {"name": "LTC_USDT_20260605", "order_price_round": "0.01", "quanto_multiplier": "0.1",
       "order_size_min": 1, "order_size_max": 1000, "expire_time": 1780646400}  # fmt: skip


def parse(row, now_s=0.0):
    (found,) = parse_instruments(json.dumps([row]).encode(), now_s)
    return found


def test_a_perpetual_trades_whole_contracts():
    found = parse(DEGO)
    assert (found.name, found.inst_type) == ("DEGO_USDT_PERP", InstrumentType.PERPETUAL)
    assert (found.base, found.quote, found.inverse) == ("DEGO", "USDT", False)
    assert (found.tick_size, found.lot_size, found.min_qty) == (0.0001, 1.0, 1.0)
    assert (found.max_qty, found.contract_value) == (680000, 0.1)
    assert (found.maker_fee, found.taker_fee) == (-0.000152, 0.00075)


def test_some_contracts_are_traded_in_parts():
    found = parse({**DEGO, "enable_decimal": True, "order_size_min": "0.1",
                   "quanto_multiplier": "100"})  # fmt: skip
    assert (found.lot_size, found.min_qty, found.contract_value) == (0.1, 0.1, 100.0)


def test_an_inverse_contract_is_one_dollar():
    found = parse({**DEGO, "name": "BTC_USD", "type": "inverse", "quanto_multiplier": "0"})
    assert (found.name, found.contract_value, found.inverse) == ("BTC_USD_PERP", 1.0, True)


GOING = {**DEGO, "delisting_time": 1780644600, "delisted_time": 1780646400}


@pytest.mark.parametrize(
    ("row", "now_s", "status"),
    [
        (DEGO, 0, InstrumentStatus.LIVE),
        (GOING, 1780481685, InstrumentStatus.DELISTING),
        (GOING, 1780646400, InstrumentStatus.CLOSED),
        ({**DEGO, "in_delisting": True}, 0, InstrumentStatus.DELISTING),
        ({**DEGO, "status": "delisted"}, 0, InstrumentStatus.CLOSED),
        ({**DEGO, "status": "prelaunch"}, 0, InstrumentStatus.PRE_OPEN),
        ({**DEGO, "status": "circuit_breaker"}, 0, InstrumentStatus.SUSPEND),
        (LTC, 1780481685, InstrumentStatus.LIVE),
        (LTC, 1780646400, InstrumentStatus.CLOSED),
    ],
)
def test_the_state_and_the_clock_tell_whether_it_trades(row, now_s, status):
    assert parse(row, now_s).status == status


def test_a_dated_contract_is_a_future():
    found = parse(LTC)
    assert (found.name, found.inst_type) == ("LTC_USDT_FUT_20260605", InstrumentType.FUTURES)


def test_one_odd_contract_keeps_nobody_from_the_others(caplog):
    odd = {**DEGO, "name": "ODD_USDT", "order_size_min": 0}
    found = parse_instruments(json.dumps([odd, DEGO]).encode())
    assert [i.symbol for i in found] == ["DEGO_USDT"]
    assert "ODD_USDT: order_size_min is 0" in caplog.text
    with pytest.raises(VenueDecodeError, match="list of contracts"):
        parse_instruments(b"{}")


def test_the_captured_list_is_read_whole(shared_data):
    path = shared_data / "gate_futures/capture_cryptofeed/20230524/GATEIO_FUTURES.0.txt.gz"
    ((_, _, body),) = answers(path)
    table = InstrumentTable(parse_instruments(body))
    assert len(table) == 302
    assert sum(row.status == InstrumentStatus.DELISTING for row in table) == 1
    assert not any(row.inverse for row in table)
