"""Channels to names, routes and connections; and what is refused."""

from __future__ import annotations

import json

import pytest

from extrema_nb.channels import (
    AccountOrders,
    Candles,
    Endpoints,
    Funding,
    Liquidations,
    Lob,
    OpenInterest,
    Subscription,
    Trades,
)
from extrema_nb.errors import ConfigError
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues.okx.streams import (
    BARS,
    LIMITS,
    MAX_STREAMS,
    SLOTS,
    resync_frames,
    route_of,
    slot_of,
    stream_name,
    stream_names,
    stream_url,
)
from extrema_nb.venues.okx.symbols import name_of

HERE = Endpoints(rest="http://127.0.0.1:1", ws="ws://127.0.0.1:1/")


def table_of(*symbols):
    return InstrumentTable(
        Instrument(venue="okx", symbol=symbol, name=name_of(symbol)) for symbol in symbols
    )


@pytest.mark.parametrize(
    ("channel", "names", "route"),
    [
        (Trades(), ["trades-all:BTC-USD-SWAP"], "business"),
        (Trades(aggregate=True), ["trades:BTC-USD-SWAP"], "public"),
        (Lob("bbo"), ["bbo-tbt:BTC-USD-SWAP"], "public"),
        (Lob(), ["books:BTC-USD-SWAP"], "public"),
        (Lob(frequency_ms=100), ["books:BTC-USD-SWAP"], "public"),
        (Lob("snapshot", 5), ["books5:BTC-USD-SWAP"], "public"),
        (Candles("1m"), ["candle1m:BTC-USD-SWAP"], "business"),
        (Candles("1d"), ["candle1Dutc:BTC-USD-SWAP"], "business"),
        (
            Funding(),
            ["funding-rate:BTC-USD-SWAP", "mark-price:BTC-USD-SWAP", "index-tickers:BTC-USD"],
            "public",
        ),
        (OpenInterest(), ["open-interest:BTC-USD-SWAP"], "public"),
        (Liquidations(), ["liquidation-orders:SWAP"], "public"),
    ],
)
def test_a_channel_has_its_streams_route_and_slot(channel, names, route):
    assert list(stream_names("BTC-USD-SWAP", channel)) == names
    assert stream_name("BTC-USD-SWAP", channel) == names[0]
    assert {route_of(name) for name in names} == {route}
    assert 0 <= slot_of(channel) < len(SLOTS)


def test_each_kind_of_channel_has_a_slot_of_its_own():
    channels = [Trades(), Trades(aggregate=True), Lob("bbo"), Lob(), Lob("snapshot", 5), Candles(),
                Funding(), OpenInterest(), Liquidations()]  # fmt: skip
    assert sorted(map(slot_of, channels)) == list(range(len(SLOTS)))


@pytest.mark.parametrize(
    ("symbol", "channel", "words"),
    [
        ("BTC-USDT", Lob("snapshot"), "no snapshot of 20 levels every 0 ms at okx; expected 5"),
        ("BTC-USDT", Lob(frequency_ms=10), "login with VIP level"),
        ("BTC-USDT", Lob("bbo", frequency_ms=100), "every 10 ms, not every 100"),
        ("BTC-USDT", Lob("incremntal"), "did you mean 'incremental'"),
        ("BTC-USDT", Candles("8h"), "no candles of '8h' at okx; expected 1s"),
        ("BTC-USDT", Funding(), "Funding of BTC-USDT is not supported by okx"),
        ("BTC-USDT", OpenInterest(), "OpenInterest of BTC-USDT is not supported by okx"),
        ("BTC-USDT", Liquidations(), "Liquidations of BTC-USDT is not supported by okx"),
        ("BTC-USDT", AccountOrders(), "AccountOrders is a private channel"),
    ],
)
def test_what_okx_does_not_offer_is_refused_with_what_it_does(symbol, channel, words):
    with pytest.raises(ConfigError, match=words):
        stream_names(symbol, channel)


def test_a_dated_future_has_no_funding_rate():
    assert stream_names("BTC-USD-240329", Funding()) == (
        "mark-price:BTC-USD-240329",
        "index-tickers:BTC-USD",
    )


def test_bars_cover_the_intervals_that_the_venue_has():
    assert len(set(BARS.values())) == len(BARS) == 15


def test_connections_are_one_a_route_and_streams_come_once():
    table = table_of("BTC-USD-SWAP", "BTC-USD-240329")
    wanted = [
        Subscription(inst, channel)
        for inst in (0, 1)
        for channel in (Lob(), Candles("1m"), Funding(), Liquidations(), Lob())
    ]
    public, business = stream_url(HERE, wanted, table)
    assert public.url == "ws://127.0.0.1:1/ws/v5/public"
    assert business.url == "ws://127.0.0.1:1/ws/v5/business"
    assert business.names == ("candle1m:BTC-USD-SWAP", "candle1m:BTC-USD-240329")
    assert len(set(public.names)) == len(public.names) == len(public.subscriptions) == 8
    assert (public.ping, public.ping_s) == ("ping", 20.0)
    (frame,) = public.frames
    asked = json.loads(frame)
    assert asked["op"] == "subscribe"
    assert {"channel": "books", "instId": "BTC-USD-SWAP"} in asked["args"]
    assert {"channel": "liquidation-orders", "instType": "SWAP"} in asked["args"]
    assert {"channel": "index-tickers", "instId": "BTC-USD"} in asked["args"]


def test_many_instruments_are_spread_over_connections_and_frames():
    symbols = [f"COIN{i}-USDT-SWAP" for i in range(500)]
    table = table_of(*symbols)
    plans = stream_url(HERE, [Subscription(i, Lob()) for i in range(500)], table)
    assert [len(plan.names) for plan in plans] == [MAX_STREAMS] * 5
    assert [len(plan.frames) for plan in plans] == [1] * 5
    asks_anew = 2 * MAX_STREAMS  # unsubscribe and subscribe
    assert LIMITS.messages >= 2 * asks_anew
    assert max(len(frame) for plan in plans for frame in plan.frames) < 65_536
    asked = [
        arg["instId"]
        for plan in plans
        for frame in plan.frames
        for arg in json.loads(frame)["args"]
    ]
    assert asked == symbols


def test_a_book_is_brought_back_by_subscribing_again():
    off, on = map(json.loads, resync_frames(Subscription(0, Lob()), table_of("BTC-USD-SWAP")))
    assert (off["op"], on["op"]) == ("unsubscribe", "subscribe")
    assert off["args"] == on["args"] == [{"channel": "books", "instId": "BTC-USD-SWAP"}]
