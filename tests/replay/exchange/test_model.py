"""Assumptions of an exchange: what may be asked for, and what an exchange starts as."""

from __future__ import annotations

import pytest

from extrema_nb.books.l2 import NO_ASK, NO_BID, best_ask, best_bid
from extrema_nb.errors import ConfigError
from replay.exchange.model import (
    FAR,
    X_NEXT_EXPIRY,
    X_QUEUE,
    ExchangeConfig,
    QueueModel,
    make_live_exchange,
)
from tests.replay.exchange.scripted import table


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"queue": "powr"}, r"unknown queue model 'powr'.*did you mean 'power'"),
        ({"queue_n": 0.0}, "queue_n is 0.0, expected a positive exponent"),
        ({"queue_n": float("nan")}, "queue_n is nan"),
        ({"entry_latency_us": -1}, "latencies are µs and not negative"),
        ({"response_latency_us": -1}, "latencies are µs and not negative"),
    ],
)
def test_assumptions_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        ExchangeConfig(**settings)


@pytest.mark.parametrize("model", list(QueueModel))
def test_every_queue_model_has_a_name_that_can_be_asked_for(model):
    memory: list[object] = []
    config = ExchangeConfig(queue=model.name.lower())
    x = make_live_exchange(table().specs(), memory, config, max_orders=4, row_limit=8)
    assert x.clock[X_QUEUE] == model


def test_an_exchange_starts_empty_with_the_fees_of_its_instruments():
    memory: list[object] = []
    x = make_live_exchange(table().specs(), memory, ExchangeConfig(), max_orders=4, row_limit=8)
    assert x.fees["rate"].tolist() == 2 * [[-0.001, 0.002, -0.001, 0.002]]
    assert x.resting.shape == (2, 4)
    assert x.n_orders.tolist() == [0, 0]
    assert x.clock[X_NEXT_EXPIRY] == FAR
    assert [(best_bid(x.venue, i), best_ask(x.venue, i)) for i in range(2)] == 2 * [
        (NO_BID, NO_ASK)
    ]
