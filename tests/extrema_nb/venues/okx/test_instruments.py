"""Lists of instruments: what each number means, and the lists captured in 2021 and 2022."""

from __future__ import annotations

import json

import pytest

from extrema_nb.errors import VenueDecodeError
from extrema_nb.instruments import InstrumentStatus, InstrumentTable, InstrumentType
from extrema_nb.venues.okx.instruments import parse_instruments
from tests.extrema_nb.venues.captured import answers

SPOT = {
    "instId": "BTC-USDT", "instType": "SPOT", "baseCcy": "BTC", "quoteCcy": "USDT", "ctVal": "",
    "ctMult": "", "ctType": "", "expTime": "", "lotSz": "0.00000001", "minSz": "0.00001",
    "tickSz": "0.1", "maxLmtSz": "9999999999", "state": "live", "uly": "",
}  # fmt: skip
SWAP = {
    **SPOT, "instId": "BTC-USDT-SWAP", "instType": "SWAP", "baseCcy": "", "quoteCcy": "",
    "ctVal": "0.01", "ctMult": "1", "ctType": "linear", "lotSz": "0.01", "minSz": "0.01",
    "uly": "BTC-USDT", "instFamily": "BTC-USDT",
}  # fmt: skip
INVERSE = {**SWAP, "instId": "BTC-USD-SWAP", "ctVal": "100", "ctType": "inverse",
           "uly": "BTC-USD", "instFamily": "BTC-USD"}  # fmt: skip
DATED = {**INVERSE, "instId": "BTC-USD-241220", "instType": "FUTURES",
         "expTime": "1734681600000"}  # fmt: skip


def parse(*rows):
    return parse_instruments(json.dumps({"code": "0", "msg": "", "data": rows}).encode())


def test_spot_trades_base_units():
    (found,) = parse(SPOT)
    assert (found.name, found.inst_type) == ("BTC_USDT", InstrumentType.SPOT)
    assert (found.base, found.quote, found.inverse) == ("BTC", "USDT", False)
    assert (found.tick_size, found.lot_size, found.min_qty) == (0.1, 1e-8, 1e-5)
    assert (found.max_qty, found.contract_value) == (9999999999, 1.0)
    assert found.status == InstrumentStatus.LIVE


def test_a_swap_trades_contracts_of_base_or_of_quote():
    linear, inverse = parse(SWAP, INVERSE)
    assert (linear.name, linear.contract_value, linear.inverse) == ("BTC_USDT_PERP", 0.01, False)
    assert (linear.base, linear.quote) == ("BTC", "USDT")
    assert (inverse.name, inverse.contract_value, inverse.inverse) == ("BTC_USD_PERP", 100, True)
    assert (inverse.base, inverse.quote) == ("BTC", "USD")
    (option,) = parse({**DATED, "instId": "BTC-USD-241220-9-C", "instType": "OPTION",
                       "ctVal": "1", "ctMult": "0.01"})  # fmt: skip
    assert (option.contract_value, option.inst_type) == (0.01, InstrumentType.OPTIONS)


@pytest.mark.parametrize(
    ("row", "status"),
    [
        (DATED, InstrumentStatus.LIVE),  # every dated future has a time of expiry
        ({**SWAP, "expTime": "1734681600000"}, InstrumentStatus.DELISTING),
        ({**SPOT, "state": "suspend"}, InstrumentStatus.SUSPEND),
        ({**SPOT, "state": "preopen"}, InstrumentStatus.PRE_OPEN),
        ({**SPOT, "state": "of tomorrow"}, InstrumentStatus.UNKNOWN),
    ],
)
def test_the_state_tells_whether_it_trades(row, status):
    assert parse(row)[0].status == status


def test_one_without_numbers_is_left_out_and_keeps_nobody_from_the_others(caplog):
    announced = {**SPOT, "instId": "LISTING-SPOT-SLX-USDT", "tickSz": "", "lotSz": "",
                 "state": "preopen"}  # fmt: skip
    assert [i.symbol for i in parse(announced, SPOT)] == ["BTC-USDT"]
    assert "LISTING-SPOT-SLX-USDT: tick_sz is '', expected a number" in caplog.text


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"data":[{"instId":1}]}', b'{"data":', b"\xff"])
def test_what_is_no_list_is_refused(raw):
    with pytest.raises(VenueDecodeError, match="list of instruments"):
        parse_instruments(raw)


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("20210722/OKEX.0.txt.gz", {"SPOT": 475, "SWAP": 135, "FUTURES": 104}),
        ("20220513/OKX.0.txt.gz", {"SPOT": 513, "SWAP": 166, "FUTURES": 104}),
    ],
)
def test_captured_lists_are_read_whole_and_named_once(shared_data, path, counts):
    table = InstrumentTable()
    seen = {}
    for url, _, body in answers(shared_data / "okx/capture_cryptofeed" / path):
        found = parse_instruments(body)
        kind = url.partition("instType=")[2].partition("&")[0]
        seen.setdefault(kind, len(found))
        assert len(found) == len(json.loads(body)["data"])
        for instrument in found:
            table.add(instrument)
    assert {kind: seen[kind] for kind in counts} == counts
    row = table[table.get_symbol("okx", "BTC-USD-SWAP")]
    assert (row.contract_value, row.inverse, row.tick_size) == (100, True, 0.1)
