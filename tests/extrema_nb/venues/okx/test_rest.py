"""Requests and their answers; recorded answers of other projects."""

from __future__ import annotations

import json

import pytest

from extrema_nb.errors import ConfigError, VenueDecodeError, VenueError
from extrema_nb.events import CANDLE, FUNDING, LOB_LEVEL, Flag
from extrema_nb.venues.okx import rest
from extrema_nb.venues.okx.checksum import carried

NOW = 1_800_000_000_000_000
BOOK = {"asks": [["41006.8", "0.6", "0", "1"]], "bids": [["41006.3", "0.3", "0", "2"]],
        "ts": "1629966436396", "seqId": 77}  # fmt: skip


def answer(*data, **more):
    return json.dumps({"code": "0", "msg": "", "data": data, **more}).encode()


def params(request):
    return dict(request.params)


def test_requests_name_what_is_wanted():
    assert [params(r) for r in rest.instruments_requests()] == [
        {"instType": kind} for kind in ("SPOT", "SWAP", "FUTURES")
    ]
    assert rest.tickers_requests()[1].path == "/api/v5/market/tickers"
    book = rest.snapshot_request("BTC-USDT")
    assert params(book) == {"instId": "BTC-USDT", "sz": "400", "source": "0"}
    assert params(rest.open_interest_request("BTC-USD-SWAP"))["instType"] == "SWAP"
    assert rest.server_time_request().path == "/api/v5/public/time"
    for request in (book, *rest.instruments_requests(), rest.server_time_request()):
        assert not request.signed
        assert not request.keyed


def test_candles_are_asked_for_as_a_window_of_time():
    asked = params(rest.candles_request("BTC-USDT", "1h", 3_600_000_000, 1000))
    assert (asked["bar"], asked["limit"]) == ("1H", "100")
    assert (asked["before"], asked["after"]) == ("3599999", str(3_600_000 * 101))
    with pytest.raises(ConfigError, match="no candles of '8h'"):
        rest.candles_request("BTC-USDT", "8h", 0, 10)


def test_rates_are_asked_for_as_hours_and_only_of_swaps():
    asked = params(rest.funding_history_request("BTC-USD-SWAP", 1000, 50))
    assert (asked["before"], asked["after"], asked["limit"]) == ("0", str(1 + 50 * 3_600_000), "50")
    with pytest.raises(ConfigError, match="funding_history of BTC-USDT is not supported by okx"):
        rest.funding_history_request("BTC-USDT", 0, 1)
    with pytest.raises(ConfigError, match="open_interest of BTC-USDT is not supported by okx"):
        rest.open_interest_request("BTC-USDT")


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_book_answer_is_a_snapshot_with_its_number(wrapped):
    raw = answer(BOOK)
    if wrapped:
        raw = rest.wrap_snapshot(raw, "BTC-USDT")
        assert rest.snapshot_symbol(raw) == "BTC-USDT"
    assert rest.is_snapshot(raw) == wrapped
    rows = rest.decode_snapshot(raw, 5, NOW).view(LOB_LEVEL)
    assert rows["price"].tolist() == [41006.3, 41006.8]
    assert rows["flags"].tolist() == [Flag.SNAPSHOT | Flag.START, Flag.SNAPSHOT | Flag.LAST]
    assert set(rows["seq"].tolist()) == {77}
    assert set(rows["inst"].tolist()) == {5}
    assert carried(int(rows["first_seq"][0])) is None
    assert rows["ts_event"].tolist() == [1629966436396000] * 2


def test_a_bare_answer_names_no_symbol():
    assert rest.snapshot_symbol(answer(BOOK)) == ""


def test_candles_come_oldest_first():
    bars = [["180000", "1", "2", "0.5", "1.5", "7", "0", "0", "0"],
            ["120000", "1", "2", "0.5", "1.5", "9", "0", "0", "1"]]  # fmt: skip
    rows = rest.decode_candles(answer(*bars), 3, "1m", NOW).view(CANDLE)
    assert rows["ts_event"].tolist() == [120_000_000, 180_000_000]
    assert rows["flags"].tolist() == [Flag.CLOSED | Flag.LAST, Flag.LAST]
    assert rows["volume"].tolist() == [9.0, 7.0]
    assert len(rest.decode_candles(answer(), 3, "1m", NOW)) == 0
    with pytest.raises(VenueDecodeError, match="two candles open at one time"):
        rest.decode_candles(answer(bars[0], bars[0]), 3, "1m", NOW)


def test_paid_rates_come_oldest_first():
    rates = [{"fundingRate": "0.0002", "realizedRate": "0.00019", "fundingTime": "1703059200000"},
             {"fundingRate": "0.0001", "realizedRate": "", "fundingTime": "1703030400000"}]  # fmt: skip
    rows = rest.decode_funding_history(answer(*rates), 3, NOW).view(FUNDING)
    assert rows["rate"].tolist() == [0.0001, 0.00019]
    assert rows["ts_event"].tolist() == [1703030400000000, 1703059200000000]
    assert len(rest.decode_funding_history(answer(), 3, NOW)) == 0
    with pytest.raises(VenueDecodeError, match="'nan' stands for a number"):
        rest.decode_funding_history(answer({**rates[0], "realizedRate": "nan"}), 3, NOW)


