"""exchangeInfo into instruments."""

from __future__ import annotations

import json
from functools import partial

import pytest

from extrema_nb.errors import VenueDecodeError
from extrema_nb.instruments import InstrumentStatus, InstrumentTable, InstrumentType
from extrema_nb.venues._binance import instruments
from extrema_nb.venues.binance_cm.market import DIALECT as CM
from extrema_nb.venues.binance_spot.market import DIALECT as SPOT
from extrema_nb.venues.binance_usdm.market import DIALECT

parse_instruments = partial(instruments.parse_instruments, DIALECT)

NOW = 1_700_000_000_000


def listing(**fields):
    return {
        "symbol": "QCOMUSDT",
        "contractType": "TRADIFI_PERPETUAL",
        "status": "TRADING",
        "deliveryDate": 4_133_404_800_000,
        "baseAsset": "QCOM",
        "quoteAsset": "USDT",
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": "0.01000", "minPrice": "0.01"},
            {"filterType": "LOT_SIZE", "minQty": "0.01", "maxQty": "20000", "stepSize": "0.01"},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.01", "maxQty": "2000"},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        ],
        "more": {"that": "nobody asked for"},
        **fields,
    }


def parse(*rows):
    return parse_instruments(json.dumps({"serverTime": NOW, "symbols": rows}).encode())


def test_the_filters_are_read():
    (found,) = parse(listing())
    assert (found.venue, found.symbol, found.name) == ("binance-usdm", "QCOMUSDT", "QCOM_USDT_PERP")
    assert found.inst_type is InstrumentType.PERPETUAL
    assert found.status is InstrumentStatus.LIVE
    assert (found.base, found.quote) == ("QCOM", "USDT")
    assert (found.tick_size, found.lot_size, found.min_qty, found.max_qty) == (
        0.01, 0.01, 0.01, 20000.0,
    )  # fmt: skip
    assert found.min_notional == 5.0


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"status": "TRADING", "contractType": "PERPETUAL"}, InstrumentStatus.LIVE),
        (
            {"status": "TRADING", "contractType": "PERPETUAL", "deliveryDate": NOW + 1},
            InstrumentStatus.DELISTING,
        ),
        (
            {"status": "TRADING", "contractType": "PERPETUAL", "deliveryDate": NOW - 1},
            InstrumentStatus.LIVE,
        ),
        (
            {"status": "TRADING", "contractType": "CURRENT_QUARTER", "deliveryDate": NOW + 1},
            InstrumentStatus.LIVE,
        ),
        ({"status": "PENDING_TRADING"}, InstrumentStatus.PRE_OPEN),
        ({"status": "PRE_DELIVERING"}, InstrumentStatus.PRE_OPEN),
        ({"status": "SETTLING"}, InstrumentStatus.DELISTING),
        ({"status": "DELIVERING"}, InstrumentStatus.DELISTING),
        ({"status": "PRE_SETTLE"}, InstrumentStatus.DELISTING),
        ({"status": "CLOSE"}, InstrumentStatus.CLOSED),
        ({"status": "BREAK"}, InstrumentStatus.SUSPEND),
    ],
)
def test_the_status_is_mapped(fields, status):
    assert parse(listing(**fields))[0].status is status


@pytest.mark.parametrize(
    ("contract", "kind"),
    [
        ("PERPETUAL", InstrumentType.PERPETUAL),
        ("CURRENT_QUARTER", InstrumentType.FUTURES),
        ("NEXT_QUARTER", InstrumentType.FUTURES),
        ("NEXT_MONTH", InstrumentType.FUTURES),
        ("", InstrumentType.UNKNOWN),
    ],
)
def test_the_contract_type_is_mapped(contract, kind):
    assert parse(listing(contractType=contract))[0].inst_type is kind


def test_one_odd_listing_keeps_nobody_from_the_others(caplog):
    found = parse(listing(filters=[]), listing(symbol="BTCUSDT", baseAsset="BTC"))
    assert [row.symbol for row in found] == ["BTCUSDT"]
    assert "QCOMUSDT" in caplog.text


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"symbols":3}', b"<html>", b'{"symbols":[{}]}'])
def test_an_answer_that_is_none_is_refused(raw):
    with pytest.raises(VenueDecodeError, match="exchangeInfo"):
        parse_instruments(raw)


def test_a_published_exchange_info_is_read(shared_data):
    path = shared_data / "binance_usdm/frames/jkorf_endpoints.json"
    answers = json.loads(path.read_text(encoding="utf-8"))
    raw = json.dumps(answers["UsdFutures/ExchangeData/GetExchangeInfo"]["response"]).encode()
    table = InstrumentTable(parse_instruments(raw))
    assert len(table) >= 1
    assert table[table.by_name("BLZ_USDT_PERP")].tick_size == 0.0001


def test_spot_filters_are_read():
    listed = {
        "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "tickSize": "0.01000000"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0", "maxQty": "100", "stepSize": "0"},
            {"filterType": "NOTIONAL", "minNotional": "5.00000000", "maxNotional": "9000000"},
        ],
    }  # fmt: skip
    raw = json.dumps({"symbols": [listed, {**listed, "symbol": "ETHUSDT", "status": "BREAK"}]})
    found, halted = instruments.parse_instruments(SPOT, raw.encode())
    assert (found.venue, found.name, found.inst_type) == (
        "binance-spot", "BTC_USDT", InstrumentType.SPOT,
    )  # fmt: skip
    assert (found.tick_size, found.lot_size, found.min_notional) == (0.01, 0.00001, 5.0)
    assert (found.status, halted.status) == (InstrumentStatus.LIVE, InstrumentStatus.SUSPEND)
    assert (found.maker_fee, found.taker_fee, found.inverse) == (0.001, 0.001, False)


def test_inverse_contracts_have_their_value(shared_data):
    path = shared_data / "binance_cm/frames/jkorf_endpoints.json"
    answers = json.loads(path.read_text(encoding="utf-8"))
    raw = json.dumps(answers["CoinFutures/ExchangeData/GetExchangeInfo"]["response"]).encode()
    (found,) = instruments.parse_instruments(CM, raw)
    assert (found.symbol, found.name) == ("BTCUSD_200925", "BTC_USD_FUT_200925")
    assert (found.contract_value, found.inverse) == (100.0, True)
    assert found.inst_type is InstrumentType.FUTURES
    assert found.status is InstrumentStatus.LIVE
    assert (found.tick_size, found.lot_size, found.min_notional) == (0.1, 1.0, 0.0)
