"""Words of Coinbase, of today and of old captures."""

from __future__ import annotations

import json

from replay.local_venue.public.dialects.coinbase import DIALECT
from tests.replay.local_venue.public.dialects.words import compact, filled, get, lists, subscribes

BOOK = {
    "channel": "l2_data", "client_id": "", "timestamp": "t", "sequence_num": 5,
    "events": [{"type": "update", "product_id": "A-B",
                "updates": [{"side": "offer", "price_level": "9.5", "new_quantity": "2"}]}],
}  # fmt: skip
TRADE = {
    "channel": "market_trades", "sequence_num": 6,
    "events": [{"type": "update", "trades": [{"product_id": "A-B", "price": "9", "size": "1"}]}],
}  # fmt: skip
OLD = {"type": "l2update", "product_id": "A-B", "changes": [["sell", "9.5", "2"]]}


def test_messages_of_both_feeds_are_known_by_channel_and_product():
    assert DIALECT.key_of(compact(BOOK)) == DIALECT.key_of(compact(OLD)) == "level2:A-B"
    assert DIALECT.key_of(compact(TRADE)) == "market_trades:A-B"
    match = {"type": "match", "product_id": "A-B", "price": "9", "size": "1"}
    assert DIALECT.key_of(compact(match)) == "market_trades:A-B"
    assert DIALECT.key_of(compact({"channel": "subscriptions", "events": []})) == ""
    assert DIALECT.key_of(compact({"type": "subscriptions"})) == ""
    assert DIALECT.key_of(compact({"channel": "heartbeats", "events": [{}]})) == "heartbeats:"
    for frame in (BOOK, OLD):
        change = DIALECT.change_of(compact(frame))
        assert (change.symbol, change.asks, change.whole) == ("A-B", [("9.5", "2")], False)
        assert DIALECT.quoted(compact(frame)) == [("A-B", "9.5", "2")]
    for frame in (TRADE, match):
        assert DIALECT.quoted(compact(frame)) == [("A-B", "9", "1")]
    whole = {"type": "snapshot", "product_id": "A-B", "bids": [["8", "1"]], "asks": []}
    assert DIALECT.change_of(compact(whole)).whole


def test_a_connection_counts_for_itself():
    assert json.loads(DIALECT.address(compact(BOOK), 0, "x"))["sequence_num"] == 0
    assert DIALECT.address(compact(OLD), 3, "x") == compact(OLD)


def test_control_frames():
    ask = {"type": "subscribe", "channel": "level2", "product_ids": ["A-B", "C-D"]}
    (answer,) = subscribes("coinbase", ask, ("level2:A-B", "level2:C-D"))
    assert answer["events"] == [{"subscriptions": {"level2": ["A-B", "C-D"]}}]
    subscribes("coinbase", {"type": "subscribe", "channel": "heartbeats"}, ("heartbeats:",))
    gone = json.dumps(ask | {"type": "unsubscribe"})
    assert DIALECT.control(gone, {"level2:A-B": None}, 0).remove == ("level2:A-B", "level2:C-D")
    assert b"error" in DIALECT.control("{}", {}, 0).answers[0]


def test_rest_and_pushed_books():
    found = DIALECT.ask(get("/api/v3/brokerage/market/product_book", product_id="A-B"), 0)
    assert found.book == "A-B"
    assert DIALECT.ask(get("/api/v3/brokerage/market/products"), 0).instruments
    assert DIALECT.ask(get("/other"), 0).status == 404
    (pushed,) = DIALECT.pushed("level2:A-B", filled("A-B"), 0)
    change = DIALECT.change_of(pushed)
    assert (change.whole, change.bids) == (True, [("9.5", "2"), ("9.0", "1")])
    assert json.loads(DIALECT.book_answer(filled("A-B"), 0))["pricebook"]["asks"] == [
        {"price": "10.5", "size": "3"}
    ]
    assert lists("coinbase", ["A-B"], get("/")) == {"A-B": 0.01}
