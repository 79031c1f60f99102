"""Thinned series keep their picture."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from extrema_nb.errors import ConfigError
from replay.downsample import extremes, strictly_increasing

VALUES = hnp.arrays(np.int64, st.integers(0, 400), elements=st.integers(-1_000, 1_000))


@given(VALUES, st.integers(4, 120))
def test_at_most_the_limit_stays_in_order_with_ends_and_extremes(values, limit):
    at = extremes(values, limit)
    assert len(at) <= max(limit, 0)
    assert (np.diff(at) > 0).all()
    if values.size:
        assert at[0] == 0
        assert at[-1] == values.size - 1
        assert values[at].max() == values.max()
        assert values[at].min() == values.min()


@given(VALUES, st.integers(4, 120))
def test_each_stretch_keeps_its_lowest_and_highest(values, limit):
    at = set(extremes(values, limit).tolist())
    if values.size <= limit:
        assert at == set(range(values.size))
        return
    edges = np.linspace(1, values.size - 1, (limit - 2) // 2 + 1).astype(int)
    for start, end in itertools.pairwise(edges):
        part = values[start:end].tolist()
        kept = [values[i] for i in range(start, end) if i in at]
        assert min(kept) == min(part)
        assert max(kept) == max(part)


def test_too_small_a_limit_is_refused():
    with pytest.raises(ConfigError, match="at least 4"):
        extremes(np.zeros(10), 3)


@given(hnp.arrays(np.int64, st.integers(0, 50), elements=st.integers(0, 20)))
def test_times_never_repeat_and_move_as_little_as_they_can(ts):
    ts = np.sort(ts)
    found = strictly_increasing(ts).tolist()
    naive = []
    for each in ts.tolist():
        naive.append(each if not naive or each > naive[-1] else naive[-1] + 1)
    assert found == naive
