"""Control frames: what is read, and what is refused how."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.local_venue.control import Asked, ControlError, read_control


def test_a_subscription_is_read():
    text = '{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":7}'
    assert read_control(text) == Asked("SUBSCRIBE", ["btcusdt@trade"], 7)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("{", 3, "Invalid JSON"),
        ("[]", 2, "expected an object"),
        ('{"method":"DANCE","id":1}', 2, "unknown method"),
        ('{"method":"SUBSCRIBE","params":"a","id":1}', 2, "array"),
        ('{"method":"SUBSCRIBE","params":[1],"id":1}', 2, "array"),
        ('{"method":"SUBSCRIBE","params":[],"id":{}}', 2, "request ID"),
    ],
)
def test_a_bad_frame_is_answered_with_an_error(text, code, words):
    with pytest.raises(ControlError, match=words) as caught:
        read_control(text)
    assert caught.value.frame["code"] == code


def test_an_error_repeats_the_id():
    with pytest.raises(ControlError) as caught:
        read_control('{"method":"DANCE","id":"x"}')
    assert caught.value.frame["id"] == "x"


@given(st.binary(max_size=60))
def test_nothing_but_a_control_error_comes_of_garbage(raw):
    with contextlib.suppress(ControlError):
        read_control(raw)
