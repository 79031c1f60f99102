"""Error answers."""

from __future__ import annotations

import pytest

from replay.local_venue.errors import MESSAGES, ApiError


def test_an_error_says_code_and_text():
    assert ApiError(-1102, "side").body() == {
        "code": -1102,
        "msg": "Mandatory parameter 'side' was not sent, was empty/null, or malformed.",
    }


@pytest.mark.parametrize("code", sorted(MESSAGES))
def test_every_message_can_be_filled_in(code):
    error = ApiError(code, "one", "two")
    assert "{" not in error.text
    assert 400 <= error.status < 600


def test_too_many_requests_is_429_and_a_wrong_key_401():
    assert ApiError(-1003, 1).status == 429
    assert ApiError(-2015).status == 401
