"""Channels of the futures market to names, slots and routes; and what is refused."""

from __future__ import annotations

import pytest

from extrema_nb.channels import (
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
from extrema_nb.venues.gate_futures.streams import SLOTS, slot_of, stream_name, stream_url

CHANNELS = {
    Trades(): "futures.trades:A_USDT",
    Lob("bbo"): "futures.book_ticker:A_USDT",
    Lob(): "futures.order_book_update:A_USDT,100ms",
    Lob(frequency_ms=20): "futures.order_book_update:A_USDT,20ms,20",
    Lob("snapshot", 20): "futures.order_book:A_USDT,20,0",
    Candles("1h"): "futures.candlesticks:1h,A_USDT",
    Funding(): "futures.tickers:A_USDT",
    OpenInterest(): "futures.tickers:A_USDT",
    Liquidations(): "futures.public_liquidates:A_USDT",
}
SYMBOLS = ("A_USDT", "BTC_USD", "BTC_USDT_20241227", "BTC_USD_20241227")


@pytest.mark.parametrize(("channel", "name"), CHANNELS.items())
def test_a_channel_has_its_stream_and_slot(channel, name):
    assert stream_name("A_USDT", channel) == name
    assert SLOTS[slot_of(channel)] == name.partition(":")[0].removeprefix("futures.")


@pytest.mark.parametrize(
    ("symbol", "channel", "words"),
    [
        ("A_USDT", Trades(aggregate=True), "aggregate trades are not supported by gate-futures"),
        ("A_USDT", Lob("snapshot", 7), "no snapshot of 7 levels every 0 ms at gate-futures"),
        ("A_USDT", Lob("snapshot", 5, 100), "no snapshot of 5 levels every 100 ms"),
        ("A_USDT_20241227", Liquidations(), "Liquidations of A_USDT_20241227 is not supported by"),
    ],
)
def test_what_the_market_does_not_offer_is_refused(symbol, channel, words):
    with pytest.raises(ConfigError, match=words):
        stream_name(symbol, channel)


def test_each_kind_and_currency_has_its_route():
    table = InstrumentTable(Instrument(venue="gate-futures", symbol=s, name=s) for s in SYMBOLS)
    wanted = [Subscription(i, c) for i in range(4) for c in (Lob(), Funding(), OpenInterest())]
    found = stream_url(Endpoints("", "ws://h"), wanted, table)
    assert [plan.url for plan in found] == [
        "ws://h/v4/ws/usdt",
        "ws://h/v4/ws/btc",
        "ws://h/v4/ws/delivery/usdt",
        "ws://h/v4/ws/delivery/btc",
    ]
    assert all(len(plan.names) == 2 for plan in found)  # funding and open interest are one stream
    assert all(plan.headers == (("X-Gate-Size-Decimal", "1"),) for plan in found)
    assert found[0].ping == '{"channel":"futures.ping"}'
