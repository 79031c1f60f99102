"""What dialects share."""

from __future__ import annotations

import pytest

from replay.local_venue.public.dialects._common import Base, loads, wrapped


def test_a_fetched_book_among_the_frames_is_unwrapped():
    assert wrapped(b'{"snapshot":"BTC_USDT","data":{"id":1}}') == ("BTC_USDT", b'{"id":1}')
    assert wrapped(b'{"stream":"x"}') is None


def test_what_is_no_json_is_nothing():
    assert loads(b"{") == {}
    assert loads('{"a":1}') == {"a": 1}


def test_what_a_dialect_must_say_itself_is_not_made_up():
    for call in (lambda d: d.key_of(b""), lambda d: d.book_of(""), lambda d: d.change_of(b""),
                 lambda d: d.control("", {}, 0)):  # fmt: skip
        with pytest.raises(NotImplementedError):
            call(Base())
