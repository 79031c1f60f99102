"""Payload structs: numbers as text or as numbers, bounds, levels in two forms."""

from __future__ import annotations

import msgspec
import pytest

from extrema_nb.venues._gate import wire


def read(text, kind):
    return msgspec.json.decode(text, type=kind, strict=False)


def test_levels_come_as_arrays_and_as_objects():
    for level in (
        read('["1.5","0"]', wire.Level),
        read("[1.5,0,7]", wire.Level),
        read('{"p":"1.5","s":0,"x":1}', wire.LevelObject),
        read('{"p":"1.5","s":"0"}', wire.LevelObject),
    ):
        assert (level.p, level.s) == (1.5, 0.0)


@pytest.mark.parametrize("text", ['["0","1"]', '["1","-1"]', '["nan","1"]', '["1","inf"]', "[]"])
def test_a_level_is_a_price_and_a_quantity(text):
    with pytest.raises(msgspec.DecodeError):
        read(text, wire.Level)


def test_a_push_has_its_result_and_perhaps_a_time():
    decode = wire.push_of(wire.book_of(wire.Level))
    push = decode(b'{"event":"update","result":{"t":1,"s":"A","u":2,"full":true,"b":null}}')
    assert (push.time, push.time_ms, push.result.full, push.result.U) == (0, 0, True, -1)
    assert push.result.b is push.result.a is None
    assert decode(b'{"time":"7","event":"update","result":{"t":1,"s":"A","u":2}}').time == 7
