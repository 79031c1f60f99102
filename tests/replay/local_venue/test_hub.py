"""Frames on their way out."""

from __future__ import annotations

import asyncio

import pytest

from replay.local_venue.faults import Faults
from replay.local_venue.hub import Hub, encode_frame, envelope


class Ear:
    def __init__(self, *, combined=False):
        self.combined = combined
        self.frames: list[bytes] = []
        self.flushed = 0
        self.drained = 0

    def push(self, frame):
        self.frames.append(frame)

    def flush(self):
        self.flushed += 1

    async def drain(self):
        self.drained += 1


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_frame_says_its_length(size):
    frame = encode_frame(b"x" * size)
    head = {True: 2, size >= 126: 4, size >= 65_536: 10}[True]
    assert len(frame) == head + size
    assert frame[0] == 0x81
    if head > 2:
        assert int.from_bytes(frame[2:head], "big") == size


def test_a_message_reaches_those_who_hear_it_in_their_form():
    hub, raw, combined = Hub(Faults()), Ear(), Ear(combined=True)
    hub.add("a@trade", raw)
    hub.add("a@trade", combined)
    hub.publish("a@trade", b"{}")
    hub.publish("b@trade", b"{}")
    assert raw.frames == [encode_frame(b"{}")]
    assert combined.frames == [encode_frame(b'{"stream":"a@trade","data":{}}')]
    assert hub.sent == 1


def test_a_captured_envelope_is_sent_as_it_was():
    hub, ear = Hub(Faults()), Ear(combined=True)
    hub.add("a@trade", ear)
    hub.publish("a@trade", b"{}", b'{"stream":"a@trade", "data":{}}')
    assert ear.frames == [encode_frame(b'{"stream":"a@trade", "data":{}}')]


def test_hearing_twice_is_hearing_once_and_leaving_ends_it():
    hub, ear = Hub(Faults()), Ear()
    hub.add("a", ear)
    hub.add("a", ear)
    hub.publish("a", b"1")
    hub.remove("a", ear)
    hub.publish("a", b"2")
    assert len(ear.frames) == 1
    assert not hub.wanted("a")


def test_only_touched_connections_are_drained():
    async def main():
        hub, one, other = Hub(Faults()), Ear(), Ear()
        hub.add("a", one)
        hub.add("b", other)
        hub.publish("a", b"1")
        await hub.drain()
        await hub.drain()
        assert (one.flushed, one.drained, other.drained) == (1, 1, 0)

    asyncio.run(main())


def test_an_envelope_is_what_a_combined_stream_carries():
    assert envelope("s", b"1") == b'{"stream":"s","data":1}'
