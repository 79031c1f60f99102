"""Public REST of Coinbase."""

from __future__ import annotations

import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError, VenueDecodeError
from extrema_nb.events import CANDLE, LOB_LEVEL, Flag
from extrema_nb.venues.coinbase import VENUE, rest
from tests.streamed import NOW, frame_of, us_of


def fixture(shared_data, name):
    path = shared_data / "coinbase/frames/nautilus_test_data.json"
    return frame_of(json.loads(path.read_text())[name])


def test_requests_name_their_paths():
    root = "/api/v3/brokerage"
    assert [VENUE.query(r) for r in VENUE.instruments_requests()] == [
        "product_type=SPOT", "product_type=FUTURE",
    ]  # fmt: skip
    assert VENUE.instruments_request().path == f"{root}/market/products"
    assert VENUE.tickers_requests() == VENUE.instruments_requests()
    assert VENUE.snapshot_request("BTC-USD").path == f"{root}/market/product_book"
    assert VENUE.server_time_request().path == f"{root}/time"
    assert VENUE.public_headers(VENUE.server_time_request()) == {"Cache-Control": "no-cache"}
    assert VENUE.costs(VENUE.server_time_request()) == {"requests": 1}


def test_candles_are_asked_for_by_a_window_of_time_that_ends_before_the_next():
    request = VENUE.candles_request("BTC-USD", "1h", 1_700_000_000_000_001, 24)
    assert request.path == "/api/v3/brokerage/market/products/BTC-USD/candles"
    assert dict(request.params) == {
        "start": "1700000001", "end": str(1_700_000_000 + 24 * 3600), "granularity": "ONE_HOUR",
    }  # fmt: skip
    with pytest.raises(ConfigError, match="'4h' are not supported by coinbase"):
        VENUE.candles_request("BTC-USD", "4h", 0, 5)


def test_answers_of_the_venue_come_out_oldest_first(shared_data):
    rows = VENUE.decode_candles(fixture(shared_data, "http_candles.json"), 0, "1h", NOW)
    rows = rows.view(CANDLE)
    assert rows["ts_event"].tolist() == [1712188800000000, 1712192400000000]
    assert (rows[1].open, rows[1].volume) == (66312.4, 355.82896243)
    assert (rows["flags"] == Flag.CLOSED | Flag.LAST).all()
    answers = json.loads((shared_data / "coinbase/frames/jkorf_endpoints.json").read_text())
    raw = frame_of(answers["AdvancedTrade/ExchangeData/GetOrderBook"]["response"])
    rows = VENUE.decode_snapshot(raw, 0, NOW).view(LOB_LEVEL)
    assert [(r.side, r.price, r.qty) for r in rows] == [
        (1, 2452.77, 0.32700476), (-1, 2453.62, 0.38),
    ]  # fmt: skip
    assert rows[0].ts_event == us_of("2024-10-02T11:22:32.748151+00:00")


def test_tickers_leave_out_what_the_venue_does_not_know(shared_data):
    tickers = VENUE.decode_tickers(fixture(shared_data, "http_products.json"), NOW)
    assert [t.symbol for t in tickers] == ["BTC-USD", "BTC-USDC"]
    assert (tickers[0].last, tickers[0].volume) == (68925.98, 11005.02587005)
    assert math.isnan(tickers[0].bid_price)
    with pytest.raises(VenueDecodeError, match="A-USD: could not convert"):
        VENUE.decode_tickers(b'{"products":[{"product_id":"A-USD","price":"x"}]}', NOW)


def test_the_clock_is_read():
    raw = (
        b'{"iso":"2024-01-01T00:00:00Z","epochSeconds":"1704067200","epochMillis":"1704067200123"}'
    )
    assert VENUE.decode_server_time(raw) == 1704067200123000


def test_funding_is_not_offered():
    with pytest.raises(ConfigError, match="'funding_history' is not supported by coinbase"):
        VENUE.funding_history_request("BTC-USD", 0, 1)


@given(st.binary(max_size=60))
def test_any_bytes_give_an_answer_or_the_decode_error(raw):
    for decode in (
        lambda: rest.decode_candles(raw, 0, "1m", NOW), lambda: rest.decode_snapshot(raw, 0, NOW),
        lambda: rest.decode_tickers(raw, NOW), lambda: rest.decode_server_time(raw),
    ):  # fmt: skip
        with contextlib.suppress(VenueDecodeError):
            assert decode() is not None
