"""Message queues that grow, and predictions that come in order of time."""

from __future__ import annotations

import numpy as np

from extrema_nb.events import INTENT, PRED, EventKind, Flag
from replay.exchange.model import (
    X_PRED_HEAD,
    X_PRED_TAIL,
    X_REPORT_TAIL,
    X_REQUEST_TAIL,
    ExchangeConfig,
    make_live_exchange,
)
from replay.exchange.queues import grow_queues, push_predictions
from tests.replay.exchange.scripted import table


def exchange(**kwargs):
    memory = []
    x = make_live_exchange(
        table().specs(), memory, ExchangeConfig(), **{"max_orders": 4, "row_limit": 8, **kwargs}
    )
    return x, memory


def test_growing_doubles_the_room_and_keeps_what_waits():
    x, memory = exchange()
    requests, reports = len(x.requests), len(x.reports)
    x.requests["client_order_id"] = np.arange(requests)
    x.arrivals[:] = np.arange(requests) + 100
    x.reports["ts_recv"] = np.arange(reports)
    x.clock[X_REQUEST_TAIL], x.clock[X_REPORT_TAIL] = requests, reports
    arrays = len(memory)
    grow_queues(x, memory)
    assert (len(x.requests), len(x.arrivals), len(x.reports)) == (
        2 * requests, 2 * requests, 2 * reports,
    )  # fmt: skip
    assert x.requests.dtype == INTENT
    assert x.requests["client_order_id"][:requests].tolist() == list(range(requests))
    assert x.arrivals[:requests].tolist() == list(range(100, 100 + requests))
    assert x.reports["ts_recv"][:reports].tolist() == list(range(reports))
    assert len(memory) == arrays  # the old ones are let go


def test_a_prediction_is_one_row_a_value_one_latency_after_its_features():
    x, memory = exchange()
    push_predictions(x, memory, 7, [100, 200], np.array([[1.0, 2.0], [3.0, 4.0]]), 50)
    rows = x.preds[: x.clock[X_PRED_TAIL]]
    preds = rows.view(PRED)
    assert rows["kind"].tolist() == 4 * [EventKind.PRED]
    assert rows["ts_recv"].tolist() == [150, 150, 250, 250]
    assert rows["ts_event"].tolist() == preds["ts_feature"].tolist() == [100, 100, 200, 200]
    assert preds["value"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert preds["index"].tolist() == [0, 1, 0, 1]
    assert (preds["model"] == 7).all()
    assert (preds["count"] == 2).all()
    assert (rows["inst"] == -1).all()
    assert rows["flags"].tolist() == [0, Flag.LAST, 0, Flag.LAST]


def test_predictions_of_several_models_are_merged_by_time_and_those_done_are_forgotten():
    x, memory = exchange()
    push_predictions(x, memory, 1, [100, 300], np.array([1.0, 3.0]), 10)
    x.clock[X_PRED_HEAD] = 1  # the first was handed out
    push_predictions(x, memory, 2, [100, 300, 400], np.array([5.0, 6.0, 7.0]), 10)
    assert x.clock[X_PRED_HEAD] == 0
    preds = x.preds[: x.clock[X_PRED_TAIL]].view(PRED)
    assert preds["value"].tolist() == [5.0, 3.0, 6.0, 7.0]  # of equal times the earlier first


def test_more_predictions_than_there_is_room_for_grow_it():
    x, memory = exchange()
    room = len(x.preds)
    many = np.arange(room + 10, dtype=float)
    push_predictions(x, memory, 1, list(range(len(many))), many, 10)
    assert len(x.preds) > room
    assert x.preds[: len(many)].view(PRED)["value"].tolist() == many.tolist()
