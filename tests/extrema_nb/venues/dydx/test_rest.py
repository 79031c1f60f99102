"""Public REST of the dYdX indexer."""

from __future__ import annotations

import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError, VenueDecodeError
from extrema_nb.events import CANDLE, FUNDING, LOB_LEVEL, Flag
from extrema_nb.venues.dydx import VENUE, rest
from tests.streamed import NOW, frame_of, us_of

MINUTE = 60_000_000


def fixture(shared_data, name):
    path = shared_data / "dydx_v4/frames/nautilus_test_data.json"
    return frame_of(json.loads(path.read_text())[name]["result"])


def test_requests_name_their_paths():
    assert VENUE.instruments_request().path == "/v4/perpetualMarkets"
    assert VENUE.tickers_requests() == VENUE.instruments_requests()
    assert VENUE.snapshot_request("BTC-USD").path == "/v4/orderbooks/perpetualMarket/BTC-USD"
    assert VENUE.server_time_request().path == "/v4/time"
    assert VENUE.query(VENUE.open_interest_request("BTC-USD")) == "ticker=BTC-USD"
    assert VENUE.costs(VENUE.server_time_request()) == {"requests": 1}


def test_candles_are_asked_for_by_a_window_of_time():
    start = us_of("2024-01-01T00:00:00+00:00")
    request = VENUE.candles_request("BTC-USD", "1m", start, 100)
    assert request.path == "/v4/candles/perpetualMarkets/BTC-USD"
    assert dict(request.params) == {
        "resolution": "1MIN", "fromISO": "2024-01-01T00:00:00.000Z",
        "toISO": "2024-01-01T01:40:00.000Z", "limit": "100",
    }  # fmt: skip
    assert dict(VENUE.candles_request("B", "1d", 0, 9999).params)["limit"] == "1000"
    with pytest.raises(ConfigError, match="'2h' are not supported by dydx"):
        VENUE.candles_request("BTC-USD", "2h", 0, 5)


def test_answers_of_the_venue_come_out_oldest_first(shared_data):
    rows = VENUE.decode_candles(fixture(shared_data, "http_get_candles.json"), 0, "1m", 2 * NOW)
    rows = rows.view(CANDLE)
    assert rows["ts_event"].tolist() == [
        us_of(f"2025-12-08T16:{minute:02}:00+00:00") for minute in (9, 10, 11)
    ]
    assert (rows[-1].open, rows[-1].volume) == (89934.0, 3.2767)
    rows = VENUE.decode_funding_history(
        fixture(shared_data, "http_get_historical_funding.json"), 0, NOW
    ).view(FUNDING)
    assert rows["rate"].tolist() == [0.000000625, 0.000000375, 0.000002375]
    assert rows[-1].index_price == 89993.8
    rows = VENUE.decode_snapshot(fixture(shared_data, "http_get_orderbook.json"), 0, NOW)
    rows = rows.view(LOB_LEVEL)
    assert (len(rows), rows[0].price, rows[5].price) == (10, 89947.0, 89958.0)
    assert rows[0].flags == Flag.SNAPSHOT | Flag.START
    tickers = VENUE.decode_tickers(fixture(shared_data, "http_get_perpetual_markets.json"), NOW)
    assert (tickers[0].symbol, tickers[0].last) == ("BTC-USD", 89919.2)
    assert tickers[0].turnover == 247500844.6834


def test_open_interest_of_one_market():
    raw = frame_of({"markets": {"BTC-USD": {"openInterest": "381.7348"}}})
    (row,) = VENUE.decode_open_interest(raw, 3, NOW).view(FUNDING)
    assert (row.inst, row.open_interest) == (3, 381.7348)
    assert math.isnan(row.rate)
    with pytest.raises(VenueDecodeError, match="found 0 markets"):
        VENUE.decode_open_interest(b'{"markets":{}}', 0, NOW)


def test_funding_is_asked_for_backwards_from_the_end_of_the_page():
    start = us_of("2024-01-01T00:00:00+00:00")
    request = VENUE.funding_history_request("BTC-USD", start, 24)
    assert dict(request.params) == {
        "limit": "24", "effectiveBeforeOrAt": "2024-01-02T00:00:00.000Z",
    }  # fmt: skip


def test_the_clock_is_read():
    raw = b'{"iso":"2024-01-01T00:00:00.123Z","epoch":1704067200.123}'
    assert VENUE.decode_server_time(raw) == us_of("2024-01-01T00:00:00.123+00:00")


@given(st.binary(max_size=60))
def test_any_bytes_give_an_answer_or_the_decode_error(raw):
    for decode in (
        lambda: rest.decode_candles(raw, 0, "1m", NOW), lambda: rest.decode_snapshot(raw, 0, NOW),
        lambda: rest.decode_tickers(raw, NOW), lambda: rest.decode_server_time(raw),
        lambda: rest.decode_funding_history(raw, 0, NOW),
        lambda: rest.decode_open_interest(raw, 0, NOW),
    ):  # fmt: skip
        with contextlib.suppress(VenueDecodeError):
            assert decode() is not None
