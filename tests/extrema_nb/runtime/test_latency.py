"""Histogram of durations."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.runtime.latency import Histogram


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=200), st.floats(0, 1))
def test_quantiles_are_within_a_step_of_the_exact_ones(values, q):
    histogram = Histogram()
    for value in values:
        histogram.note(value)
    exact = int(np.quantile(np.array(values), q, method="inverted_cdf" if q else "lower"))
    near = sorted(values)
    at = near.index(exact)
    low = near[max(at - 1, 0)]
    high = near[min(at + 1, len(near) - 1)]
    assert low * 31 // 32 - 1 <= histogram.quantile(q) <= high


def test_small_durations_are_exact():
    for value in range(64):
        histogram = Histogram()
        histogram.note(value)
        assert histogram.quantile(0.5) == value


def test_negative_counts_as_zero_and_huge_ones_fit():
    histogram = Histogram()
    histogram.note(-5)
    histogram.note(2**80)
    assert histogram.count == 2
    assert histogram.quantile(0.0) == 0
    assert histogram.max_ns == 2**80


def test_summary_without_data_says_nothing():
    assert Histogram().summary() == {
        "count": 0,
        "p50_us": None,
        "p90_us": None,
        "p99_us": None,
        "max_us": None,
    }
