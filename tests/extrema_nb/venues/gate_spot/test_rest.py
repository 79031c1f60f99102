"""Requests of the spot market and their answers; recorded answers of others."""

from __future__ import annotations

import json

import pytest

from extrema_nb.errors import VenueDecodeError
from extrema_nb.events import CANDLE, LOB_LEVEL, Flag
from extrema_nb.venues.gate_spot import rest
from tests.extrema_nb.venues.captured import answers

NOW = 1_800_000_000_000_000
BOOK = {"id": 123456, "current": 1623898993123, "update": 1623898993121,
        "asks": [["1.52", "1.151"]], "bids": [["1.17", "201.863"]]}  # fmt: skip


def test_requests_name_what_is_wanted():
    book = rest.snapshot_request("A_B")
    assert book.path == "/api/v4/spot/order_book"
    assert dict(book.params) == {"currency_pair": "A_B", "limit": "100", "with_id": "true"}
    assert dict(rest.candles_request("A_B", "1m", 0, 10).params) == {
        "currency_pair": "A_B", "interval": "1m", "from": "0", "to": "599",
    }  # fmt: skip
    assert [r.path for r in (*rest.instruments_requests(), *rest.tickers_requests())] == [
        "/api/v4/spot/currency_pairs", "/api/v4/spot/tickers",
    ]  # fmt: skip


def test_a_book_is_a_snapshot_with_its_number():
    rows = rest.decode_snapshot(json.dumps(BOOK).encode(), 2, NOW).view(LOB_LEVEL)
    assert rows["price"].tolist() == [1.17, 1.52]
    assert rows["flags"].tolist() == [Flag.SNAPSHOT | Flag.START, Flag.SNAPSHOT | Flag.LAST]
    assert (rows[0].seq, rows[0].prev_seq, rows[0].inst) == (123456, -1, 2)
    assert rows[0].ts_event == 1623898993121000
    with pytest.raises(VenueDecodeError):
        rest.decode_snapshot(b'{"asks":[],"bids":[]}', 2, NOW)  # without its number it is no use


def test_candles_count_base_units_and_know_when_they_are_closed():
    raw = b'[["60","20.5","1.5","2","0.5","1","9","true"],["120","1","1","1","1","1","7","false"]]'
    rows = rest.decode_candles(raw, 2, "1m", NOW).view(CANDLE)
    assert rows["volume"].tolist() == [9.0, 7.0]
    assert (rows[0].open, rows[0].high, rows[0].low, rows[0].close) == (1.0, 2.0, 0.5, 1.5)
    assert rows["flags"].tolist() == [Flag.LAST | Flag.CLOSED, Flag.LAST]


def test_recorded_answers_of_others_are_read(shared_data):
    found = json.loads((shared_data / "gate_spot/frames/jkorf_endpoints.json").read_bytes())
    raw = {
        key.rpartition("/")[2]: json.dumps(value["response"]).encode()
        for key, value in found.items()
        if key.startswith("Spot/ExchangeData")
    }
    (ticker,) = rest.decode_tickers(raw["GetTickers"], NOW)
    assert (ticker.symbol, ticker.last, ticker.ask_price) == ("BTC3L_USDT", 2.46140352, 2.477)
    assert (ticker.bid_price, ticker.ts_event) == (2.4606821, NOW)
    assert len(rest.decode_snapshot(raw["GetOrderBook"], 0, NOW)) == 4


def test_captured_books_are_read(shared_data):
    path = shared_data / "gate_spot/capture_cryptofeed/20210422/GATEIO.http.0.0.txt.gz"
    books = [rest.decode_snapshot(body, 0, ts) for _, ts, body in answers(path)]
    assert len(books) == 6
    assert all(rows["w2"][0] > 0 for rows in books)
