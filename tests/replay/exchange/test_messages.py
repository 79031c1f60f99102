"""Messages on their way keep their order when their queues are moved to the front."""

from __future__ import annotations

from extrema_nb.strategy.state import ROW_LIMIT
from replay.exchange.config import ExchangeConfig
from replay.exchange.messages import compact
from replay.exchange.model import (
    X_REPORT_HEAD,
    X_REPORT_TAIL,
    X_REQUEST_HEAD,
    X_REQUEST_TAIL,
    make_live_exchange,
)
from tests.replay.exchange.scripted import table


def exchange():
    memory = []
    x = make_live_exchange(
        table().specs(), memory, ExchangeConfig(), max_orders=4, row_limit=ROW_LIMIT, window=128
    )
    return x, memory


def test_what_waits_moves_to_the_front_when_the_end_comes_near():
    x, keep = exchange()
    end = len(x.requests)
    x.requests["client_order_id"][end - 3 :] = [7, 8, 9]
    x.arrivals[end - 3 :] = [70, 80, 90]
    x.clock[X_REQUEST_HEAD], x.clock[X_REQUEST_TAIL] = end - 3, end
    assert compact(x)
    assert (x.clock[X_REQUEST_HEAD], x.clock[X_REQUEST_TAIL]) == (0, 3)
    assert x.requests["client_order_id"][:3].tolist() == [7, 8, 9]
    assert x.arrivals[:3].tolist() == [70, 80, 90]
    del keep


def test_an_empty_queue_begins_anew_and_a_full_one_is_said():
    x, keep = exchange()
    x.clock[X_REPORT_HEAD] = x.clock[X_REPORT_TAIL] = 5
    assert compact(x)
    assert x.clock[X_REPORT_TAIL] == 0
    x.clock[X_REPORT_TAIL] = len(x.reports)
    assert not compact(x)
    del keep
