"""Columns as arrays, quotients without values, means over time."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from extrema_nb.errors import DataError
from replay.statistics.frames import columns, ratio, steps, time_mean


@pytest.mark.parametrize(
    ("above", "below", "expected"),
    [(1, 2, 0.5), (1, 0, None), (None, 1, None), (1, None, None), (1e308, 1e-308, None)],
)
def test_a_quotient_is_finite_or_none(above, below, expected):
    assert ratio(above, below) == expected
    assert ratio(math.nan, 1.0) is None


def test_times_stay_whole_numbers_and_a_missing_column_is_named():
    frame = pl.DataFrame({"ts": [2**60 + 1], "qty": [1]})
    ts, qty = columns(frame, "marks", "ts", "qty")
    assert ts.tolist() == [2**60 + 1]
    assert qty.dtype == np.float64
    with pytest.raises(DataError, match="marks has no column price, only ts, qty"):
        columns(frame, "marks", "price")
    assert columns(pl.DataFrame(), "marks", "ts")[0].size == 0


def test_marks_of_several_instruments_hold_until_the_next_of_the_same():
    frame = pl.DataFrame({"ts": [1, 2, 3], "inst": [0, 1, 0], "equity": [5.0, 7.0, math.nan]})
    ts, (equity,) = steps(frame, "equity")
    assert ts.tolist() == [1, 2, 3]
    assert equity.tolist()[1:] == [[5.0, 7.0], [5.0, 7.0]]
    assert math.isnan(equity[0, 1])


def test_a_mean_over_time_needs_time():
    assert time_mean(np.array([5]), np.array([1.0])) is None
    assert time_mean(np.array([5, 5]), np.array([1.0, 2.0])) is None
    assert time_mean(np.array([0, 1, 4]), np.array([1.0, 3.0, 9.0])) == 2.5
