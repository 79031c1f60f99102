"""Public REST of Hyperliquid."""

from __future__ import annotations

import contextlib
import itertools
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError, VenueDecodeError
from extrema_nb.events import CANDLE, FUNDING, LOB_LEVEL, Flag
from extrema_nb.venues.hyperliquid import VENUE, rest
from tests.streamed import NOW, frame_of

HOUR = 3_600_000_000


def body(request):
    assert (request.method, request.path) == ("POST", "/info")
    assert not request.signed
    return json.loads(request.body)


def calls(shared_data, name):
    path = shared_data / "hyperliquid/frames" / f"sdk_info_{name}.json"
    return [
        c for c in json.loads(path.read_text()) if c["request"]["type"] not in ("meta", "spotMeta")
    ]


def test_requests_say_what_they_ask_in_their_body():
    assert [body(r) for r in VENUE.instruments_requests()] == [
        {"type": "meta"},
        {"type": "spotMeta"},
    ]
    assert [body(r)["type"] for r in VENUE.tickers_requests()] == [
        "metaAndAssetCtxs", "spotMetaAndAssetCtxs",
    ]  # fmt: skip
    assert body(VENUE.snapshot_request("@107")) == {"type": "l2Book", "coin": "@107"}
    assert body(VENUE.server_time_request()) == {"type": "exchangeStatus"}
    assert VENUE.public_headers(VENUE.server_time_request()) == {"Content-Type": "application/json"}
    assert VENUE.costs(VENUE.instruments_requests()[0]) == {"weight": 20}


def test_candles_are_asked_for_by_a_window_of_time():
    request = VENUE.candles_request("BTC", "1h", 10 * HOUR + 1, 24)
    assert body(request) == {"type": "candleSnapshot", "req": {
        "coin": "BTC", "interval": "1h", "startTime": 36_000_001, "endTime": 36_000_000 + 24 * 3_600_000,
    }}  # fmt: skip
    assert request.weight == 21
    assert VENUE.candles_by_window
    with pytest.raises(ConfigError, match="'6h' are not supported by hyperliquid"):
        VENUE.candles_request("BTC", "6h", 0, 5)


def test_windows_that_follow_each_other_neither_overlap_nor_leave_a_hole():
    starts = [VENUE.candles_request("BTC", "1m", n * 1000 * 60_000_000, 1000) for n in range(3)]
    spans = [body(r)["req"] for r in starts]
    for before, after in itertools.pairwise(spans):
        assert before["endTime"] + 1 == after["startTime"]


def test_candles_of_the_venue_are_read(shared_data):
    (call,) = calls(shared_data, "get_candles_snapshot")
    rows = VENUE.decode_candles(frame_of(call["response"]), 3, "1h", NOW).view(CANDLE)
    first = call["response"][0]
    assert len(rows) == len(call["response"])
    assert (rows[0].ts_event, rows[0].open, rows[0].volume) == (
        first["t"] * 1000, float(first["o"]), float(first["v"]),
    )  # fmt: skip
    assert (rows["flags"] == Flag.CLOSED | Flag.LAST).all()
    back = VENUE.decode_candles(frame_of(call["response"][::-1]), 3, "1h", NOW)
    assert back.tobytes() == rows.tobytes()


def test_funding_history_of_the_venue_is_read(shared_data):
    (call,) = calls(shared_data, "get_funding_history_1684811870000")
    rows = VENUE.decode_funding_history(frame_of(call["response"]), 0, NOW).view(FUNDING)
    assert len(rows) == len(call["response"])
    assert rows["rate"].tolist() == [float(r["fundingRate"]) for r in call["response"]]
    ask = body(VENUE.funding_history_request("BTC", 7_000_000, 800))
    assert (ask["startTime"], ask["endTime"]) == (7000, 7000 + 500 * 3_600_000 - 1)


def test_a_book_of_the_venue_is_read(shared_data):
    (call,) = calls(shared_data, "get_l2_snapshot")
    rows = VENUE.decode_snapshot(frame_of(call["response"]), 2, NOW).view(LOB_LEVEL)
    bids, asks = call["response"]["levels"]
    assert len(rows) == len(bids) + len(asks)
    assert (rows[0].price, rows[0].flags) == (float(bids[0]["px"]), Flag.SNAPSHOT | Flag.START)
    assert rows[-1].flags == Flag.SNAPSHOT | Flag.LAST


def test_tickers_pair_each_instrument_with_its_context(shared_data):
    answers = json.loads((shared_data / "hyperliquid/frames/jkorf_endpoints.json").read_text())
    perps = answers["Futures/ExchangeData/GetExchangeInfoAndTickers"]["response"]
    tickers = VENUE.decode_tickers(frame_of(perps), NOW)
    assert [t.symbol for t in tickers] == [row["name"] for row in perps[0]["universe"]]
    assert tickers[0].last == float(perps[1][0]["midPx"])
    assert tickers[0].turnover == float(perps[1][0]["dayNtlVlm"])
    spot = answers["Spot/ExchangeData/GetExchangeInfoAndTickers"]["response"]
    found = VENUE.decode_tickers(frame_of(spot), NOW)
    assert [t.symbol for t in found] == [c["coin"] for c in spot[1] if c.get("coin")]


def test_tickers_that_do_not_pair_are_refused():
    odd = [{"universe": [{"name": "BTC", "szDecimals": 5}]}, []]
    with pytest.raises(VenueDecodeError, match="0 asset contexts for 1 instruments"):
        VENUE.decode_tickers(frame_of(odd), NOW)
    (one,) = VENUE.decode_tickers(frame_of([odd[0], [{"markPx": "5", "midPx": None}]]), NOW)
    assert one.last == 5.0
    assert math.isnan(one.volume)


def test_the_clock_is_read():
    assert (
        VENUE.decode_server_time(b'{"time":1734000000123,"specialStatuses":null}')
        == 1734000000123000
    )


def test_open_interest_of_one_instrument_is_not_offered():
    with pytest.raises(ConfigError, match="'open_interest' is not supported by hyperliquid"):
        VENUE.open_interest_request("BTC")


@given(st.binary(max_size=60))
def test_any_bytes_give_an_answer_or_the_decode_error(raw):
    for decode in (
        lambda: rest.decode_candles(raw, 0, "1m", NOW), lambda: rest.decode_snapshot(raw, 0, NOW),
        lambda: rest.decode_tickers(raw, NOW), lambda: rest.decode_server_time(raw),
        lambda: rest.decode_funding_history(raw, 0, NOW),
    ):  # fmt: skip
        with contextlib.suppress(VenueDecodeError):
            decode()
