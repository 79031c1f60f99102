"""Requests of the futures market and their answers; recorded answers of others."""

from __future__ import annotations

import json
import math

import pytest

from extrema_nb.errors import ConfigError, VenueDecodeError
from extrema_nb.events import CANDLE, FUNDING, LOB_LEVEL, Flag
from extrema_nb.venues.gate_futures import rest
from tests.extrema_nb.venues.captured import answers

NOW = 1_800_000_000_000_000
DATED = "BTC_USD_20241227"


def test_each_contract_is_asked_for_where_it_is_served():
    assert [r.path for r in rest.instruments_requests()] == [
        "/api/v4/futures/usdt/contracts", "/api/v4/futures/btc/contracts",
        "/api/v4/delivery/usdt/contracts", "/api/v4/delivery/btc/contracts",
    ]  # fmt: skip
    assert [r.path for r in rest.tickers_requests()][3] == "/api/v4/delivery/btc/tickers"
    book = rest.snapshot_request(DATED)
    assert book.path == "/api/v4/delivery/btc/order_book"
    assert dict(book.params) == {"contract": DATED, "limit": "100", "with_id": "true"}
    assert dict(rest.candles_request("A_USDT", "1m", 0, 10).params) == {
        "contract": "A_USDT", "interval": "1m", "from": "0", "to": "599",
    }  # fmt: skip
    rates = rest.funding_history_request("A_USDT", 1_000_000, 5000)
    assert rates.path == "/api/v4/futures/usdt/funding_rate"
    assert dict(rates.params)["to"] == str(1 + 1000 * 3600 - 1)
    assert rest.open_interest_request("BTC_USD").path == "/api/v4/futures/btc/tickers"
    with pytest.raises(ConfigError, match="funding_history of BTC_USD_20241227 is not supported"):
        rest.funding_history_request(DATED, 0, 1)


def test_a_book_is_a_snapshot_with_its_number():
    raw = (b'{"id":123456,"current":1623898993.123,"update":1623898993.121,'
           b'"asks":[{"p":"1.52","s":"100.5"}],"bids":[{"p":"1.17","s":150}]}')  # fmt: skip
    rows = rest.decode_snapshot(raw, 2, NOW).view(LOB_LEVEL)
    assert rows["price"].tolist() == [1.17, 1.52]
    assert rows["qty"].tolist() == [150.0, 100.5]
    assert (rows[0].seq, rows[0].prev_seq) == (123456, -1)
    assert abs(rows[0].ts_event - 1623898993121000) <= 1


def test_candles_are_closed_when_their_end_has_passed():
    bar = {"o": "1", "h": "2", "l": "0.5", "c": "1.5"}
    raw = json.dumps([{"t": 120, "v": 7, **bar}, {"t": 60, "v": 9, "sum": "3", **bar}]).encode()
    rows = rest.decode_candles(raw, 2, "1m", 130_000_000).view(CANDLE)
    assert rows["volume"].tolist() == [9.0, 7.0]
    assert rows["flags"].tolist() == [Flag.LAST | Flag.CLOSED, Flag.LAST]


def test_rates_come_oldest_first():
    rows = rest.decode_funding_history(b'[{"t":20,"r":"0.2"},{"t":10,"r":"-0.1"}]', 2, NOW)
    rows = rows.view(FUNDING)
    assert rows["rate"].tolist() == [-0.1, 0.2]
    assert rows["ts_event"].tolist() == [10_000_000, 20_000_000]
    assert len(rest.decode_funding_history(b"[]", 2, NOW)) == 0


def test_open_interest_stands_in_the_ticker():
    raw = b'[{"contract":"A_USDT","last":"1","total_size":"32323904"}]'
    (row,) = rest.decode_open_interest(raw, 2, NOW).view(FUNDING)
    assert (row.open_interest, row.ts_event, row.inst) == (32323904.0, NOW, 2)
    assert math.isnan(row.rate)
    with pytest.raises(VenueDecodeError, match="tickers of 0 contracts"):
        rest.decode_open_interest(b"[]", 2, NOW)


def test_recorded_answers_of_others_are_read(shared_data):
    found = json.loads((shared_data / "gate_futures/frames/jkorf_endpoints.json").read_bytes())
    raw = {
        key.rpartition("/")[2]: json.dumps(value["response"]).encode()
        for key, value in found.items()
    }
    assert len(rest.decode_snapshot(raw["GetOrderBook"], 0, NOW)) == 4
    (ticker,) = rest.decode_tickers(raw["GetTickers"], NOW)
    assert (ticker.symbol, ticker.last, ticker.volume) == ("BTC_USDT", 6432.0, 184040233284.0)
    rates = rest.decode_funding_history(raw["GetFundingRateHistory"], 0, NOW)
    assert rates.view(FUNDING)["rate"].tolist() == [0.000157]


def test_captured_books_are_read(shared_data):
    path = shared_data / "gate_futures/capture_cryptofeed/20230524/GATEIO_FUTURES.http.0.0.txt.gz"
    books = [rest.decode_snapshot(body, 0, ts) for _, ts, body in answers(path)]
    assert len(books) == 6
    assert all(rows["w2"][0] > 0 for rows in books)
