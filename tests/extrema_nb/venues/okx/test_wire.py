"""Payload structs: bounds of numbers, places of arrays."""

from __future__ import annotations

import msgspec
import pytest

from extrema_nb.venues.okx import wire


def read(text, kind):
    return msgspec.json.decode(text, type=kind, strict=False)


def test_a_level_ignores_what_follows_the_quantity():
    for text in ('["8476.98","415","0","13"]', '["8476.98","415"]', '["8476.98","415",null,{},1]'):
        level = read(text, wire.Level)
        assert (level.p, level.q) == (8476.98, 415.0)


@pytest.mark.parametrize(
    "text", ['["0","1"]', '["-1","1"]', '["1","-1"]', '["nan","1"]', '["1","inf"]', '["1"]', "[]"]
)
def test_a_level_is_a_price_and_a_quantity(text):
    with pytest.raises(msgspec.DecodeError):
        read(text, wire.Level)


def test_a_candle_of_2022_has_seven_places():
    candle = read('["1654154580000","1","2","0.5","1.5","0.01","333.8"]', wire.Candle)
    assert (candle.ts, candle.vol, candle.confirm) == (1654154580000, 0.01, 0)
