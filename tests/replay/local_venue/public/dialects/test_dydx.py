"""Words of dYdX."""

from __future__ import annotations

import json

from replay.local_venue.public.dialects.dydx import DIALECT
from tests.replay.local_venue.public.dialects.words import compact, filled, get, lists

DATA = {
    "type": "channel_data", "connection_id": "c", "message_id": 21, "id": "ETH-USD",
    "channel": "v4_orderbook", "contents": {"bids": [], "asks": [["4217.8", "13.34"]]},
}  # fmt: skip


def test_messages_are_known_by_channel_and_id():
    assert DIALECT.key_of(compact(DATA)) == "v4_orderbook:ETH-USD"
    assert DIALECT.key_of(compact(DATA | {"channel": "v3_orderbook"})) == "v4_orderbook:ETH-USD"
    assert DIALECT.key_of(DIALECT.greeting()[0]) == ""
    markets = {"type": "channel_data", "channel": "v4_markets", "contents": {}}
    assert DIALECT.key_of(compact(markets)) == "v4_markets"
    change = DIALECT.change_of(compact(DATA))
    assert (change.symbol, change.whole, change.asks) == ("ETH-USD", False, [("4217.8", "13.34")])
    batch = DATA | {"type": "channel_batch_data", "contents": [DATA["contents"]] * 2}
    assert len(DIALECT.change_of(compact(batch)).asks) == 2
    assert DIALECT.quoted(compact(DATA)) == [("ETH-USD", "4217.8", "13.34")]
    trades = DATA | {
        "channel": "v4_trades", "contents": {"trades": [{"price": "1", "size": "2"}]}
    }  # fmt: skip
    assert DIALECT.quoted(compact(trades)) == [("ETH-USD", "1", "2")]


def test_a_connection_has_its_own_name_and_count():
    told = json.loads(DIALECT.address(compact(DATA), 7, "local-1"))
    assert (told["connection_id"], told["message_id"]) == ("local-1", 7)
    assert told["contents"] == DATA["contents"]


def test_control_frames():
    ask = {"type": "subscribe", "channel": "v4_trades", "id": "ETH-USD", "batched": False}
    assert DIALECT.control(json.dumps(ask), {}, 0).add == ("v4_trades:ETH-USD",)
    gone = DIALECT.control(json.dumps(ask | {"type": "unsubscribe"}), {}, 0)
    assert gone.remove == ("v4_trades:ETH-USD",)
    assert json.loads(gone.answers[0])["type"] == "unsubscribed"
    assert b"error" in DIALECT.control("{}", {}, 0).answers[0]


def test_rest_and_pushed_books():
    assert DIALECT.ask(get("/v4/orderbooks/perpetualMarket/ETH-USD"), 0).book == "ETH-USD"
    assert DIALECT.ask(get("/v4/perpetualMarkets"), 0).instruments
    assert DIALECT.ask(get("/v4/other"), 0).status == 404
    (pushed,) = DIALECT.pushed("v4_orderbook:A", filled("A"), 0)
    change = DIALECT.change_of(pushed)
    assert (change.whole, change.bids) == (True, [("9.5", "2"), ("9.0", "1")])
    assert lists("dydx", ["ETH-USD"], get("/v4/perpetualMarkets")) == {"ETH-USD": 0.01}
