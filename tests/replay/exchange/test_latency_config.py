"""Words of a command line that stand for latency models, and what is refused."""

from __future__ import annotations

import msgspec
import pytest

from extrema_nb.errors import ConfigError
from replay.exchange.latency_config import LatencyConfig, parse_latency


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("none", LatencyConfig()),
        ("constant:5000", LatencyConfig("constant", entry_us=5000, response_us=5000)),
        ("constant:5000,4000", LatencyConfig("constant", entry_us=5000, response_us=4000)),
        ("constant:5e3,0", LatencyConfig("constant", entry_us=5000)),
        ("constant:-700", LatencyConfig("constant", entry_us=-700, response_us=700)),
        ("feed:2", LatencyConfig("feed", factor=2.0, offset_us=0.0)),
        ("feed:1.0,100", LatencyConfig("feed", factor=1.0, offset_us=100.0)),
        (
            "feed:4,0,3,10",
            LatencyConfig("feed", factor=4.0, response_factor=3.0, response_offset_us=10.0),
        ),
        ("table:a,b.parquet", LatencyConfig("table", file="a,b.parquet")),
        (
            "sampled:lognormal,5000,0.5",
            LatencyConfig("sampled", distribution="lognormal", mean_us=5000.0, sigma=0.5),
        ),
        (
            "sampled:lognormal,5000,0.5,7",
            LatencyConfig("sampled", distribution="lognormal", mean_us=5000.0, sigma=0.5, seed=7),
        ),
        ("sampled:fit,t.csv", LatencyConfig("sampled", distribution="fit", file="t.csv")),
        (
            "sampled:empirical,t.csv,3",
            LatencyConfig("sampled", distribution="empirical", file="t.csv", seed=3),
        ),
    ],
)
def test_a_word_stands_for_a_config(text, config):
    assert parse_latency(text) == config


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "unknown latency model"),
        ("konstant:5", "did you mean 'constant'"),
        ("none:5", "not understood"),
        ("constant", "not understood"),
        ("constant:", "not understood"),
        ("constant:1,2,3", "not understood"),
        ("constant:five", "'five' is no number"),
        ("constant:nan", "'nan' is no number"),
        ("constant:0.5", "no whole number"),
        ("constant:5,-5", "a report takes 0 µs or more"),
        ("constant:5000000000", "longer than an hour"),
        ("feed:1,2,3", "not understood"),
        ("feed:-1", "factor of the feed's latency is negative"),
        ("table", "not understood"),
        ("table:", "not understood"),
        ("sampled:normal,5,1", "unknown distribution 'normal'"),
        ("sampled:lognormal,5", "not understood"),
        ("sampled:lognormal,0,1", "a mean above 0 µs"),
        ("sampled:lognormal,5000,-1", "a sigma of 0 to 5"),
        ("sampled:lognormal,5000,1,-1", "seed of a latency is -1"),
        ("sampled:fit", "not understood"),
    ],
)
def test_what_is_no_latency_is_refused(text, told):
    with pytest.raises(ConfigError, match=told):
        parse_latency(text)


def test_a_config_comes_from_toml_and_an_unknown_field_is_refused():
    text = b'model = "feed"\nfactor = 2.5\noffset_us = 40'
    assert msgspec.toml.decode(text, type=LatencyConfig) == parse_latency("feed:2.5,40")
    with pytest.raises(msgspec.ValidationError, match="factr"):
        msgspec.toml.decode(b'model = "feed"\nfactr = 2.5', type=LatencyConfig)
    with pytest.raises(ConfigError, match="needs a file"):
        msgspec.toml.decode(b'model = "table"', type=LatencyConfig)


@pytest.mark.parametrize("field", ["factor", "offset_us", "response_factor", "response_offset_us"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused(field, value):
    with pytest.raises(ConfigError):
        LatencyConfig("feed", **{field: value})
