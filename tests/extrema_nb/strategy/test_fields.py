"""Field types: fixed sizes only, and errors that show the line."""

from __future__ import annotations

import numpy as np
import pytest

import extrema_nb as xnb
from extrema_nb.errors import StrategyError
from extrema_nb.strategy.fields import read_fields, record_dtype, record_of

SIZE = 3


class Good:
    a: xnb.f8 = 1.5
    b: xnb.i8 = 2
    c: xnb.i4 = 3
    d: xnb.b1 = True
    e: xnb.f8[SIZE]
    f: xnb.i8[2, SIZE] = 7
    _private = 1


class Text:
    a: xnb.f8 = 0.0
    b: str = "x"


class NoSize:
    a: xnb.f8[UNKNOWN]  # noqa: F821


class NoType:
    a: xnb.f8 = 0.0
    b = 3


class NoValue:
    a: xnb.f8


def test_fields_become_one_record():
    fields = read_fields(Good)
    record = record_of("Good", fields, {"b": 9})[0]
    assert (record.a, record.b, record.c, record.d) == (1.5, 9, 3, True)
    np.testing.assert_array_equal(record.e, np.zeros(SIZE))
    np.testing.assert_array_equal(record.f, np.full((2, SIZE), 7))
    assert record_dtype(fields).isalignedstruct


def test_a_class_without_fields_is_one_unused_word():
    assert record_dtype(read_fields(None)).names == ("unused",)


@pytest.mark.parametrize(
    ("owner", "message"),
    [
        (
            Text,
            r"test_fields\.py:\d+: field Text\.b has type str, expected a fixed-size one; use xnb",
        ),
        (NoSize, r"test_fields\.py:\d+: field NoSize\.a has type xnb\.f8\[UNKNOWN\]"),
        (NoType, r"test_fields\.py:\d+: field NoType\.b has no type; write b: xnb\.f8 = 3"),
    ],
)
def test_a_field_that_is_no_fixed_size_is_refused_with_its_line(owner, message):
    with pytest.raises(StrategyError, match=message):
        read_fields(owner)


def test_a_state_says_with_what_it_starts():
    assert read_fields(NoValue)["a"][1] is None  # a parameter that must be given
    with pytest.raises(
        StrategyError, match=r"field NoValue\.a has no first value; write a: xnb\.f8 = 0"
    ):
        read_fields(NoValue, defaults=True)


@pytest.mark.parametrize("shape", [0, -1, 1.5, (2, "x"), (2, 0)])
def test_a_shape_is_of_positive_whole_numbers(shape):
    with pytest.raises(StrategyError, match=r"is no array type; write f8\[64\] or f8\[8, 2\]"):
        xnb.f8[shape]


def test_an_array_of_arrays_is_refused():
    with pytest.raises(StrategyError, match="is no array type"):
        xnb.f8[2][3]


class Hidden:
    take: xnb.f8 = 0.0


def test_a_field_that_numpy_would_hide_is_refused():
    with pytest.raises(StrategyError, match=r"'take' is a name of NumPy's records"):
        read_fields(Hidden)
