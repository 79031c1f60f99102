"""Decimal text to numbers, against Python's own, to the last bit."""

from __future__ import annotations

import math
import re
import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb import jit
from extrema_nb.kernels.decimals import decimal, divide, eight, whole
from tests.naive import scan as naive


@jit.kernel
def read_decimal(text):
    return decimal(text, 0)


@jit.kernel
def read_eight(text):
    return eight(text, 0)


@jit.kernel
def read_whole(text):
    return whole(text, 0)


def bytes_of(text):
    return np.frombuffer(text + b'"}' + bytes(16), np.int8).copy()


def bits(value):
    return struct.pack("<d", value)


def check(text):
    value, end = read_decimal(bytes_of(text))
    try:
        expected, length = naive.decimal(text)
    except naive.NotForUs:
        assert end == -1
        return
    if end == -1:  # it may be strict about what is rare: many digits, zeros among them
        assert len(text) > 18
        return
    assert (bits(value), end) == (bits(expected), length)


@pytest.mark.parametrize(
    "text",
    [b"0", b"0.0", b"0.00000000", b"1", b"61800.20", b"0.00009381", b"95017.00000000",
     b"9007199254740993", b"9007199254740992.5", b"123456789012345678", b"0.123456789012345678",
     b"12345678901234567.8", b"0.000000000000000000000001", b"0.00000000000000000000001",
     b"999999999999999999", b"99999999999999999.9", b"8.41", b"4503599627370497.5",
     b"4503599627370496.5", b"18014398509481985.0"],
)  # fmt: skip
def test_a_number_is_what_python_makes_of_it(text):
    value, end = read_decimal(bytes_of(text))
    assert end in (len(text), -1)
    if end == -1:
        assert len(text) > 24  # beyond 10**22
    else:
        assert bits(value) == bits(float(text))


@pytest.mark.parametrize(
    "text",
    [b"", b"-1", b"+1", b".5", b"1.", b"01", b"00", b"1e5", b"1.0E5", b"1.2.3", b"nan", b" 1",
     b"1234567890123456789", b"0.1234567890123456789"],
)  # fmt: skip
def test_what_is_no_plain_number_is_left_to_others(text):
    assert read_decimal(bytes_of(text))[1] == -1


@given(st.from_regex(r"(0|[1-9][0-9]{0,19})(\.[0-9]{1,22})?", fullmatch=True))
def test_any_decimal_text_reads_as_python_reads_it(text):
    check(text.encode())


@given(st.text("0123456789.eE-+ ", max_size=24))
def test_any_text_is_read_right_or_not_at_all(text):
    check(text.encode())


@given(st.integers(2**53, 10**18 - 1), st.integers(0, 18))
def test_division_rounds_once(m, places):
    assert divide(m, places) == float(Fraction(m, 10**places))


@given(st.integers(2**52, 2**53 - 1), st.integers(0, 6), st.sampled_from([-1, 0, 1]))
def test_ties_go_to_the_even_neighbour(m, shift, beside):
    """Numbers halfway between two floats, and right beside them."""
    exact = Fraction(2 * m + 1, 2 ** (shift + 1))
    scaled = exact * 10 ** (shift + 1) + beside
    if scaled.denominator == 1 and 2**53 <= scaled < 10**18:
        assert divide(int(scaled), shift + 1) == float(scaled / 10 ** (shift + 1))


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_integers_are_read_whole(value):
    text = str(value).encode()
    assert read_whole(bytes_of(text)) == (value, len(text))


@pytest.mark.parametrize("text", [b"", b"-", b"01", b"1.0", b"1e3", b"1234567890123456789", b"x"])
def test_what_is_no_plain_integer_is_left_to_others(text):
    assert read_whole(bytes_of(text))[1] == -1


@given(st.binary(max_size=12) | st.text("0123456789.", max_size=12).map(str.encode))
def test_eight_digits_are_read_at_once(text):
    digits = re.match(rb"[0-9]{0,8}", text)[0]
    assert read_eight(bytes_of(text)) == (int(digits or b"0"), len(digits))


def test_zero_has_no_sign():
    assert math.copysign(1, read_decimal(bytes_of(b"0.000"))[0]) == 1
