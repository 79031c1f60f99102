"""The table ``[paper]``: every assumption of a backtest that live data allow, and why not the rest."""

from __future__ import annotations

import msgspec
import pytest

from extrema_nb.errors import ConfigError
from replay.exchange.config import ExchangeConfig
from replay.exchange.fee_config import FeeConfig
from replay.exchange.latency_config import LatencyConfig
from replay.exchange.live import LiveExchange
from replay.exchange.margin_config import MarginConfig
from replay.exchange.paper_config import paper_config
from tests.replay.exchange.scripted import table


def test_nothing_said_is_what_a_backtest_assumes():
    assert paper_config({}) == ExchangeConfig()


def test_every_assumption_can_be_stated():
    found = paper_config(
        {
            "queue": "power", "queue_n": 3, "partial": True, "consume": True,
            "self_trade": "cancel_both", "taker_fee": 0.0004, "sell_fee": 0.001,
            "fee_per_fill": 0.5, "fees": {"A": {"maker_per_unit": -0.01}}, "funding": False,
            "margin": {"balance": 1000.0, "initial": 0.2},
            "latency": {"model": "feed", "factor": 1.5},
        }
    )  # fmt: skip
    assert found == ExchangeConfig(
        queue="power", queue_n=3.0, partial=True, consume=True, self_trade="cancel_both",
        taker_fee=0.0004, sell_fee=0.001, fee_per_fill=0.5,
        fees={"A": FeeConfig(maker_per_unit=-0.01)}, funding=False,
        margin=MarginConfig(1000.0, initial=0.2), latency=LatencyConfig("feed", factor=1.5),
    )  # fmt: skip
    LiveExchange(table(), found)


def test_every_field_of_the_assumptions_is_a_key():
    given = {name: getattr(ExchangeConfig(), name) for name in ExchangeConfig.__struct_fields__}
    assert paper_config(msgspec.to_builtins(given)) == ExchangeConfig()


def test_a_latency_may_be_the_word_of_the_command_line():
    found = paper_config({"latency": "sampled:lognormal,5000,0.5,7"})
    assert found.latency == LatencyConfig("sampled", mean_us=5000.0, sigma=0.5, seed=7)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"queu": "power"},
            r"live.toml: unknown key 'queu' in table \[paper\]; did you mean 'queue'",
        ),
        ({"queue": "powr"}, "unknown queue model 'powr'"),
        ({"queue": 3}, "unknown queue model 3"),
        ({"queue_n": "much"}, "paper.queue_n"),
        ({"queue": "fifo"}, "no live feed has them"),
        ({"latency": "table:l.parquet"}, "draw from it: sampled:empirical,l.parquet"),
        ({"latency": "constnt:3"}, "did you mean 'constant'"),
        ({"latency": "constant:5", "entry_latency_us": 3}, "both given"),
        ({"entry_latency_us": -1}, "not negative"),
        ({"taker_fee": 5.0}, "500% of the value"),
        ({"fees": {"A": {"makr_fee": 0.1}}}, r"\[paper.fees.A\]; did you mean 'maker_fee'"),
        ({"margin": {"initial": 0.1}}, "balance"),
        ({"margin": {"balance": -1.0}}, "above 0"),
        ({"book_from": "trades"}, "paper.book_from is refused: .* book channel"),
        ({"feed_shift": 5}, "paper.feed_shift is refused"),
    ],
)
def test_mistakes_are_told_with_the_remedy(given, told):
    with pytest.raises(ConfigError, match=told):
        paper_config(given, "live.toml")


def test_fees_of_an_instrument_that_is_not_traded_are_refused():
    config = paper_config({"fees": {"C": {"maker_fee": 0.0}}})
    with pytest.raises(ConfigError, match="fees are given for 'C'"):
        LiveExchange(table(), config)
