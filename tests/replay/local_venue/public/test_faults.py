"""Faults on command: counted, and only where they are wanted."""

from __future__ import annotations

import msgspec
import pytest

from replay.local_venue.public.faults import Order, WireFaults

FRAMES = [b"frame-1", b"frame-2", b"frame-3", b"frame-4"]


def sent(key="btc@trade", **order):
    faults = WireFaults()
    faults.order(Order(**order))
    out = [told for frame in FRAMES for told in faults.frames(key, frame)]
    return b" ".join(out).replace(b"frame-", b"").decode(), faults


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ({}, "1 2 3 4"),
        ({"drop": 2}, "3 4"),
        ({"duplicate": 1}, "1 1 2 3 4"),
        ({"reorder": 1}, "2 1 3 4"),
        ({"reorder": 2}, "3 1 2 4"),
        ({"silence": True}, ""),
        ({"drop": 1, "match": "book"}, "1 2 3 4"),
        ({"drop": 1, "match": "trade"}, "2 3 4"),
    ],
)
def test_the_next_messages_are_harmed_as_ordered(order, told):
    assert sent(**order)[0] == told


def test_a_garbled_message_is_cut_in_half():
    faults = WireFaults()
    faults.order(Order(garble=1))
    assert faults.frames("x", b"12345678") == [b"1234"]
    assert faults.frames("x", b"12345678") == [b"12345678"]
    assert faults.harmed == 1
    assert not faults.armed


def test_silence_ends_when_it_is_told_to():
    faults = WireFaults()
    faults.order(Order(silence=True))
    faults.order(Order(drop=0))
    assert faults.frames("x", b"1") == []
    faults.order(Order(silence=False, delay_s=0.5))
    assert faults.frames("x", b"1") == [b"1"]
    assert faults.delay_s == 0.5


def test_a_misspelt_order_is_refused():
    with pytest.raises(msgspec.ValidationError, match="dorp"):
        msgspec.json.decode(b'{"dorp": 1}', type=Order)
