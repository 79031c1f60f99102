"""Requests and their answers: what is measured, what is left out, and that models read it back."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import DataError
from replay.exchange.latency import entry_latency, make_latency, parse_latency, response_latency
from replay.exchange.latency_table import read_latency_table
from replay.order_latency import (
    ANSWERS,
    latency_figures,
    measure_requests,
    write_latency_table,
)

SCHEMA = {
    "ts_local": pl.Int64, "ts_exch": pl.Int64, "client_order_id": pl.Int64, "event": pl.String,
}  # fmt: skip


def log(*events):
    """Return a log of (ts_local, ts_exch, order, event)."""
    return pl.DataFrame(events, schema=SCHEMA, orient="row")


LOG = log(
    (100, None, 1, "submit"),
    (130, 110, 1, "accepted"),
    (200, None, 2, "submit"),
    (205, None, 1, "cancel"),
    (240, 220, 2, "trade"),
    (245, 221, 1, "canceled"),
    (300, None, 3, "submit"),
    (350, 0, 3, "rejected"),
    (400, None, 4, "submit"),
)


def test_each_request_meets_its_first_answer():
    assert measure_requests(LOG).rows() == [
        (100, 110, 130, 1, "submit"),
        (200, 220, 240, 2, "submit"),
        (205, 221, 245, 1, "cancel"),
        (300, 0, 350, 3, "submit"),
    ]


def test_figures_count_what_was_not_answered_and_what_never_arrived():
    found = latency_figures(measure_requests(LOG), LOG)
    assert (found["requests"], found["answered"], found["refused_on_the_way"]) == (5, 4, 1)
    assert found["entry_us"] == {"least": 10, "p50": 16, "p90": 20, "p99": 20, "most": 20}
    assert found["round_trip_us"]["most"] == 50


def test_a_table_that_was_written_is_read_by_the_latency_models(tmp_path):
    for name in ("t.parquet", "t.csv"):
        path = write_latency_table(tmp_path / "deep" / name, measure_requests(LOG))
        assert read_latency_table(path).exchange.tolist() == [110, 220, 221, 0]
        memory = []
        latency = make_latency(parse_latency(f"table:{path}"), memory)
        assert entry_latency(latency, 150, 0, 0) == 15
        assert entry_latency(latency, 300, 0, 0) == -50
        assert response_latency(latency, 110, 0, 0) == 20


@given(
    st.lists(
        st.tuples(
            st.integers(1, 3), st.sampled_from([w for a in ANSWERS.items() for w in (a[0], *a[1])])
        ),
        max_size=20,
    )
)
def test_answers_equal_those_of_a_walk_through_the_log(events):
    rows = [
        (10 * i, None if e in ANSWERS else 10 * i - 3, o, e) for i, (o, e) in enumerate(events, 1)
    ]
    expected = []
    for i, (ts, _, order, event) in enumerate(rows):
        answer = next(
            (r for r in rows[i + 1 :] if r[2] == order and r[3] in ANSWERS.get(event, ())), None
        )
        if answer:
            expected.append((ts, answer[1], answer[0], order, event))
    assert measure_requests(log(*rows)).rows() == expected


def test_nothing_answered_and_an_unknown_ending_are_refused(tmp_path):
    nothing = measure_requests(log((1, None, 1, "submit")))
    assert latency_figures(nothing, log())["entry_us"] is None
    with pytest.raises(DataError, match="no request was answered"):
        write_latency_table(tmp_path / "t.csv", nothing)
    with pytest.raises(DataError, match=r"expected \.parquet or \.csv"):
        write_latency_table(tmp_path / "t.json", measure_requests(LOG))
