"""Words of Binance."""

from __future__ import annotations

import json

import pytest

from replay.local_venue.public.dialect import load
from tests.replay.local_venue.public.captures import book, depth, trade
from tests.replay.local_venue.public.dialects.words import compact, filled, get, lists, subscribes

SPOT = load("binance-spot")


def test_messages_are_known_by_their_stream():
    assert SPOT.key_of(compact(trade(1))) == "btcusdt@trade"
    assert SPOT.key_of(compact({"result": None, "id": 1})) == ""
    assert SPOT.book_of("btcusdt@depth@100ms") == "BTCUSDT"
    assert SPOT.book_of("btcusdt@depth") == "BTCUSDT"
    assert SPOT.book_of("btcusdt@depth5@100ms") == ""
    change = SPOT.change_of(compact(depth(1, 4, bids=[["9", "1"]])))
    assert (change.symbol, change.seq, change.whole, change.bids) == (
        "BTCUSDT",
        4,
        False,
        [["9", "1"]],
    )
    whole = SPOT.change_of(compact(book(3, [["9", "1"]], [])))
    assert (whole.seq, whole.whole) == (3, True)
    assert SPOT.snapshot_of(compact(book(3, [], []))) == ("", compact(book(3, [], [])))
    assert SPOT.quoted(compact(trade(1, "100.25")))[0] == ("BTCUSDT", "100.25", "0.500")


def test_control_frames():
    answers = subscribes(
        "binance-spot", {"method": "SUBSCRIBE", "params": ["a@trade"], "id": 3}, ("a@trade",)
    )
    assert answers == [{"result": None, "id": 3}]
    gone = SPOT.control('{"method":"UNSUBSCRIBE","params":["a@trade"],"id":4}', {}, 0)
    assert gone.remove == ("a@trade",)
    told = SPOT.control('{"method":"LIST_SUBSCRIPTIONS","id":5}', {"b@trade": None}, 0)
    assert json.loads(told.answers[0])["result"] == ["b@trade"]
    assert b"Invalid request" in SPOT.control("hello", {}, 0).answers[0]


def test_streams_in_the_url():
    assert SPOT.keys_of_url("/stream", {"streams": "a@trade/b@depth"}) == ("a@trade", "b@depth")
    assert SPOT.keys_of_url("/ws/a@trade", {}) == ("a@trade",)
    assert SPOT.keys_of_url("/public/stream", {}) == ()


def test_rest():
    assert SPOT.ask(get("/api/v3/depth", symbol="X"), 0).book == "X"
    assert SPOT.ask(get("/api/v1/depth", symbol="X"), 0).book == "X"
    assert SPOT.ask(get("/api/v3/exchangeInfo"), 0).instruments
    assert SPOT.ask(get("/api/v3/time"), 5).body == b'{"serverTime":5}'
    assert SPOT.ask(get("/fapi/v1/depth", symbol="X"), 0).status == 404
    assert json.loads(SPOT.book_answer(filled(), 0)) == {
        "lastUpdateId": 7, "bids": [["9.5", "2"], ["9.0", "1"]], "asks": [["10.5", "3"]],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("venue", "path", "symbols"),
    [("binance-usdm", "/fapi/v1/exchangeInfo", ["BTCUSDT", "ABCUSDC"])],
)
def test_a_list_that_was_not_captured_is_one_that_the_connector_reads(venue, path, symbols):
    assert lists(venue, symbols, get(path)) == dict.fromkeys(symbols, 0.01)
