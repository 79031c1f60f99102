"""Words of Gate."""

from __future__ import annotations

import json

from replay.local_venue.public.dialect import load
from tests.replay.local_venue.public.dialects.words import compact, filled, get, subscribes

SPOT, FUTURES = load("gate-spot"), load("gate-futures")
DIFF = {
    "time": 1, "channel": "spot.order_book_update", "event": "update",
    "result": {"t": 5, "e": "depthUpdate", "E": 5, "s": "BTC_USDT", "U": 3, "u": 4,
               "b": [["9.5", "2"]], "a": []},
}  # fmt: skip
CONTRACT = {
    "time": 1, "channel": "futures.order_book_update", "event": "update",
    "result": {"t": 5, "s": "BTC_USDT", "U": 3, "u": 4, "b": [{"p": "9.5", "s": 2}], "a": []},
}  # fmt: skip
TRADES = {
    "time": 1, "channel": "futures.trades", "event": "update",
    "result": [{"contract": "BTC_USDT", "price": "9.5", "size": -3}],
}  # fmt: skip


def test_messages_are_known_by_channel_and_symbol():
    assert SPOT.key_of(compact(DIFF)) == "spot.order_book_update:BTC_USDT"
    assert FUTURES.key_of(compact(TRADES)) == "futures.trades:BTC_USDT"
    assert SPOT.key_of(compact({"channel": "spot.pong", "event": "", "result": None})) == ""
    ack = {"channel": "spot.trades", "event": "subscribe", "result": {"status": "success"}}
    assert SPOT.key_of(compact(ack)) == ""
    for venue, frame in ((SPOT, DIFF), (FUTURES, CONTRACT)):
        change = venue.change_of(compact(frame))
        assert (change.symbol, change.seq, change.bids) == ("BTC_USDT", 4, [("9.5", "2")])
        assert venue.book_of(venue.key_of(compact(frame))) == "BTC_USDT"
    assert FUTURES.quoted(compact(TRADES)) == [("BTC_USDT", "9.5", "-3")]


def test_control_frames():
    subscribes(
        "gate-spot",
        {"time": 1, "channel": "spot.trades", "event": "subscribe", "payload": ["A_B", "C_D"]},
        ("spot.trades:A_B", "spot.trades:C_D"),
    )
    subscribes(
        "gate-spot",
        {"channel": "spot.order_book_update", "event": "subscribe", "payload": ["A_B", "100ms"]},
        ("spot.order_book_update:A_B",),
    )
    (answer,) = subscribes(
        "gate-futures",
        {"channel": "futures.candlesticks", "event": "subscribe", "payload": ["1m", "A_B"]},
        ("futures.candlesticks:1m_A_B",),
    )
    assert answer["result"] == {"status": "success"}
    pong = SPOT.control('{"time":1,"channel":"spot.ping"}', {}, 0).answers[0]
    assert json.loads(pong)["channel"] == "spot.pong"
    assert json.loads(SPOT.control("{}", {}, 0).answers[0])["error"]["code"] == 1


def test_rest():
    found = SPOT.ask(get("/api/v4/spot/order_book", currency_pair="A_B"), 0)
    assert found.book == "A_B"
    found = FUTURES.ask(get("/api/v4/futures/usdt/order_book", contract="A_B"), 0)
    assert found.book == "A_B"
    assert SPOT.ask(get("/api/v4/spot/currency_pairs"), 0).instruments
    assert SPOT.ask(get("/api/v4/futures/usdt/contracts"), 0).status == 404
    assert FUTURES.ask(get("/api/v4/delivery/usdt/contracts"), 0).body == b"[]"
    assert json.loads(SPOT.book_answer(filled(), 1))["bids"][0] == ["9.5", "2"]
    assert json.loads(FUTURES.book_answer(filled(), 1))["bids"][0] == {"p": "9.5", "s": 2}
    whole = SPOT.change_of(SPOT.book_answer(filled(), 1))
    assert (whole.seq, whole.whole) == (7, True)
