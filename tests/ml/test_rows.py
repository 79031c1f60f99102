"""Predictions as rows and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from extrema_nb.errors import DataError
from extrema_nb.events import PRED, TRADE, EventKind, Flag, as_events, empty_events
from ml.rows import prediction_rows, read_predictions


def naive_rows(values, model, ts_feature, ts_recv):
    """Say with loops what one answer after the other must look like."""
    rows = empty_events(values.size).view(PRED)
    at = 0
    for i, answer in enumerate(values):
        for index, value in enumerate(answer):
            row = rows[at]
            row.ts_event, row.ts_recv, row.inst, row.kind = ts_feature[i], ts_recv[i], -1, 11
            row.flags = 1 if index == len(answer) - 1 else 0
            row.value, row.model, row.index, row.count = value, model, index, len(answer)
            row.ts_feature = ts_feature[i]
            at += 1
    return rows


@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2)),
    st.integers(0, 2**40),
    st.data(),
)
def test_rows_equal_the_naive_ones(values, model, data):
    times = st.lists(st.integers(0, 2**60), min_size=len(values), max_size=len(values))
    ts_feature, ts_recv = data.draw(times), data.draw(times)
    rows = prediction_rows(values, model=model, ts_feature=ts_feature, ts_recv=ts_recv)
    assert rows.tobytes() == naive_rows(values, model, ts_feature, ts_recv).tobytes()


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2)))
def test_answers_read_back_are_the_answers_written(values):
    rows = prediction_rows(values, model=3, ts_feature=np.arange(len(values)), ts_recv=99)
    back = read_predictions(rows)
    np.testing.assert_array_equal(np.array([each.values for each in back]), values)
    assert [each.ts_feature for each in back] == list(range(len(values)))
    assert {(each.model, each.ts_recv) for each in back} == {(3, 99)}


def test_one_answer_may_come_flat_and_only_its_last_row_is_flagged():
    rows = as_events(prediction_rows(np.array([1.0, 2.0, 3.0]), model=1, ts_feature=5, ts_recv=9))
    assert (rows["kind"] == EventKind.PRED).all()
    assert rows["flags"].tolist() == [0, 0, Flag.LAST]


def test_rows_of_other_kinds_between_answers_are_passed_over():
    trade = empty_events(1).view(TRADE)
    trade["kind"] = EventKind.TRADE
    rows = prediction_rows(np.array([[1.0, 2.0]]), model=1, ts_feature=5, ts_recv=9)
    mixed = np.concatenate([rows[:1], trade.view(rows.dtype), rows[1:]])
    assert read_predictions(mixed)[0].values.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_no_values_leave_no_rows(shape):
    rows = prediction_rows(np.empty(shape), model=1, ts_feature=0, ts_recv=0)
    assert rows.size == 0
    assert read_predictions(rows) == []


def test_three_dimensions_are_refused():
    with pytest.raises(DataError, match="3 dimensions"):
        prediction_rows(np.zeros((1, 1, 1)), model=1, ts_feature=0, ts_recv=0)


def test_torn_answers_are_refused():
    rows = prediction_rows(np.zeros((2, 3)), model=1, ts_feature=[1, 2], ts_recv=9)
    for torn in (rows[1:], rows[:4], rows[[0, 4, 5]], rows[[0, 2, 1]]):
        with pytest.raises(DataError, match="prediction"):
            read_predictions(torn)
