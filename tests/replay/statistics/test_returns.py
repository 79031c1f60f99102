"""Returns, Sharpe, Sortino and drawdown against slow obvious twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import DataError
from replay.statistics import (
    drawdown,
    period_returns,
    sharpe,
    sortino,
)
from tests.replay.statistics.samples import MARKS, S, account_of


def value_at(marks, ts):
    return [m[1] for m in marks if m[0] <= ts][-1]


@given(MARKS, st.sampled_from([0.5, 1.0, 7.0]))
def test_returns_are_changes_of_the_last_known_equity(marks, interval_s):
    found = period_returns(account_of(marks), interval_s=interval_s)
    expected, at, step = [], marks[0][0], int(interval_s * S)
    while at + step <= marks[-1][0]:
        expected.append(value_at(marks, at + step) - value_at(marks, at))
        at += step
    assert found.tolist() == expected


@given(MARKS)
def test_drawdown_equals_the_naive_one(marks):
    high, naive, longest, last_high = -math.inf, [], 0, marks[0][0]
    below = False
    for ts, equity, _ in marks:
        if equity >= high:
            if below:
                longest = max(longest, ts - last_high)
            high, below, last_high = equity, False, ts
        else:
            below = True
            longest = max(longest, ts - last_high)
        naive.append(high - equity)
    fall, fall_s = drawdown(account_of(marks))
    assert fall.tolist() == naive
    assert fall_s == pytest.approx(longest / S)


def test_sharpe_and_sortino_of_known_returns():
    returns = np.array([1.0, -1.0, 3.0, 1.0])
    year = math.sqrt(365 * 86_400 / 10)
    assert sharpe(returns, 10) == pytest.approx(1.0 / math.sqrt(8 / 3) * year)
    assert sortino(returns, 10) == pytest.approx(1.0 / 0.5 * year)


@pytest.mark.parametrize("returns", [[], [1.0], [0.0, 0.0], [0.1] * 10])
def test_sharpe_without_variance_is_none(returns):
    assert sharpe(np.array(returns), 10) is None


@pytest.mark.parametrize("returns", [[], [1.0], [1.0, 2.0]])
def test_sortino_without_losses_is_none(returns):
    assert sortino(np.array(returns), 10) is None


def test_marks_that_go_back_in_time_are_refused():
    with pytest.raises(DataError, match="goes back in time"):
        drawdown(account_of([(5, 1.0, 0.0), (4, 1.0, 0.0)]))
