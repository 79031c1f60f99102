"""Channels: words of the command line and what they stand for."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.channels import (
    Candles,
    Funding,
    Liquidations,
    Lob,
    OpenInterest,
    Subscription,
    Trades,
    parse_channel,
)
from extrema_nb.errors import ConfigError


@pytest.mark.parametrize(
    ("word", "channel"),
    [
        ("trade", Trades()),
        ("agg_trade", Trades(aggregate=True)),
        ("bbo", Lob(kind="bbo")),
        ("book", Lob()),
        ("book@100ms", Lob(frequency_ms=100)),
        ("book20", Lob("snapshot", 20)),
        ("book20@100ms", Lob("snapshot", 20, 100)),
        ("book5@250", Lob("snapshot", 5, 250)),
        ("diff400", Lob(depth=400)),
        ("diff50@20ms", Lob(depth=50, frequency_ms=20)),
        ("diff@100ms", Lob(frequency_ms=100)),
        ("candle_1m", Candles("1m")),
        ("candle_1M", Candles("1M")),
        ("funding", Funding()),
        ("open_interest", OpenInterest()),
        ("liquidation", Liquidations()),
    ],
)
def test_a_word_names_its_channel(word, channel):
    assert parse_channel(word) == channel


@pytest.mark.parametrize(
    "word",
    ["", "trades!", "bookish", "book20@fast", "book@ms", "book²", "diffx", "candle_", "kline"],
)
def test_an_unknown_word_is_refused(word):
    with pytest.raises(ConfigError, match="unknown channel"):
        parse_channel(word)


def test_a_near_miss_is_suggested():
    with pytest.raises(ConfigError, match="did you mean 'trade'"):
        parse_channel("traed")


@given(st.text(max_size=20))
def test_any_text_is_a_channel_or_a_config_error(word):
    with contextlib.suppress(ConfigError):
        assert {Subscription(0, parse_channel(word))}
