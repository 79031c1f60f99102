"""Channels of the dYdX indexer."""

from __future__ import annotations

import json
from collections import Counter

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
from extrema_nb.venues.dydx import VENUE
from extrema_nb.venues.dydx.streams import SLOTS, resync_frames, stream_name
from tests.streamed import table_of

NAMES = [
    ("v4_trades:BTC-USD", Trades()), ("v4_orderbook:BTC-USD", Lob()),
    ("v4_candles:BTC-USD/5MINS", Candles("5m")), ("v4_markets", Funding()),
    ("v4_markets", OpenInterest()), ("v4_trades:BTC-USD", Liquidations()),
]  # fmt: skip
REFUSED = [
    ("a book of kind 'bbo' is not supported by dydx", Lob("bbo")),
    ("a book of kind 'snapshot' is not supported by dydx", Lob("snapshot")),
    ("a book every 100 ms is not supported by dydx", Lob(frequency_ms=100)),
    ("aggregated trades are not supported by dydx", Trades(aggregate=True)),
    ("candles of '3m' are not supported by dydx; expected 1m, 5m", Candles("3m")),
    ("AccountOrders is a private channel", AccountOrders()),
]


@pytest.mark.parametrize(("name", "channel"), NAMES)
def test_a_channel_has_a_name_and_the_slot_of_its_frames(name, channel):
    assert stream_name("BTC-USD", channel) == name
    assert SLOTS[VENUE.slot_of(channel)] == name.partition(":")[0]


@pytest.mark.parametrize(("why", "channel"), REFUSED)
def test_what_the_venue_does_not_offer_is_refused(why, channel):
    with pytest.raises(ConfigError, match=why):
        stream_name("BTC-USD", channel)


def test_a_connection_carries_at_most_32_ids_of_a_channel():
    table = table_of(VENUE, [f"C{i}-USD" for i in range(70)])
    channels = (Trades(), Lob(), Funding(), OpenInterest(), Liquidations())
    wanted = [Subscription(i, c) for i in range(70) for c in channels]
    plans = VENUE.stream_url(VENUE.endpoints, wanted, table)
    assert len({name for p in plans for name in p.names}) == 2 * 70 + 1
    for plan in plans:
        assert plan.url == "wss://indexer.dydx.trade/v4/ws"
        kinds = Counter(name.partition(":")[0] for name in plan.names)
        assert max(kinds.values()) <= 32
        assert len(plan.frames) == len(plan.names) == len(plan.subscriptions)
    assert [len(p.names) for p in plans] == [65, 64, 12]


def test_frames_are_those_of_the_venue():
    book = Subscription(0, Lob())
    (plan,) = VENUE.stream_url(
        VENUE.endpoints, [book, Subscription(0, Funding())], table_of(VENUE, ["BTC-USD"])
    )
    assert [json.loads(f) for f in plan.frames] == [
        {"type": "subscribe", "channel": "v4_orderbook", "id": "BTC-USD", "batched": False},
        {"type": "subscribe", "channel": "v4_markets", "batched": False},
    ]
    off, on = map(json.loads, resync_frames("BTC-USD", Lob()))
    assert off == {"type": "unsubscribe", "channel": "v4_orderbook", "id": "BTC-USD"}
    assert on == json.loads(plan.frames[0])
