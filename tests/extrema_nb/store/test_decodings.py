"""Parquet's encodings read back: from any place on, and never beyond the end."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.store.decodings import read_deltas, read_runs
from extrema_nb.store.encodings import delta_packed, run_packed

LOW, HIGH = -(2**63), 2**63 - 1
WORDS = st.one_of(st.integers(LOW, HIGH), st.integers(-3, 300), st.sampled_from([LOW, HIGH, 0, -1]))


def padded(raw):
    return np.frombuffer(raw + bytes(8), np.uint8)


@given(words=st.lists(WORDS, min_size=1, max_size=300), skip=st.integers(0, 299))
def test_differences_come_back_from_any_place_on(words, skip):
    raw = delta_packed(np.array(words, np.int64))
    out = np.zeros(max(0, len(words) - skip), np.int64)
    assert read_deltas(padded(raw), 0, len(raw), min(skip, len(words)), out)
    assert out.tolist() == words[skip:]


@given(
    runs=st.lists(st.tuples(st.integers(0, 20), st.integers(1, 40)), max_size=12),
    skip=st.integers(0, 400), count=st.sampled_from([1, 21, 300, 70_000]),
)  # fmt: skip
def test_words_of_a_dictionary_come_back_from_any_place_on(runs, skip, count):
    places = np.array([v % count for v, n in runs for _ in range(n)], np.int32)
    raw = run_packed(places, count)
    keys = np.arange(count) * 7 - 3
    skip = min(skip, places.size)
    out = np.zeros(places.size - skip, np.int64)
    assert read_runs(padded(raw), 0, len(raw), keys, skip, out)
    assert out.tolist() == keys[places[skip:]].tolist()


def test_a_place_that_a_dictionary_does_not_have_is_noticed():
    raw = run_packed(np.array([0, 1, 2, 3, 4, 5, 6, 7, *[7] * 20], np.int32), 8)
    out = np.zeros(28, np.int64)
    assert read_runs(padded(raw), 0, len(raw), np.arange(8), 0, out)
    assert not read_runs(padded(raw), 0, len(raw), np.arange(7), 0, out)


@given(raw=st.binary(max_size=60), skip=st.integers(0, 40), n=st.integers(0, 40))
def test_bytes_at_random_are_read_or_refused(raw, skip, n):
    out = np.zeros(n, np.int64)
    read_deltas(padded(raw), 0, len(raw), skip, out)
    read_runs(padded(raw), 0, len(raw), np.arange(5), skip, out)
    assert set(out.tolist()) <= {0, 1, 2, 3, 4} or raw


def test_a_cut_page_is_refused():
    words = np.cumsum(np.arange(500) % 97)
    out = np.zeros(500, np.int64)
    raw = delta_packed(words)
    assert all(not read_deltas(padded(raw), 0, end, 0, out) for end in range(len(raw)))
    raw = run_packed((np.arange(500) % 9).astype(np.int32), 9)
    assert all(not read_runs(padded(raw), 0, end, np.arange(9), 0, out) for end in range(len(raw)))
