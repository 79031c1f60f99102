"""Public REST: requests as the venue wants them, answers into rows."""

from __future__ import annotations

import json

import pytest

from extrema_nb.channels import INTERVALS
from extrema_nb.errors import VenueDecodeError
from extrema_nb.events import CANDLE, LOB_LEVEL, Flag
from extrema_nb.venues.binance_usdm import rest

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
