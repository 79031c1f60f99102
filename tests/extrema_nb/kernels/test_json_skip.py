"""Values that are passed over, against the standard library's JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb import jit
from extrema_nb.kernels.json_skip import after_text, after_value, first_odd

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6)
    | st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\'))
    | st.decimals("-99", "99", places=3).map(float).filter(lambda x: "e" not in repr(x)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab c"), inner),
    max_leaves=8,
)  # fmt: skip


@jit.kernel
def past_text(text, end):
    return after_text(text, 1, end)


@jit.kernel
def odd_one(letters):
    return first_odd(letters)


def skip(raw):
    text = np.frombuffer(raw + b"}" + bytes(16), np.int8).copy()
    return after_value(text, 0, len(raw) + 1)


@given(VALUES)
def test_a_value_is_passed_over_whole(value):
    raw = json.dumps(value, separators=(",", ":")).encode()
    assert skip(raw) == len(raw)
    assert skip(raw + b",1") == len(raw)


@given(VALUES, st.integers(0, 200), st.integers(0, 127))
def test_what_is_passed_over_is_json(value, at, letter):
    raw = bytearray(json.dumps(value, separators=(",", ":")).encode())
    raw[at % len(raw)] = letter
    end = skip(bytes(raw))
    if end >= 0:
        json.loads((bytes(raw) + b"}")[:end])


@pytest.mark.parametrize(
    "raw",
    [b"", b"[1", b"[1,]", b"{,}", b'{"a"}', b'{"a":}', b'[{"a":1', b"tru", b"nul", b"fals",
     b"truE", b"-", b"1.", b'"a', b'"\\n"', b'"\x01"', '"é"'.encode(), b"[1}", b'{"a":1]',
     b"[" * 40 + b"]" * 40, b"{1:2}", b" 1", b"[1 ]"],
)  # fmt: skip
def test_what_is_none_or_rare_is_not_passed_over(raw):
    assert skip(raw) == -1


@given(
    st.binary(min_size=8, max_size=8)
    | st.text('ab"\\\x1f\x7f ~', min_size=8, max_size=8).map(str.encode)
)
def test_the_first_odd_letter_of_eight_is_found(letters):
    odd = [letter < 32 or letter > 127 or letter in b'"\\' for letter in letters]
    found = odd_one(int.from_bytes(letters, "little", signed=True))
    assert found == (odd.index(True) if any(odd) else 8)


def test_a_text_ends_at_its_quote():
    text = np.frombuffer(b'"abc"}' + bytes(16), np.int8).copy()
    assert past_text(text, 6) == 5
    assert past_text(text, 4) == -1
