"""Public REST: requests as the venue wants them, answers into rows."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from extrema_nb.channels import INTERVALS
from extrema_nb.errors import ConfigError, VenueDecodeError
from extrema_nb.events import CANDLE, FUNDING, LOB_LEVEL, Flag
from extrema_nb.venues.binance_cm import VENUE as CM
from extrema_nb.venues.binance_spot import VENUE as SPOT
from extrema_nb.venues.binance_usdm import VENUE as rest  # noqa: N811  # the calls are its methods

NOW = 1_700_000_000_000_000
DEPTH = {
    "lastUpdateId": 1027024, "E": 1589436922972, "T": 1589436922959,
    "bids": [["4.00000000", "431.00000000"]], "asks": [["4.00000200", "12.00000000"]],
}  # fmt: skip
CANDLE_ROW = [
    1499040000000, "0.01634790", "0.80000000", "0.01575800", "0.01577100", "148976.11427815",
    1499644799999, "2434.19055334", 308, "1756.87402397", "28.46694368", "17928899.62484339",
]  # fmt: skip


def raw(data):
    return json.dumps(data).encode()


def test_a_snapshot_is_flagged_from_its_first_row_to_its_last():
    rows = rest.decode_snapshot(raw(DEPTH), 1, NOW).view(LOB_LEVEL)
    assert rows["price"].tolist() == [4.0, 4.000002]
    assert rows["qty"].tolist() == [431.0, 12.0]
    assert rows["side"].tolist() == [1, -1]
    assert rows["flags"].tolist() == [Flag.SNAPSHOT | Flag.START, Flag.SNAPSHOT | Flag.LAST]
    assert rows["seq"].tolist() == [1027024] * 2
    assert rows["prev_seq"].tolist() == [-1] * 2
    assert rows["ts_event"].tolist() == [1589436922959000] * 2
    assert rows["inst"].tolist() == [1, 1]


def test_a_snapshot_without_times_gets_ours():
    data = {key: value for key, value in DEPTH.items() if key not in ("E", "T")}
    assert rest.decode_snapshot(raw(data), 0, NOW)["ts_event"].tolist() == [NOW] * 2


def test_an_empty_book_is_one_row():
    (row,) = rest.decode_snapshot(raw({**DEPTH, "bids": [], "asks": []}), 0, NOW).view(LOB_LEVEL)
    assert row["flags"] == Flag.SNAPSHOT | Flag.START | Flag.LAST
    assert row["side"] == 0


@pytest.mark.parametrize(
    "bad",
    [b"", b"[]", b'{"lastUpdateId":1}', raw({**DEPTH, "bids": [["x", "1"]]}), raw(DEPTH)[:-3]],
)
def test_a_snapshot_that_is_none_is_refused(bad):
    with pytest.raises(VenueDecodeError, match="snapshot"):
        rest.decode_snapshot(bad, 0, NOW)


def test_a_wrapped_snapshot_names_its_symbol_and_gives_the_same_rows():
    bare = raw(DEPTH)
    wrapped = rest.wrap_snapshot(bare + b"\n", "BTCUSDT")
    assert json.loads(wrapped) == {"snapshot": "BTCUSDT", "data": DEPTH}
    assert rest.is_snapshot(bare)
    assert rest.is_snapshot(wrapped)
    assert not rest.is_snapshot(b'{"stream":"btcusdt@depth"}')
    assert rest.snapshot_symbol(wrapped) == "BTCUSDT"
    assert rest.snapshot_symbol(bare) == ""
    rows = rest.decode_snapshot(wrapped, 0, NOW)
    assert rows.tobytes() == rest.decode_snapshot(bare, 0, NOW).tobytes()


def test_candles_are_read_oldest_first():
    later = [CANDLE_ROW[0] + 60_000, *CANDLE_ROW[1:6], NOW // 1000 + 5, *CANDLE_ROW[7:]]
    rows = rest.decode_candles(raw([CANDLE_ROW, later]), 0, "1m", NOW).view(CANDLE)
    assert rows["ts_event"].tolist() == [1499040000000000, 1499040060000000]
    assert rows["open"][0] == 0.0163479
    assert rows["high"][0] == 0.8
    assert rows["low"][0] == 0.015758
    assert rows["close"][0] == 0.015771
    assert rows["volume"][0] == 148976.11427815
    assert rows["flags"].tolist() == [Flag.CLOSED | Flag.LAST, Flag.LAST]
    assert INTERVALS[rows["interval"][0]] == "1m"
    assert len(rest.decode_candles(b"[]", 0, "1m", NOW)) == 0


@pytest.mark.parametrize(
    "bad",
    [
        b"{}",
        raw([CANDLE_ROW[:4]]),
        raw([[CANDLE_ROW[0], "-1", *CANDLE_ROW[2:]]]),
        raw([[CANDLE_ROW[0], "nan", *CANDLE_ROW[2:]]]),
        raw([CANDLE_ROW, CANDLE_ROW]),
        raw([[2**80, *CANDLE_ROW[1:]]]),
    ],
)
def test_candles_that_are_none_are_refused(bad):
    with pytest.raises(VenueDecodeError, match="klines"):
        rest.decode_candles(bad, 0, "1m", NOW)


def test_requests_say_what_they_cost():
    assert rest.snapshot_request("BTCUSDT").params == (("symbol", "BTCUSDT"), ("limit", "1000"))
    assert rest.snapshot_request("BTCUSDT").weight == 20
    for limit, weight in ((50, 1), (100, 2), (500, 5), (1000, 5), (1001, 10), (9999, 10)):
        request = rest.candles_request("BTCUSDT", "1m", 1_000_001, limit)
        assert request.weight == weight
        assert dict(request.params)["startTime"] == "1001"
        assert int(dict(request.params)["limit"]) == min(limit, 1500)
    for request in (rest.instruments_request(), rest.snapshot_request("BTCUSDT")):
        assert request.path.startswith("/fapi/v1/")
        assert not request.signed
        assert not request.keyed


def test_a_venue_is_asked_under_its_own_path():
    for venue, api in ((rest, "/fapi/v1"), (CM, "/dapi/v1"), (SPOT, "/api/v3")):
        requests = [
            *venue.instruments_requests(), *venue.tickers_requests(),
            venue.snapshot_request("X"), venue.candles_request("X", "1m", 0, 10),
            venue.server_time_request(),
        ]  # fmt: skip
        assert {
            request.path.rpartition("/")[0].removesuffix("/ticker") for request in requests
        } == {api}
        assert all(sum(venue.costs(request).values()) == request.weight for request in requests)
        assert venue.limits[0][0] == "weight"
        assert venue.query(venue.snapshot_request("BTCUSDT")) == "symbol=BTCUSDT&limit=1000"


def test_spot_candles_come_by_the_thousand():
    request = SPOT.candles_request("BTCUSDT", "1s", 0, 5000)
    assert dict(request.params)["limit"] == "1000"
    assert request.weight == 2
    with pytest.raises(ConfigError, match="no candles of '1s' at binance-cm"):
        CM.candles_request("BTCUSD_PERP", "1s", 0, 1)


def test_spot_knows_neither_funding_nor_open_interest():
    for ask in (
        lambda: SPOT.funding_history_request("BTCUSDT", 0, 1),
        lambda: SPOT.decode_funding_history(b"[]", 0, NOW),
        lambda: SPOT.open_interest_request("BTCUSDT"),
        lambda: SPOT.decode_open_interest(b"{}", 0, NOW),
    ):
        with pytest.raises(ConfigError, match="not supported by binance-spot; it offers instrum"):
            ask()


def answer_of(shared_data, venue, name):
    path = shared_data / venue / "frames/jkorf_endpoints.json"
    return raw(json.loads(path.read_text(encoding="utf-8"))[name]["response"])


def test_published_tickers_are_read(shared_data):
    answer = answer_of(shared_data, "binance_cm", "CoinFutures/ExchangeData/GetTickers")
    (ticker,) = CM.decode_tickers(answer, NOW)
    assert (ticker.symbol, ticker.last, ticker.volume) == ("BTCUSD_200925", 9651.6, 494109.0)
    assert ticker.turnover == 5192.94797687 * 9547.3
    assert ticker.ts_event == 1591256718418000
    assert math.isnan(ticker.bid_price)
    answer = answer_of(shared_data, "binance_spot", "Spot/ExchangeData/GetTicker")
    (ticker,) = SPOT.decode_tickers(b"[" + answer + b"]", NOW)
    assert (ticker.bid_price, ticker.ask_price) == (4.0, 4.000002)
    assert (ticker.volume, ticker.turnover) == (8913.3, 15.3)
    with pytest.raises(VenueDecodeError, match="tickers can not be read"):
        SPOT.decode_tickers(answer, NOW)


@pytest.mark.parametrize(
    ("venue", "folder", "name"),
    [
        (rest, "binance_usdm", "UsdFutures/ExchangeData/GetFundingRates"),
        (CM, "binance_cm", "CoinFutures/ExchangeData/GetFundingRates"),
    ],
)
def test_published_funding_rates_are_read_oldest_first(shared_data, venue, folder, name):
    answer = json.loads(answer_of(shared_data, folder, name))
    rows = venue.decode_funding_history(raw(answer[::-1]), 3, NOW).view(FUNDING)
    assert rows["ts_event"].tolist() == [one["fundingTime"] * 1000 for one in answer]
    assert rows["rate"].tolist() == [float(one["fundingRate"]) for one in answer]
    assert rows["mark_price"].tolist() == [float(one["markPrice"]) for one in answer]
    assert np.isnan(rows["open_interest"]).all()
    assert set(rows["inst"]) == {3}
    (row,) = venue.decode_funding_history(raw([answer[0] | {"markPrice": ""}]), 3, NOW).view(
        FUNDING
    )
    assert math.isnan(row["mark_price"])
    for bad in ({"markPrice": "x"}, {"fundingRate": "2"}, {"fundingTime": None}):
        with pytest.raises(VenueDecodeError):
            venue.decode_funding_history(raw([answer[0] | bad]), 3, NOW)
    request = venue.funding_history_request("BTCUSDT", 1_000_001, 5000)
    assert dict(request.params) == {"symbol": "BTCUSDT", "startTime": "1001", "limit": "1000"}


def test_published_open_interest_is_read(shared_data):
    answer = answer_of(shared_data, "binance_cm", "CoinFutures/ExchangeData/GetOpenInterest")
    (row,) = CM.decode_open_interest(answer, 1, NOW).view(FUNDING)
    assert (row["open_interest"], row["ts_event"]) == (15004.0, 1591261042378000)
    assert math.isnan(row["rate"])
    assert CM.open_interest_request("BTCUSD_PERP").params == (("symbol", "BTCUSD_PERP"),)


def test_the_venues_clock_is_read():
    assert SPOT.decode_server_time(b'{"serverTime":1499827319559}') == 1499827319559000
    with pytest.raises(VenueDecodeError, match="server time"):
        SPOT.decode_server_time(b"{}")


def test_a_snapshot_of_coin_futures_names_its_symbol():
    answer = raw(
        {"lastUpdateId": 1, "E": 2, "T": 3, "symbol": "BCHUSD_PERP", "bids": [], "asks": []}
    )
    assert CM.snapshot_symbol(answer.replace(b": ", b":")) == "BCHUSD_PERP"
