"""Searches give what NumPy gives, from wherever they start; list codes sort by what they mean."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.tape.lookup import first_at, first_time, list_code
from tests.small_books import examples

values = st.lists(st.integers(-20, 20), max_size=300).map(sorted)


@settings(max_examples=examples(100))
@given(values, st.integers(-21, 21), st.integers(0, 310))
def test_the_first_place_of_a_value_does_not_depend_on_where_the_search_starts(found, value, hint):
    array = np.array(found, np.int64)
    expected = int(np.searchsorted(array, value))
    assert first_at(array, 0, len(array), hint, value) == expected


@settings(max_examples=examples(60))
@given(values, st.integers(-21, 21), st.data())
def test_a_search_keeps_to_its_stretch(found, value, data):
    array = np.array(found, np.int64)
    start = data.draw(st.integers(0, len(array)))
    end = data.draw(st.integers(start, len(array)))
    expected = start + int(np.searchsorted(array[start:end], value))
    assert first_at(array, start, end, start, value) == expected


@settings(max_examples=examples(100))
@given(values, st.integers(-21, 21), st.data())
def test_times_are_found_through_their_marks(found, t, data):
    times = np.array(found, np.int64)
    n = data.draw(st.integers(0, len(times)))
    hint = data.draw(st.integers(0, n))
    marks = times[::64].copy()
    assert first_time(times, marks, n, hint, t) == int(np.searchsorted(times[:n], t))


@given(st.lists(st.tuples(st.integers(0, 30_000), st.integers(0, 1), st.integers(-(9**9), 9**9))))
def test_list_codes_sort_by_instrument_side_and_tick(levels):
    by_code = sorted(levels, key=lambda level: list_code(*level))
    assert by_code == sorted(levels)
