"""The list of pairs: what each number means, and the list captured in 2021."""

from __future__ import annotations

import json

import pytest

from extrema_nb.errors import VenueDecodeError, VenueError
from extrema_nb.instruments import InstrumentStatus, InstrumentTable, InstrumentType
from extrema_nb.venues.gate_spot.instruments import parse_instruments
from tests.extrema_nb.venues.captured import answers

PAIR = {"id": "ETH_USDT", "base": "ETH", "quote": "USDT", "fee": "0.2", "min_base_amount": "0.001",
        "min_quote_amount": "1.0", "max_base_amount": "10000", "amount_precision": 3,
        "precision": 6, "trade_status": "tradable", "sell_start": 1516378650}  # fmt: skip


def parse(*rows):
    return parse_instruments(json.dumps(rows).encode())


def test_decimals_are_steps_and_percent_are_fractions():
    (found,) = parse(PAIR)
    assert (found.name, found.inst_type) == ("ETH_USDT", InstrumentType.SPOT)
    assert (found.base, found.quote, found.status) == ("ETH", "USDT", InstrumentStatus.LIVE)
    assert (found.tick_size, found.lot_size, found.min_qty) == (1e-6, 1e-3, 1e-3)
    assert (found.max_qty, found.min_notional, found.contract_value) == (10000, 1.0, 1.0)
    assert found.maker_fee == pytest.approx(0.002)


def test_limits_that_are_absent_are_none():
    row = {k: v for k, v in PAIR.items() if not k.startswith(("min_", "max_"))}
    (found,) = parse({**row, "amount_precision": 0})
    assert (found.min_qty, found.max_qty, found.min_notional) == (1.0, float("inf"), 0.0)
    (found,) = parse({**PAIR, "min_base_amount": None})
    assert found.min_qty == 1e-3


@pytest.mark.parametrize(
    ("word", "status"),
    [("untradable", InstrumentStatus.SUSPEND), ("sellable", InstrumentStatus.SUSPEND),
     ("", InstrumentStatus.UNKNOWN)],
)  # fmt: skip
def test_the_state_tells_whether_it_trades(word, status):
    assert parse({**PAIR, "trade_status": word})[0].status == status


def test_one_odd_pair_keeps_nobody_from_the_others(caplog):
    assert [i.symbol for i in parse({**PAIR, "precision": 400}, PAIR)] == ["ETH_USDT"]
    assert "left out: ETH_USDT: 400 and 3 decimals" in caplog.text


def test_what_is_no_list_is_refused():
    for raw in (b"", b"{}", b'[{"id":1}]', b"\xff"):
        with pytest.raises(VenueDecodeError, match="currency pairs"):
            parse_instruments(raw)
    with pytest.raises(VenueError, match="TOO_MANY_REQUESTS"):
        parse_instruments(b'{"label":"TOO_MANY_REQUESTS","message":"slow down"}')


def test_the_captured_list_is_read_whole(shared_data):
    path = shared_data / "gate_spot/capture_cryptofeed/20210422/GATEIO.0.txt.gz"
    ((url, _, body),) = answers(path)
    assert url.endswith("/spot/currency_pairs")
    table = InstrumentTable(parse_instruments(body))
    assert len(table) == 1458
    live = sum(row.status == InstrumentStatus.LIVE for row in table)
    assert live == 1408
