"""Times as text into µs, as the standard library reads them."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.venues._stream import times
from extrema_nb.venues._stream.times import iso_of, iso_us

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAIVE = EPOCH.replace(tzinfo=None)  # as Hypothesis wants its bounds
MOMENTS = st.datetimes(NAIVE, NAIVE.replace(year=2200), timezones=st.just(UTC))


@given(MOMENTS, st.sampled_from(["milliseconds", "microseconds"]), st.sampled_from(["Z", "+00:00"]))
def test_a_time_is_read_as_the_standard_library_reads_it(moment, spec, zone):
    text = moment.isoformat(timespec=spec).replace("+00:00", zone)
    expected = (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)
    assert iso_us(text) == expected


@given(MOMENTS)
def test_what_is_written_is_read_back_to_the_ms(moment):
    us = (moment - EPOCH) // timedelta(microseconds=1)
    assert iso_us(iso_of(us)) == us // 1000 * 1000


def test_digits_below_the_us_are_cut_off():
    assert iso_us("2024-10-04T07:13:31.158696993Z") == 1728026011158696
    assert iso_us("2024-10-04T07:13:31Z") == 1728026011000000
    assert iso_us("0001-01-01T00:00:00.000000Z") < 0


@pytest.mark.parametrize(
    "text",
    ["", "2024", "2024-10-04T07:13:31.1586", "2024-10-04 07:13:31Z", "2024-13-04T07:13:31Z",
     "2024-10-04T07:13:3Z", "2024-10-04T07:13:99Z", "2024-10-04T07:13:31.Z", "2024-10-04T07:13:-1Z",
     "2024-10-04T07:13:31.1_0Z", "2024-10-04T07:13:31.²Z", "2024-10-04T07:13:31+02:00"],
)  # fmt: skip
def test_what_is_no_utc_time_is_refused(text):
    with pytest.raises(ValueError, match=r"time|Invalid isoformat|month"):
        iso_us(text)


@given(st.text(max_size=40))
def test_any_text_gives_a_number_or_a_value_error(text):
    with contextlib.suppress(ValueError):
        assert isinstance(iso_us(text), int)


def test_the_table_of_minutes_is_bounded():
    for minute in range(2 * times.KEPT):
        iso_us(iso_of(minute * 60_000_000))
    assert len(times._minutes) <= times.KEPT
