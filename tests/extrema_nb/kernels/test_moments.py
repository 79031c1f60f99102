"""Times as text, against the standard library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.kernels.moments import days_before, moment_at

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAIVE = EPOCH.replace(tzinfo=None)  # as Hypothesis wants its bounds
MOMENTS = st.datetimes(NAIVE, NAIVE.replace(year=2400), timezones=st.just(UTC))


def read(text):
    return moment_at(np.frombuffer(text.encode() + b'"}', np.int8).copy(), 0)


@given(MOMENTS, st.sampled_from(["seconds", "milliseconds", "microseconds"]), st.integers(0, 999))
def test_a_time_is_what_the_standard_library_says(moment, spec, below):
    if spec == "seconds":
        moment = moment.replace(microsecond=0)
    text = moment.isoformat(timespec=spec).removesuffix("+00:00")
    expected = (datetime.fromisoformat(text + "+00:00") - EPOCH) // timedelta(microseconds=1)
    more = f"{below:03d}" if spec == "microseconds" else ""
    assert read(text + more + "Z") == (expected, len(text + more) + 2)


@given(st.dates())
def test_days_are_counted_as_the_calendar_counts_them(date):
    assert days_before(date.year, date.month, date.day) == (date - EPOCH.date()).days


@pytest.mark.parametrize(
    "text",
    ["", "2024", "2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z",
     "2024-04-31T00:00:00Z", "2024-01-00T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z",
     "2024-01-01T00:00:60Z", "2024-01-01 00:00:00Z", "2024-01-01T00:00:00", "2024-01-01T00:00:00.Z",
     "2024-01-01T00:00:00+00:00", "2024-01-01T00:00:00.1234567890Z", "1969-12-31T23:59:59Z",
     "0001-01-01T00:00:00Z", "2024-01-01T00:00:00Zx", "2024/01/01T00:00:00Z", "20x4-01-01T00:00:00Z",
     "1900-02-29T00:00:00Z", "2024-01-01T00-00-00Z", "2024-01-01T0a:00:00Z", "2024-01-01T00:00:0"],
)  # fmt: skip
def test_anything_else_is_left_to_others(text):
    assert read(text)[1] == -1
