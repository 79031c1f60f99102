"""Words of the command line become the assumptions of a run."""

from __future__ import annotations

import argparse

import pytest

from extrema_nb.cli.assumptions import (
    add_exchange_arguments,
    add_run_arguments,
    backtest_config,
    exchange_config,
)
from extrema_nb.errors import ConfigError
from replay.exchange.config import ExchangeConfig
from replay.exchange.fee_config import FeeConfig


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_exchange_arguments(parser)
    add_run_arguments(parser)
    parser.set_defaults(timer=[0.5], seed=3)
    return parser.parse_args(words)


def test_no_words_are_the_defaults():
    assert exchange_config(parsed()) == ExchangeConfig()


def test_every_word_arrives():
    config = exchange_config(
        parsed(
            "--partial",
            "--consume",
            "--self-trade",
            "cancel_both",
            "--queue",
            "log",
            "--latency",
            "feed:2,100",
        )
    )
    assert (config.partial, config.consume, config.self_trade) == (True, True, "cancel_both")
    assert config.queue == "log"
    assert (config.latency.model, config.latency.factor, config.latency.offset_us) == (
        "feed", 2.0, 100.0,
    )  # fmt: skip


def test_funding_is_paid_unless_told_not_to():
    assert exchange_config(parsed()).funding
    assert not exchange_config(parsed("--no-funding")).funding


def test_margin_is_asked_for_where_a_balance_is_given():
    assert exchange_config(parsed()).margin is None
    words = ["--margin-balance", "1000", "--initial-margin", "0.2", "--liquidation-fee", "0.01"]
    margin = exchange_config(parsed(*words)).margin
    assert (margin.balance, margin.initial, margin.maintenance) == (1000.0, 0.2, 0.05)
    assert margin.liquidation_fee == 0.01
    with pytest.raises(ConfigError, match="without --margin-balance AMOUNT"):
        exchange_config(parsed("--initial-margin", "0.2"))


def test_reports_come_back_as_slowly_as_orders_go_unless_told():
    both = exchange_config(parsed("--latency-us", "7"))
    assert (both.entry_latency_us, both.response_latency_us) == (7, 7)
    apart = exchange_config(parsed("--latency-us", "7", "--response-us", "0"))
    assert (apart.entry_latency_us, apart.response_latency_us) == (7, 0)


@pytest.mark.parametrize("other", [("--latency-us", "1"), ("--response-us", "1")])
def test_two_kinds_of_latency_are_refused(other):
    with pytest.raises(ConfigError, match="are both given; give one of them"):
        exchange_config(parsed("--latency", "constant:5", *other))
    assert exchange_config(parsed("--latency", "constant:5", other[0], "0")).latency is not None


def test_a_run_has_timers_marks_and_a_seed():
    config = backtest_config(parsed("--mark-s", "2"), model_latency_us=9)
    assert config.timers == ((1, 0.5),)
    assert (config.mark_every_s, config.seed, config.model_latency_us) == (2.0, 3, 9)


def test_fees_by_value_by_direction_by_quantity_and_flat_arrive(tmp_path):
    file = tmp_path / "fees.toml"
    file.write_text("[BTC_USDT_PERP]\nmaker_fee = -0.0001\n")
    words = ["--taker-fee", "0.0004", "--sell-fee", "0.001", "--buy-fee", "0.0001"]
    words += ["--maker-per-unit", "-0.002", "--taker-per-unit", "0.003", "--fee-per-fill", "1"]
    config = exchange_config(parsed(*words, "--fees", str(file)))
    assert (config.maker_fee, config.taker_fee) == (None, 0.0004)
    assert (config.buy_fee, config.sell_fee, config.fee_per_fill) == (0.0001, 0.001, 1.0)
    assert (config.maker_per_unit, config.taker_per_unit) == (-0.002, 0.003)
    assert config.fees == {"BTC_USDT_PERP": FeeConfig(maker_fee=-0.0001)}


def test_a_queue_model_of_ones_own_is_found_by_its_path():
    config = exchange_config(parsed("--queue", "strategies.queue_models:pro_rata"))
    assert config.queue.startswith("strategies.queue_models:pro_rata#")
    with pytest.raises(ConfigError, match="did you mean 'pro_rata'"):
        exchange_config(parsed("--queue", "strategies.queue_models:pro_rat"))


def test_an_exponent_that_no_queue_model_uses_is_refused():
    assert exchange_config(parsed("--queue", "power3", "--queue-n", "3")).queue_n == 3.0
    assert exchange_config(parsed("--queue", "log")).queue_n == 2.0
    with pytest.raises(ConfigError, match="does nothing with --queue log; leave it out"):
        exchange_config(parsed("--queue", "log", "--queue-n", "3"))
    swept = parsed("--queue-n", "3")
    swept.grid = ["exchange.queue=power,log"]
    assert exchange_config(swept).queue_n == 3.0
    swept.grid, swept.table = ["qty=1"], None
    with pytest.raises(ConfigError, match="does nothing with --queue risk_averse"):
        exchange_config(swept)
