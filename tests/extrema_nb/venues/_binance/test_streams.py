"""Stream names, routes, and how streams are spread over connections."""

from __future__ import annotations

from functools import partial

import msgspec
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
    parse_channel,
)
from extrema_nb.errors import ConfigError
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.testing import instrument_table
from extrema_nb.venues._binance import streams
from extrema_nb.venues._binance.streams import SLOTS, slot_of
from extrema_nb.venues.binance_cm.market import DIALECT as CM
from extrema_nb.venues.binance_spot.market import DIALECT as SPOT
from extrema_nb.venues.binance_usdm.market import DIALECT

stream_name = partial(streams.stream_name, DIALECT)
stream_url = partial(streams.stream_url, DIALECT)

ENDPOINTS = Endpoints("http://127.0.0.1:1", "ws://127.0.0.1:1/")


@pytest.mark.parametrize(
    ("channel", "name"),
    [
        (Trades(), "trade"),
        (Trades(aggregate=True), "aggTrade"),
        (Lob("bbo"), "bookTicker"),
        (Lob(), "depth@0ms"),
        (Lob(frequency_ms=100), "depth@100ms"),
        (Lob(frequency_ms=250), "depth"),
        (Lob(frequency_ms=500), "depth@500ms"),
        (Lob("snapshot"), "depth20@100ms"),
        (Lob("snapshot", 10, 500), "depth10@500ms"),
        (Lob("snapshot", 5, 250), "depth5"),
        (parse_channel("book20@100ms"), "depth20@100ms"),
        (Candles("1m"), "kline_1m"),
        (Candles("1M"), "kline_1M"),
        (Funding(), "markPrice@1s"),
        (Liquidations(), "forceOrder"),
    ],
)
def test_a_channel_has_its_stream_name(channel, name):
    assert stream_name("BTCUSDT", channel) == f"btcusdt@{name}"


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        (Lob("bbo", frequency_ms=100), "at once"),
        (Lob("snapshot", 50), "expected 5, 10, 20"),
        (Lob(frequency_ms=7), "expected 0, 100, 250, 500"),
        (Lob("incremantal"), "did you mean 'incremental'"),
        (Candles("1s"), "expected 1m, 3m"),
        (AccountOrders(), "private"),
        (OpenInterest(), "not supported by binance-usdm; it offers Trades, Lob, Candles, Funding"),
    ],
)
def test_what_the_venue_does_not_send_is_refused_with_the_remedy(channel, said):
    with pytest.raises(ConfigError, match=said):
        stream_name("BTCUSDT", channel)


def test_each_channel_has_a_slot():
    slots = [
        slot_of(channel)
        for channel in (
            Trades(),
            Trades(aggregate=True),
            Lob("bbo"),
            Lob(),
            Lob("snapshot"),
            Candles(),
            Funding(),
            Liquidations(),
        )
    ]
    assert slots == list(range(len(SLOTS)))


def test_a_few_streams_go_into_one_url_a_route():
    subscriptions = [
        Subscription(0, Lob()),
        Subscription(0, Trades()),
        Subscription(1, Lob("bbo")),
        Subscription(0, Lob()),
    ]
    public, market = stream_url(ENDPOINTS, subscriptions, instrument_table())
    assert public.url == (
        "ws://127.0.0.1:1/public/stream?streams=btcusdt@depth@0ms/ethusdt@bookTicker"
    )
    assert market.url == "ws://127.0.0.1:1/market/stream?streams=btcusdt@trade"
    assert public.frames == market.frames == ()
    assert public.subscriptions == (subscriptions[0], subscriptions[2])


def test_many_streams_are_spread_over_connections_and_frames():
    count = 1500
    table = InstrumentTable(
        Instrument(venue="binance-usdm", symbol=f"C{i}USDT", name=f"C{i}_USDT_PERP")
        for i in range(count)
    )
    plans = stream_url(ENDPOINTS, [Subscription(i, Lob("bbo")) for i in range(count)], table)
    assert [len(plan.names) for plan in plans] == [1024, 476]
    asked = []
    for plan in plans:
        assert len(plan.url) < 8000
        in_url = plan.url.partition("streams=")[2].split("/")
        frames = [msgspec.json.decode(frame) for frame in plan.frames]
        assert len({frame["id"] for frame in frames}) == len(frames)
        for frame in frames:
            assert frame["method"] == "SUBSCRIBE"
            assert len(frame["params"]) <= 200
            in_url += frame["params"]
        assert in_url == list(plan.names)
        asked += in_url
    assert len(set(asked)) == count


def test_long_names_leave_the_url_short():
    table = InstrumentTable(
        Instrument(venue="binance-usdm", symbol=f"C{'X' * 60}{i}USDT", name=f"C{i}")
        for i in range(200)
    )
    (plan,) = stream_url(ENDPOINTS, [Subscription(i, Lob()) for i in range(200)], table)
    assert len(plan.url) < 8000
    assert plan.frames


@pytest.mark.parametrize(
    ("dialect", "symbol", "channel", "name"),
    [
        (SPOT, "BTCUSDT", Lob(), "btcusdt@depth@100ms"),
        (SPOT, "BTCUSDT", Lob(frequency_ms=1000), "btcusdt@depth"),
        (SPOT, "BTCUSDT", Lob("snapshot", 5, 100), "btcusdt@depth5@100ms"),
        (SPOT, "BTCUSDT", Candles("1s"), "btcusdt@kline_1s"),
        (SPOT, "BTCUSDT", Trades(), "btcusdt@trade"),
        (CM, "BTCUSD_PERP", Lob("bbo"), "btcusd_perp@bookTicker"),
        (CM, "BTCUSD_240329", Lob(), "btcusd_240329@depth@0ms"),
        (CM, "BTCUSD_PERP", Candles("1m"), "btcusd_perp@kline_1m"),
        (CM, "BTCUSD_PERP", Liquidations(), "btcusd_perp@forceOrder"),
    ],
)
def test_the_sisters_have_names_of_their_own(dialect, symbol, channel, name):
    assert streams.stream_name(dialect, symbol, channel) == name


@pytest.mark.parametrize(
    ("dialect", "channel", "said"),
    [
        (SPOT, Lob(frequency_ms=250), "expected 0, 100, 1000"),
        (SPOT, Funding(), "not supported by binance-spot; it offers Trades, Lob, Candles"),
        (CM, Candles("1s"), "no candles of '1s' at binance-cm"),
    ],
)
def test_the_sisters_refuse_what_they_lack(dialect, channel, said):
    with pytest.raises(ConfigError, match=said):
        streams.stream_name(dialect, "X", channel)


@pytest.mark.parametrize(("dialect", "venue"), [(SPOT, "binance-spot"), (CM, "binance-cm")])
def test_sisters_without_routes_share_one_connection(dialect, venue):
    table = InstrumentTable([Instrument(venue=venue, symbol="BTCUSDX", name="B")])
    wanted = [Subscription(0, Trades()), Subscription(0, Lob())]
    (plan,) = streams.stream_url(dialect, ENDPOINTS, wanted, table)
    names = "/".join(plan.names)
    assert plan.url == f"ws://127.0.0.1:1/stream?streams={names}"
    assert plan.subscriptions == tuple(wanted)
    assert plan.life_s == 86_400
