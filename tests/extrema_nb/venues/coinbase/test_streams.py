"""Channels of Coinbase."""

from __future__ import annotations

import json

import pytest

from extrema_nb.channels import (
    AccountOrders,
    Candles,
    Funding,
    Liquidations,
    Lob,
    OpenInterest,
    Subscription,
    Trades,
)
from extrema_nb.errors import ConfigError
from extrema_nb.venues.coinbase import VENUE
from extrema_nb.venues.coinbase.streams import ASKED, SLOTS, resync_frames, stream_name
from tests.streamed import table_of

NAMES = {"market_trades:BTC-USD": Trades(), "ticker:BTC-USD": Lob("bbo"), "level2:BTC-USD": Lob(),
         "candles:BTC-USD": Candles("5m")}  # fmt: skip
REFUSED = [
    ("a book of kind 'snapshot' is not supported by coinbase", Lob("snapshot")),
    ("a book every 100 ms is not supported by coinbase", Lob(frequency_ms=100)),
    ("aggregated trades are not supported by coinbase", Trades(aggregate=True)),
    ("streamed candles of '1m' are not supported by coinbase; expected 5m", Candles("1m")),
    ("Funding is not supported by coinbase; it offers Trades, Lob, Candles", Funding()),
    ("OpenInterest is not supported by coinbase", OpenInterest()),
    ("Liquidations is not supported by coinbase", Liquidations()),
    ("AccountOrders is a private channel", AccountOrders()),
]


@pytest.mark.parametrize(("name", "channel"), NAMES.items())
def test_a_channel_has_a_name_and_the_slot_of_its_frames(name, channel):
    assert stream_name("BTC-USD", channel) == name
    slot = SLOTS[VENUE.slot_of(channel)]
    assert ASKED.get(slot, slot) == name.partition(":")[0]


@pytest.mark.parametrize(("why", "channel"), REFUSED)
def test_what_the_venue_does_not_offer_is_refused(why, channel):
    with pytest.raises(ConfigError, match=why):
        stream_name("BTC-USD", channel)


def test_products_are_asked_for_together_and_heartbeats_always():
    table = table_of(VENUE, [f"C{i}-USD" for i in range(150)])
    wanted = [Subscription(i, c) for i in range(150) for c in (Trades(), Lob(), Trades())]
    plans = VENUE.stream_url(VENUE.endpoints, wanted, table)
    assert [len(p.names) for p in plans] == [200, 100]
    for plan in plans:
        assert plan.url == "wss://advanced-trade-ws.coinbase.com"
        sent = [json.loads(frame) for frame in plan.frames]
        assert sent[0] == {"type": "subscribe", "channel": "heartbeats"}
        asked = [f"{s['channel']}:{p}" for s in sent[1:] for p in s["product_ids"]]
        assert sorted(asked) == sorted(plan.names)
        assert all(len(s["product_ids"]) <= 100 for s in sent[1:])


def test_one_stream_for_two_names_is_refused():
    table = table_of(VENUE, ["BTC-USD", "BTC-USDC", "ETH-USDC"])
    wanted = [Subscription(0, Trades()), Subscription(2, Trades())]
    assert VENUE.stream_url(VENUE.endpoints, wanted, table)
    with pytest.raises(ConfigError, match="market_trades:BTC-USD and market_trades:BTC-USDC"):
        VENUE.stream_url(VENUE.endpoints, [*wanted, Subscription(1, Trades())], table)


def test_a_resync_ends_the_stream_and_begins_it_anew():
    off, on = map(json.loads, resync_frames("BTC-USD", Lob()))
    assert off == {"type": "unsubscribe", "product_ids": ["BTC-USD"], "channel": "level2"}
    assert on == {"type": "subscribe", "product_ids": ["BTC-USD"], "channel": "level2"}
