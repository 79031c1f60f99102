"""Channels of the spot market to names and slots; and what is refused."""

from __future__ import annotations

import pytest

from extrema_nb.channels import Candles, Endpoints, Funding, Lob, Subscription, Trades
from extrema_nb.errors import ConfigError
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues.gate_spot.streams import SLOTS, slot_of, stream_name, stream_url

CHANNELS = {
    Trades(): "spot.trades:A_B",
    Lob("bbo"): "spot.book_ticker:A_B",
    Lob(): "spot.order_book_update:A_B,100ms",
    Lob("snapshot", 20): "spot.order_book:A_B,20,100ms",
    Candles("1w"): "spot.candlesticks:7d,A_B",
}


@pytest.mark.parametrize(("channel", "name"), CHANNELS.items())
def test_a_channel_has_its_stream_and_slot(channel, name):
    assert stream_name("A_B", channel) == name
    assert SLOTS[slot_of(channel)] == name.partition(":")[0].removeprefix("spot.")


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        (Trades(aggregate=True), "aggregate trades are not supported by gate-spot"),
        (Lob("snapshot", 7), "no snapshot of 7 levels every 0 ms at gate-spot; expected 5, 10"),
        (Lob("snapshot", 5, 250), "every 250 ms"),
        (Funding(), "Funding is not supported by gate-spot; it offers Trades, Lob, Candles"),
    ],
)
def test_what_the_market_does_not_offer_is_refused(channel, words):
    with pytest.raises(ConfigError, match=words):
        stream_name("A_B", channel)


def test_all_streams_share_one_route():
    table = InstrumentTable([Instrument(venue="gate-spot", symbol="A_B", name="A_B")])
    (plan,) = stream_url(Endpoints("", "ws://h/"), [Subscription(0, c) for c in CHANNELS], table)
    assert plan.url == "ws://h/ws/v4/"
    assert plan.names == tuple(CHANNELS.values())
    assert len(plan.frames) == 5
