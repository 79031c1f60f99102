"""Assumptions: what may be asked for, and what is refused with a reason."""

from __future__ import annotations

import pytest

from extrema_nb.errors import ConfigError
from replay.exchange.config import ExchangeConfig, QueueModel, SelfTrade
from replay.exchange.latency_config import LatencyConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"queue": "powr"}, r"unknown queue model 'powr'.*did you mean 'power'"),
        ({"queue_n": 0.0}, "queue_n is 0.0, expected a positive exponent"),
        ({"queue_n": float("nan")}, "queue_n is nan"),
        ({"queue_n": "2"}, "queue_n is '2', expected a number"),
        ({"partial": "maybe"}, "partial is 'maybe', expected true or false"),
        ({"consume": 2}, "consume is 2, expected true or false"),
        ({"entry_latency_us": 1.5}, "entry_latency_us is 1.5, expected whole µs"),
        ({"response_latency_us": "1"}, "response_latency_us is '1', expected whole µs"),
        ({"margin": 5}, "margin is 5, expected a MarginConfig or none"),
        ({"queue": 5}, "unknown queue model 5"),
        ({"consume": True, "self_trade": 5}, "unknown self-trade rule 5"),
        ({"entry_latency_us": -1}, "latencies are µs and not negative"),
        ({"response_latency_us": -1}, "latencies are µs and not negative"),
        ({"self_trade": "cancel_newst"}, r"unknown self-trade rule.*did you mean 'cancel_newest'"),
        (
            {"self_trade": "cancel_oldest"},
            r"rule is 'cancel_oldest' and consume is off.*switch consume on .* or leave",
        ),
        ({"taker_fee": "much"}, "taker_fee is much, expected a number"),
        ({"sell_fee": 1.5}, "sell_fee is 1.5, 150% of the value"),
        ({"fees": 0.001}, "fees are 0.001, expected fees by instrument"),
        (
            {"latency": LatencyConfig("constant", entry_us=5), "entry_latency_us": 5},
            "a latency model and constant latencies are both given",
        ),
    ],
)
def test_assumptions_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        ExchangeConfig(**settings)


@pytest.mark.parametrize("rule", list(SelfTrade))
@pytest.mark.parametrize("model", list(QueueModel))
def test_every_model_and_rule_has_a_name_that_can_be_asked_for(model, rule):
    config = ExchangeConfig(queue=model.name.lower(), consume=True, self_trade=rule.name.lower())
    assert QueueModel[config.queue.upper()] == model


def test_the_newest_order_gives_way_unless_a_rule_is_given():
    assert ExchangeConfig().rule == ExchangeConfig(consume=True).rule == SelfTrade.CANCEL_NEWEST
    assert ExchangeConfig(consume=True, self_trade="cancel_both").rule == SelfTrade.CANCEL_BOTH