def test_open_interest_and_time():
    interest = {
        "instType": "SWAP",
        "instId": "X",
        "oi": "5000",
        "oiCcy": "5",
        "ts": "1597026383085",
    }
    (row,) = rest.decode_open_interest(answer(interest), 2, NOW).view(FUNDING)
    assert (row.open_interest, row.inst, row.next_ts) == (5000.0, 2, -1)
    assert row.ts_event == 1597026383085000
    assert rest.decode_server_time(answer({"ts": "1597026383085"})) == 1597026383085000
    for decode in (lambda raw: rest.decode_open_interest(raw, 0, NOW), rest.decode_server_time):
        with pytest.raises(VenueDecodeError):
            decode(answer())


def test_tickers_may_lack_sides():
    option = {"instId": "BTC-USD-SWAP", "last": "1", "bidPx": "", "bidSz": "", "askPx": "2",
              "askSz": "3", "vol24h": "9", "volCcy24h": "8", "ts": "5"}  # fmt: skip
    (ticker,) = rest.decode_tickers(answer(option), NOW)
    assert (ticker.symbol, ticker.ts_event, ticker.last) == ("BTC-USD-SWAP", 5000, 1.0)
    assert (ticker.ask_price, ticker.ask_qty, ticker.volume) == (2.0, 3.0, 9.0)
    assert ticker.bid_price != ticker.bid_price
    assert ticker.turnover != ticker.turnover  # of derivatives it is no quote amount
    (ticker,) = rest.decode_tickers(answer({**option, "instId": "BTC-USDT", "ts": ""}), NOW)
    assert (ticker.turnover, ticker.ts_event) == (8.0, NOW)


DECODERS = [
    lambda raw: rest.decode_snapshot(raw, 0, NOW),
    lambda raw: rest.decode_candles(raw, 0, "1m", NOW),
    lambda raw: rest.decode_funding_history(raw, 0, NOW),
    lambda raw: rest.decode_open_interest(raw, 0, NOW),
    lambda raw: rest.decode_tickers(raw, NOW),
    rest.decode_server_time,
]


@pytest.mark.parametrize("decode", DECODERS)
def test_refusals_and_garbage_are_told_apart(decode):
    with pytest.raises(VenueError, match="error 51001: no such") as caught:
        decode(b'{"code":"51001","msg":"no such instrument","data":[]}')
    assert caught.value.code == 51001
    for raw in (b"", b"<html>", b'{"data":[[]]}', b'{"data":[{}]}', b"\xff", b"[" * 100_000):
        with pytest.raises(VenueDecodeError):
            decode(raw)


def test_recorded_answers_of_others_are_read(shared_data):
    found = json.loads((shared_data / "okx/frames/nautilus_test_data.json").read_bytes())
    answers = {key: json.dumps(value).encode() for key, value in found.items()}
    assert len(rest.decode_candles(answers["http_get_candlesticks.json"], 0, "1m", NOW)) == 2
    full = rest.decode_candles(answers["http_get_candlesticks_full.json"], 0, "1m", NOW)
    assert full.view(CANDLE)["volume"].tolist()[-1] == 1040.37
    rates = rest.decode_funding_history(answers["http_get_funding_rate_history.json"], 0, NOW)
    assert rates.view(FUNDING)["rate"].tolist()[-1] == 0.00015
    book = rest.decode_snapshot(answers["http_get_order_book.json"], 0, NOW)
    assert book.view(LOB_LEVEL)["price"].tolist()[0] == 41006.7
    found = json.loads((shared_data / "okx/frames/jkorf_endpoints.json").read_bytes())
    by_name = {key.rpartition("/")[2]: value for key, value in found.items()}
    raw = {key: json.dumps(value["response"]).encode() for key, value in by_name.items()}
    assert len(rest.decode_tickers(raw["GetTickers"], NOW)) == 2
    assert len(rest.decode_snapshot(raw["GetOrderBook"], 0, NOW)) == 2
    assert len(rest.decode_funding_history(raw["GetFundingRateHistory"], 0, NOW)) == 2
    assert len(rest.decode_open_interest(raw["GetOpenInterests"], 0, NOW)) == 1
    paths = {value["path"] for value in by_name.values()}
    asked = [*rest.tickers_requests(), *rest.instruments_requests(), rest.snapshot_request("X"),
             rest.funding_history_request("A-B-SWAP", 0, 1),
             rest.open_interest_request("A-B-SWAP")]  # fmt: skip
    assert {request.path for request in asked} <= paths
