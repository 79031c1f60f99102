"""Decimal text on a grid."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import InvalidOrder
from extrema_nb.numbers import decimals, grid_text, grid_units, normalize_to_string, plain_text


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (0.3, 0.1, "0.3"), (0.6, 0.1, "0.6"), (5.1, 0.1, "5.1"), (0.15, 0.05, "0.15"),
        (1.23, 0.01, "1.23"), (1.234, 0.001, "1.234"), (0.299999, 0.1, "0.2"), (0.35, 0.1, "0.3"),
        (1.5e-5, 1e-5, "0.00001"), (7.0, 0.1, "7.0"), (7.0, 1.0, "7"), (12.5, 0.0, "12.5"),
        (12.5, -1.0, "12.5"), (-0.35, 0.1, "-0.4"), (25.0, 10.0, "20"),
    ],
)  # fmt: skip
def test_rounding_down_keeps_multiples_and_prints_the_digits_of_the_step(value, step, text):
    assert normalize_to_string(value, step) == text


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [(0.1 + 0.2, 0.1, "0.3"), (0.15, 0.05, "0.15"), (0.300001, 0.1, "0.4"), (0.35, 0.1, "0.4")],
)
def test_rounding_up_covers_the_value_and_ignores_float_noise(value, step, text):
    assert normalize_to_string(value, step, up=True) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-05, "0.00001"), (1e22, "10000000000000000000000"), (5.0, "5"), (-0.0, "0"), (0.1, "0.1")],
)
def test_plain_text_has_no_exponent(value, text):
    assert plain_text(value) == text


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (100.0, 0.1, "100"), (63405.4, 0.1, "63405.4"), (0.1 + 0.2, 0.1, "0.3"), (2.0, 1.0, "2"),
        (0.00001, 0.00001, "0.00001"), (621368.0, 0.1, "621368"), (1e-8, 1e-8, "0.00000001"),
    ],
)  # fmt: skip
def test_text_on_the_grid_is_short_and_exact(value, step, text):
    assert grid_text(value, step) == text


@pytest.mark.parametrize(("value", "nearest"), [(100.06, "100.1"), (100.04, "100"), (99.96, "100")])
def test_a_value_beside_the_grid_is_refused_and_the_nearest_is_named(value, nearest):
    with pytest.raises(InvalidOrder, match=rf"price {value} is not a multiple of 0\.1.*{nearest}$"):
        grid_text(value, 0.1, "price")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_refused(value):
    with pytest.raises(InvalidOrder, match="expected a finite number"):
        grid_units(value, 0.1, "price")


@given(
    units=st.integers(0, 10**9),
    step=st.sampled_from([1e-8, 0.00001, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 100.0]),
)
def test_every_multiple_reads_back_as_itself(units, step):
    exact = Decimal(repr(step)) * units
    text = grid_text(float(exact), step)
    assert Decimal(text) == exact
    assert "E" not in text.upper()


@pytest.mark.parametrize(("step", "places"), [(0.001, 3), (1.0, 0), (1e-8, 8), (10.0, 0)])
def test_decimals_counts_the_digits_after_the_point(step, places):
    assert decimals(step) == places
