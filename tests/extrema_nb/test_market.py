"""The port of a venue's market side: its defaults and its words."""

from __future__ import annotations

import math

from extrema_nb import market
from extrema_nb.channels import parse_channel


def test_a_plan_without_more_has_no_heartbeat_and_no_age():
    plan = market.StreamPlan("ws://127.0.0.1/", (), (), ())
    assert (plan.ping, plan.ping_s, plan.life_s) == ("", 0.0, 0.0)


def test_what_a_ticker_does_not_say_is_nan():
    ticker = market.Ticker("A", 1, 2.0)
    assert all(math.isnan(value) for value in ticker[3:])


def test_every_public_channel_has_a_word_of_the_command_line():
    words = ["trade", "book", "candle_1m", "funding", "open_interest", "liquidation"]
    assert [type(parse_channel(word)) for word in words] == list(market.CHANNELS)
