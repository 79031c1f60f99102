"""Errors: the tree, and what each one carries."""

from __future__ import annotations

import inspect

import pytest

from extrema_nb import errors

CLASSES = [
    item for _, item in inspect.getmembers(errors, inspect.isclass) if issubclass(item, Exception)
]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_is_listed_in_the_tree_of_the_docstring(error):
    assert issubclass(error, errors.ExtremaError)
    assert f" {error.__name__} " in f"{errors.__doc__} "
    assert error.__name__ in errors.__all__


@pytest.mark.parametrize(
    ("error", "parent"),
    [
        (errors.StrategyError, errors.ConfigError),
        (errors.VenueDecodeError, errors.VenueError),
        (errors.VenueDisconnected, errors.VenueError),
        (errors.OrderRejected, errors.VenueError),
    ],
)
def test_catching_the_parent_catches_the_leaf(error, parent):
    assert issubclass(error, parent)


def test_a_refusal_of_ours_is_not_a_refusal_of_the_venue():
    assert not issubclass(errors.InvalidOrder, errors.VenueError)


def test_a_venue_error_says_whose_and_which():
    error = errors.OrderRejected("margin is insufficient", venue="binance-usdm", code=-2019)
    assert (error.venue, error.code, str(error)) == (
        "binance-usdm", -2019, "margin is insufficient",
    )  # fmt: skip


def test_a_decode_error_shows_the_beginning_of_the_frame():
    error = errors.VenueDecodeError("no price", venue="x", frame=b'{"e":"trade"}')
    assert str(error) == 'no price: {"e":"trade"}'


def test_a_long_or_broken_frame_is_cut_and_still_text():
    error = errors.VenueDecodeError("bad", frame=b"\xff" * 100_000)
    assert len(str(error)) < 200
    assert str(error).endswith("…")
    assert len(error.frame) == errors.QUOTE_CHARS


@pytest.mark.parametrize(
    ("word", "suggestion"),
    [("prcie", "; did you mean 'price'?"), ("zzz", ""), ("", "")],
)
def test_the_nearest_word_is_suggested_only_when_it_is_near(word, suggestion):
    assert errors.nearest(word, ["price", "qty"]) == suggestion
