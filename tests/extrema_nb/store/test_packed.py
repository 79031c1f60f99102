"""Packed rows: smaller, and the same to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import DataError
from extrema_nb.events import EVENT, LOB_LEVEL, empty_events
from extrema_nb.store import pack_rows
from extrema_nb.store.packed import most_bytes, unpack_rows
from tests.naive.packed import pack

WORD = st.integers(-(2**63), 2**63 - 1)
ROW = st.lists(st.one_of(st.sampled_from([0, 1, -1]), WORD), min_size=8, max_size=8)


def as_rows(words):
    return np.array(words, np.int64).reshape(-1).view(EVENT)


def packed(rows):
    out = np.full(most_bytes(rows.size) + 8, 7, np.uint8)
    size = pack_rows(rows, out)
    assert size <= most_bytes(rows.size)
    assert out[most_bytes(rows.size) :].tolist() == [7] * 8  # nothing is written behind it
    return out[:size].tobytes()


@given(words=st.lists(ROW, max_size=20))
def test_what_is_packed_comes_back(words):
    rows = as_rows(words)
    raw = packed(rows)
    assert raw == pack(words)
    assert unpack_rows(raw, rows.size).tobytes() == rows.tobytes()


def test_a_book_of_one_message_takes_two_words_a_level():
    rows = empty_events(1000)
    rows["kind"], rows["ts_recv"], rows["ts_event"] = 2, 1_700_000_000_000_000, 7
    level = rows.view(LOB_LEVEL)
    level["price"] = np.arange(1000) + 0.1
    level["qty"] = np.arange(1000) + 0.2
    assert len(packed(rows)) < 1000 * 17 + 64


@given(words=st.lists(ROW, max_size=9), data=st.data())
def test_what_was_cut_or_has_too_much_is_refused(words, data):
    rows = as_rows(words)
    raw = packed(rows)
    cut = data.draw(st.integers(0, max(0, len(raw) - 1)))
    for wrong in ([raw[:cut]] if raw else []) + [raw + b"x"]:
        with pytest.raises(DataError, match="packed rows of"):
            unpack_rows(wrong, rows.size)
