"""Memory at addresses and words in buffers: the compiled reading is the uncompiled one."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb import jit, raw_memory

WORDS = st.integers(-(2**63), 2**63 - 1)


@jit.kernel
def compiled_word(text, at):
    return jit.word_at(text, at)


@jit.kernel
def compiled_bit(word):
    return jit.first_bit(word)


@given(st.binary(min_size=8, max_size=20), st.data())
def test_eight_bytes_are_one_number_from_any_place(raw, data):
    at = data.draw(st.integers(0, len(raw) - 8))
    text = np.frombuffer(raw, np.int8)
    expected = int.from_bytes(raw[at : at + 8], "little", signed=True)
    assert raw_memory.word_at(text, at) == expected
    assert compiled_word(text, at) == expected


@given(WORDS | st.integers(0, 63).map(lambda bit: -(1 << bit)))
def test_the_lowest_bit_is_found(word):
    bits = f"{word & (2**64 - 1):064b}"
    expected = 64 - len(bits.rstrip("0")) if word else 64
    assert raw_memory.first_bit(word) == expected
    assert compiled_bit(word) == expected


def test_an_array_at_an_address_is_the_memory_itself():
    owner = np.arange(6, dtype=np.int64)
    seen = raw_memory.view_at(owner.ctypes.data, (2, 3), np.int64)
    seen[1, 2] = 9
    assert owner.tolist() == [0, 1, 2, 3, 4, 9]


def test_a_record_at_an_address_is_read_by_its_fields():
    kind = np.dtype([("a", "<i8"), ("b", "<f8")])
    owner = np.array([(1, 2.5)], kind)
    assert raw_memory.record_at(owner.ctypes.data, kind)["b"] == 2.5


def test_views_follow_the_addresses_and_lengths_in_the_record_of_their_owner():
    hub = np.dtype([("n", "<i8"), ("flat", "<i8"), ("square", "<i8")])
    flat, square = np.arange(3.0), np.arange(8)
    record = np.array([(3, flat.ctypes.data, square.ctypes.data)], hub)
    owner = SimpleNamespace(at=record.ctypes.data)

    def read(name, *lengths, dtype=np.int64):
        return raw_memory.field_reader(name, hub, lengths, dtype)(owner).tolist()

    assert read("flat", "n", dtype=np.float64) == [0.0, 1.0, 2.0]
    assert read("flat", 2, dtype=np.float64) == [0.0, 1.0]
    assert read("flat", 0, dtype=np.float64) == []
    assert read("square", 2, "n") == [[0, 1, 2], [3, 4, 5]]
    assert raw_memory.field_reader("hub", hub, (), hub)(owner) == record[0]
    record["n"] = 1
    assert read("square", 2, "n") == [[0], [1]]
