"""Predictions for a backtest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError, ModelError
from extrema_nb.events import as_events, empty_events
from ml.predict import predict_rows
from ml.rows import prediction_rows, read_predictions


class Sum:
    """Answers sum and length of a row; fails on NaN."""

    def infer(self, features):
        if np.isnan(features).any():
            raise ModelError("NaN")
        return np.stack([features.sum(axis=1), np.full(len(features), features.shape[1])], axis=1)

    def close(self):
        pass


FEATURES = st.lists(
    st.tuples(
        st.just(0),
        st.integers(0, 2),
        st.integers(0, 50),
        st.lists(st.integers(-9, 9), min_size=1, max_size=3).map(lambda v: np.array(v, np.float32)),
    )
)


def naive(features, latency):
    """Say one feature at a time what must come out."""
    parts = [
        prediction_rows(
            np.array([[values.sum(), len(values)]]),
            model=model,
            ts_feature=ts,
            ts_recv=ts + latency,
        )
        for _, model, ts, values in features
    ]
    rows = np.concatenate([empty_events(0), *parts])
    return rows[np.argsort(rows["ts_recv"], kind="stable")]


@given(FEATURES, st.integers(0, 100))
def test_rows_equal_those_of_one_feature_at_a_time(features, latency):
    rows = predict_rows(Sum(), features, latency)
    assert rows.tobytes() == naive(features, latency).tobytes()
    as_events(rows)  # sorted, right dtype


def test_only_the_wanted_model_is_answered():
    features = [(0, m, m, np.ones(2, np.float32)) for m in (1, 2, 1)]
    assert [p.ts_feature for p in read_predictions(predict_rows(Sum(), features, 5, model=1))] == [
        1,
        1,
    ]


def test_no_features_give_no_rows():
    assert predict_rows(Sum(), [], 5).size == 0


def test_a_negative_latency_would_look_ahead_and_is_refused():
    with pytest.raises(ConfigError, match="latency"):
        predict_rows(Sum(), [], -1)


def test_a_failing_model_fails_the_backtest():
    with pytest.raises(ModelError):
        predict_rows(Sum(), [(0, 1, 0, np.array([np.nan], np.float32))], 5)
