"""Subscriptions of Hyperliquid."""

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
from extrema_nb.venues.hyperliquid import VENUE
from extrema_nb.venues.hyperliquid.streams import SLOTS, resync_frames, stream_name
from tests.streamed import table_of

NAMES = {
    "trades:BTC": Trades(), "bbo:BTC": Lob("bbo"), "l2Book:BTC": Lob("snapshot", 20),
    "candle:BTC:1m": Candles("1m"), "activeAssetCtx:BTC": Funding(),
}  # fmt: skip
REFUSED = {
    "every push is the whole book of 20 levels": Lob(),
    "snapshot of 5 levels is not supported by hyperliquid": Lob("snapshot", 5),
    "a book every 100 ms is not supported by hyperliquid": Lob("bbo", frequency_ms=100),
    "aggregated trades are not supported by hyperliquid": Trades(aggregate=True),
    "candles of '1s' are not supported by hyperliquid": Candles("1s"),
    "Liquidations is not supported by hyperliquid; it offers": Liquidations(),
    "AccountOrders is a private channel": AccountOrders(),
}


@pytest.mark.parametrize(("name", "channel"), NAMES.items())
def test_a_channel_has_a_name_and_the_slot_of_its_frames(name, channel):
    assert stream_name("BTC", channel) == name
    assert SLOTS[VENUE.slot_of(channel)] == name.partition(":")[0]


def test_open_interest_comes_with_funding():
    assert stream_name("BTC", OpenInterest()) == stream_name("BTC", Funding())


@pytest.mark.parametrize(("why", "channel"), REFUSED.items())
def test_what_the_venue_does_not_offer_is_refused(why, channel):
    with pytest.raises(ConfigError, match=why):
        stream_name("BTC", channel)


def test_a_spot_pair_has_no_funding():
    with pytest.raises(ConfigError, match="a spot pair has neither funding nor open interest"):
        stream_name("@107", Funding())


def test_subscriptions_are_sharded_and_equal_ones_asked_for_once():
    table = table_of(VENUE, [f"C{i}" for i in range(130)])
    wanted = [Subscription(i, c) for i in range(130) for c in (Trades(), Funding(), OpenInterest())]
    plans = VENUE.stream_url(VENUE.endpoints, wanted, table)
    assert [len(p.names) for p in plans] == [100, 100, 60]
    assert len({name for p in plans for name in p.names}) == 260
    for plan in plans:
        assert plan.url == "wss://api.hyperliquid.xyz/ws"
        assert len(plan.frames) == len(plan.names) == len(plan.subscriptions)
        assert (json.loads(plan.ping), plan.ping_s) == ({"method": "ping"}, 30.0)
    assert json.loads(plans[0].frames[0]) == {
        "method": "subscribe", "subscription": {"type": "trades", "coin": "C0"},
    }  # fmt: skip


def test_more_than_an_address_may_ask_is_refused():
    table = table_of(VENUE, [f"C{i}" for i in range(501)])
    wanted = [Subscription(i, c) for i in range(501) for c in (Trades(), Lob("bbo"))]
    with pytest.raises(ConfigError, match="1002 subscriptions, but hyperliquid allows 1000"):
        VENUE.stream_url(VENUE.endpoints, wanted, table)


def test_frames_are_those_that_others_send(shared_data):
    path = shared_data / "hyperliquid/frames/jkorf_subscriptions.json"
    sent = json.loads(path.read_text())
    ours = {"Klines": Candles("1d"), "OrderBook": Lob("snapshot"), "Trades": Trades()}
    for name, channel in ours.items():
        theirs = next(x["frame"] for x in sent[name] if x["dir"] == "client_sends")
        (plan,) = VENUE.stream_url(
            VENUE.endpoints, [Subscription(0, channel)], table_of(VENUE, ["HYPE"])
        )
        assert json.loads(plan.frames[0]) == theirs


def test_a_resync_ends_the_stream_and_begins_it_anew():
    off, on = map(json.loads, resync_frames("BTC", Lob("snapshot")))
    assert (off["method"], on["method"]) == ("unsubscribe", "subscribe")
    assert off["subscription"] == on["subscription"] == {"type": "l2Book", "coin": "BTC"}
