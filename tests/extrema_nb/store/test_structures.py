"""Parquet's structures read back: as the slow reader tells them, and never beyond the end."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import EventKind
from extrema_nb.store.columns import to_columns
from extrema_nb.store.parquet_file import parquet_bytes
from extrema_nb.store.structures import DEPTH, read_struct, varint
from extrema_nb.testing import rows, trade
from tests.naive import encodings as naive
from tests.naive import thrift


def padded(raw):
    return np.frombuffer(raw + bytes(8), np.uint8)


def tape_of(raw, room=4000):
    tape, stack = np.zeros((room, 3), np.int64), np.zeros((DEPTH, 4), np.int64)
    n, at = read_struct(padded(raw), 0, len(raw), tape, stack)
    return n, at, tape


def foot(n=9, meta=None):
    events = rows(*(trade(100.0 + i % 3, 1.0, ts=10**15 + i) for i in range(n)))
    columns = to_columns(events, np.arange(n), EventKind.TRADE)
    raw = parquet_bytes(columns, meta or {"key": "value" * 40}, row_group=4, level=1)
    size = int.from_bytes(raw[-8:-4], "little")
    return raw[-8 - size : -8]


@given(value=st.integers(0, 2**64 - 1))
def test_numbers_of_seven_bits_a_byte_come_back(value):
    raw, rest = [], value
    while rest > 0x7F:
        raw.append((rest & 0x7F) | 0x80)
        rest >>= 7
    raw = bytes([*raw, rest])
    signed, plain, at = varint(padded(raw), 0, len(raw))
    assert at == len(raw)
    assert signed == naive.zigzag(value)
    assert plain == (value if value < 2**62 else -1)
    assert varint(padded(raw), 0, len(raw) - 1)[2] > len(raw) - 1


@given(raw=st.binary(max_size=60))
def test_bytes_at_random_are_read_or_refused(raw):
    assert tape_of(raw)[0] >= -1


def test_a_structure_is_told_as_the_slow_reader_tells_it():
    raw = foot()
    wanted, end = thrift.structure(raw, 0)
    n, at, tape = tape_of(raw)
    assert (n, at) == (len(wanted), end)
    assert tape[:n].tolist() == [list(each) for each in wanted]


def test_a_structure_that_is_cut_or_does_not_fit_is_said():
    raw = foot(2)
    assert all(tape_of(raw[:end])[0] == -1 for end in range(len(raw)))
    assert tape_of(raw, 5)[0] == -2


@given(at=st.integers(0, 600), byte=st.integers(0, 255))
def test_a_structure_with_a_wrong_byte_stays_within_its_bytes(at, byte):
    raw = bytearray(foot(2))
    raw[at % len(raw)] = byte
    n, end, tape = tape_of(bytes(raw))
    assert n >= -1
    if n >= 0:
        assert end <= len(raw)
        texts = tape[:n][tape[:n, 2] > 0]
        assert (texts[:, 1] + texts[:, 2] <= len(raw)).all()
