"""Natural columns: every kind comes back bit for bit, whatever its words hold."""

from __future__ import annotations

import struct

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import DataError
from extrema_nb.events import EVENT, FIELDS, VIEWS, EventKind, empty_events
from extrema_nb.store import ARRIVAL, columns_of, fill_rows, kind_of, to_frame

EDGES = [
    *(struct.pack("<d", x) for x in (0.0, -0.0, float("inf"), float("-inf"), 1.5, 5e-324)),
    *(struct.pack("<q", x) for x in (0, -1, 2**63 - 1, -(2**63))),
    struct.pack("<Q", 0x7FF8000000000001),  # NaN payloads: quiet, negative, signalling
    struct.pack("<Q", 0xFFF8000000000000),
    struct.pack("<Q", 0x7FF0000000000001),
]
words = st.sampled_from(EDGES) | st.binary(min_size=8, max_size=8)
any_rows = st.lists(st.lists(words, min_size=8, max_size=8).map(b"".join), min_size=1, max_size=9)


def as_kind(raw, kind, inst=3):
    out = np.frombuffer(b"".join(raw), EVENT).copy()
    out["kind"], out["inst"] = kind, inst
    return out


@pytest.mark.parametrize("kind", list(VIEWS))
@given(raw=any_rows)
def test_a_kind_keeps_every_bit(kind, raw):
    rows = as_kind(raw, kind)
    frame = to_frame(rows, np.arange(len(rows)), kind)
    back = empty_events(len(rows))
    fill_rows(frame, kind, 3, back)
    assert back.tobytes() == rows.tobytes()


@pytest.mark.parametrize("kind", list(VIEWS))
def test_columns_are_named_as_the_fields_of_the_kind(kind):
    names = list(columns_of(kind))
    assert names[:3] == [ARRIVAL, "ts_event", "ts_recv"]
    assert names[4:] == ["flags", *FIELDS[kind]]
    assert not {"inst", "kind"} & set(names)


def test_side_and_flags_are_small_and_times_are_integers():
    types = columns_of(EventKind.TRADE)
    assert (types["side"], types["flags"], types["ts_recv"]) == (pl.Int8, pl.Int16, pl.Int64)


def test_a_nan_is_no_null():
    rows = as_kind([EDGES[10] * 8], EventKind.CANDLE)
    assert to_frame(rows, np.arange(1), EventKind.CANDLE).null_count().sum_horizontal()[0] == 0


def test_an_unknown_kind_names_those_there_are():
    assert kind_of("Trade") == EventKind.TRADE
    with pytest.raises(
        DataError, match=r"unknown kind of rows 'quote'; expected one of trade, lob"
    ):
        kind_of("quote")
