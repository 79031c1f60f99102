"""Shifted feeds are the sorted rows, however the source is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError
from extrema_nb.events import empty_events
from extrema_nb.testing import MemorySource
from replay.shift import FeedShift, parse_shifts
from tests.replay.exchange.scripted import market_rows, table
from tests.small_books import examples


@settings(max_examples=examples(60))
@given(
    market_rows(most=40), st.integers(-3_000, 3_000), st.integers(-3_000, 3_000),
    st.integers(1, 30),
)  # fmt: skip
def test_rows_come_by_their_new_times_and_then_as_they_came(events, first, second, size):
    shifts = {"A": first, "B": second}
    expected = events.copy()
    expected["ts_recv"] += np.array([first, second])[expected["inst"]]
    expected = expected[np.argsort(expected["ts_recv"], kind="stable")]
    source = FeedShift(MemorySource(events, table()), shifts)
    batches = list(source.batches(size))
    assert np.concatenate(batches).tobytes() == expected.tobytes()
    assert max(map(len, batches)) <= size
    assert source.describe()["feed_shift_us"] == shifts


def test_a_name_that_the_data_do_not_have_is_refused():
    with pytest.raises(
        ConfigError, match=r"feed shift of 'C': unknown instrument 'C' .*the data have A, B"
    ):
        FeedShift(MemorySource(empty_events(0), table()), {"C": 5})


def test_words_are_names_with_microseconds():
    assert parse_shifts(["A=5", "B=-7"]) == {"A": 5, "B": -7}
    with pytest.raises(ConfigError, match="expected NAME=MICROSECONDS"):
        parse_shifts(["A=x"])
