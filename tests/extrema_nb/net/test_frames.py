"""Frames in a buffer: as the slow twin finds them, however the buffer is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.errors import VenueDisconnected
from extrema_nb.net.frames import CLOSE, PING, TEXT, head_at, masked, split
from tests.naive.ws_frames import messages


def frame(payload, first=0x81):
    """Return a frame of a server."""
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 1 << 16:
        return bytes((first, 126)) + size.to_bytes(2, "big") + payload
    return bytes((first, 127)) + size.to_bytes(8, "big") + payload


def found(raw, longest=1 << 20, most=64, at=0):
    starts, ends = np.zeros(most, np.int64), np.zeros(most, np.int64)
    buffer = np.frombuffer(raw + b"}" * 16, np.uint8).copy()
    count, behind = split(buffer, at, len(raw), longest, starts, ends)
    places = zip(starts[:count].tolist(), ends[:count].tolist(), strict=True)
    return [raw[start:end] for start, end in places], behind


payloads = st.sampled_from([0, 1, 2, 125, 126, 127, 300, 65_535, 65_536]).map(lambda n: b"x" * n)
pieces = st.one_of(
    st.builds(frame, payloads, st.sampled_from([0x81, 0x82])),
    st.builds(frame, payloads, st.sampled_from([0x01, 0x80, 0x88, 0x89, 0x8A, 0xC1])),
    st.binary(max_size=12),
)


@settings(max_examples=300, deadline=None)
@given(
    parts=st.lists(pieces, max_size=6),
    cut=st.integers(0, 20),
    longest=st.sampled_from([1, 126, 1 << 20]),
)
def test_messages_are_those_of_the_slow_twin(parts, cut, longest):
    raw = b"".join(parts)
    raw = raw[: max(0, len(raw) - cut)]
    assert found(raw, longest) == messages(raw, longest)


def test_no_more_are_found_than_there_is_room_for():
    raw = frame(b"a") * 5
    assert found(raw, most=2) == ([b"a", b"a"], 6)
    assert found(raw, most=2, at=6) == ([b"a", b"a"], 12)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_frame_of_ours_is_masked_and_comes_out_as_it_went_in(size):
    payload = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
    raw = masked(TEXT, payload)
    begin = len(raw) - size
    key = raw[begin - 4 : begin]
    assert bytes(b ^ key[i % 4] for i, b in enumerate(raw[begin:])) == payload
    head = bytes((raw[0], raw[1] & 0x7F)) + raw[2 : begin - 4]
    assert head + payload == frame(payload)


def test_a_head_is_read_when_it_is_complete():
    raw = frame(b"x" * 300, 0x89 & 0xF0 | TEXT)
    assert head_at(memoryview(raw[:1]), 0, 1) is None
    assert head_at(memoryview(raw[:3]), 0, 3) is None
    assert head_at(memoryview(raw), 0, len(raw)) == (TEXT, True, 4, 300)
    assert head_at(memoryview(frame(b"", 0x88)), 0, 2) == (CLOSE, True, 2, 0)
    assert head_at(memoryview(frame(b"a", 0x01)), 0, 3) == (TEXT, False, 2, 1)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (bytes((0xC1, 0)), "reserved"),
        (bytes((0x81, 0x80, 1, 2, 3, 4)), "masked"),
        (bytes((0x83, 0)), "opcode 3"),
        (bytes((PING, 0)), "in pieces"),
        (bytes((0x80 | PING, 126, 0, 126)), "long"),
    ],
)
def test_what_no_server_may_send_is_said(raw, words):
    with pytest.raises(VenueDisconnected, match=words):
        head_at(memoryview(raw), 0, len(raw))
