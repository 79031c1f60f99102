"""Words of Hyperliquid."""

from __future__ import annotations

import json

from replay.local_venue.public.dialect import Asked
from replay.local_venue.public.dialects.hyperliquid import DIALECT
from tests.replay.local_venue.public.dialects.words import compact, filled, lists, subscribes

BOOK = {
    "channel": "l2Book",
    "data": {"coin": "BTC", "time": 5, "levels": [[{"px": "9.5", "sz": "2", "n": 1}], []]},
}
TRADES = {"channel": "trades", "data": [{"coin": "BTC", "px": "9.5", "sz": "1"}]}


def info(kind, **body):
    return Asked("POST", "/info", {}, {"type": kind, **body})


def test_messages_are_known_by_channel_and_coin():
    assert DIALECT.key_of(compact(BOOK)) == "l2Book:BTC"
    assert DIALECT.key_of(compact(TRADES)) == "trades:BTC"
    candle = {"channel": "candle", "data": {"s": "BTC", "i": "1m", "t": 1}}
    assert DIALECT.key_of(compact(candle)) == "candle:BTC:1m"
    assert DIALECT.key_of(b'{"channel":"pong"}') == ""
    assert DIALECT.key_of(compact({"channel": "subscriptionResponse", "data": {"a": 1}})) == ""
    change = DIALECT.change_of(compact(BOOK))
    assert (change.whole, change.bids) == (True, [("9.5", "2")])
    assert DIALECT.quoted(compact(BOOK)) == [("BTC", "9.5", "2")]
    assert DIALECT.quoted(compact(TRADES)) == [("BTC", "9.5", "1")]


def test_control_frames():
    wanted = {"type": "candle", "coin": "BTC", "interval": "1m"}
    (answer,) = subscribes(
        "hyperliquid", {"method": "subscribe", "subscription": wanted}, ("candle:BTC:1m",)
    )
    assert answer["data"] == {"method": "subscribe", "subscription": wanted}
    assert DIALECT.control('{"method":"ping"}', {}, 0).answers == (b'{"channel":"pong"}',)
    gone = {"method": "unsubscribe", "subscription": {"type": "l2Book", "coin": "BTC"}}
    assert DIALECT.control(json.dumps(gone), {}, 0).remove == ("l2Book:BTC",)
    assert b"error" in DIALECT.control("{}", {}, 0).answers[0]


def test_rest():
    assert DIALECT.ask(info("l2Book", coin="BTC"), 0).book == "BTC"
    assert DIALECT.ask(info("meta"), 0).instruments
    assert DIALECT.ask(info("what"), 0).status == 404
    assert DIALECT.ask(Asked("GET", "/other", {}, {}), 0).status == 404
    raw = DIALECT.book_answer(filled("BTC"), 0)
    assert json.loads(raw)["levels"][1] == [{"px": "10.5", "sz": "3", "n": 1}]
    (pushed,) = DIALECT.pushed("l2Book:BTC", filled("BTC"), 0)
    assert DIALECT.key_of(pushed) == "l2Book:BTC"
    assert set(lists("hyperliquid", ["BTC", "ETH"], info("meta"))) == {"BTC", "ETH"}
    assert lists("hyperliquid", ["BTC"], info("spotMeta")) == {}
