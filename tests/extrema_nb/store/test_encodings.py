"""Columns as Parquet encodes them: read back value by value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.store.encodings import delta_packed, dictionary_of, run_packed
from tests.naive import encodings as naive

LOW, HIGH = -(2**63), 2**63 - 1
WORDS = st.one_of(st.integers(LOW, HIGH), st.integers(-3, 300), st.sampled_from([LOW, HIGH, 0, -1]))
RUNS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 40)), max_size=12)


@given(words=st.lists(WORDS, min_size=1, max_size=300))
def test_differences_come_back(words):
    assert naive.deltas(delta_packed(np.array(words, np.int64))) == words


@pytest.mark.parametrize("n", [1, 2, 33, 128, 129, 130, 257, 1000])
def test_numbers_that_rise_by_one_take_next_to_nothing(n):
    raw = delta_packed(np.arange(n, dtype=np.int64) + 10**15)
    assert naive.deltas(raw) == list(range(10**15, 10**15 + n))
    assert len(raw) < 16 + n // 128 * 5 + 5


@given(runs=RUNS)
def test_runs_and_what_is_between_them_come_back(runs):
    places = np.array([value for value, count in runs for _ in range(count)], np.int32)
    for count in (21, 300, 70_000):
        assert naive.runs(run_packed(places, count), places.size) == places.tolist()


def test_a_single_value_has_no_width():
    assert naive.runs(run_packed(np.zeros(100, np.int32), 1), 100) == [0] * 100


@given(words=st.lists(WORDS, max_size=200), limit=st.integers(1, 200))
def test_a_dictionary_has_each_word_once_in_order_of_appearance(words, limit):
    known = list(dict.fromkeys(words))
    found = dictionary_of(np.array(words, np.int64), limit)
    if len(known) > limit:
        assert found is None
    else:
        values, places = found
        assert values.tolist() == known
        assert [known[i] for i in places] == words
