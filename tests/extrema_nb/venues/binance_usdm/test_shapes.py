"""The compiled scanner says of each frame what the decoder says, or leaves it to the decoder."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import VenueError
from extrema_nb.events import Flag, empty_events
from extrema_nb.kernels.burst import BurstScanner
from extrema_nb.kernels.memory import WAVED
from extrema_nb.kernels.shapes import layout
from extrema_nb.testing import instrument_table
from extrema_nb.venues.binance_usdm import VENUE
from extrema_nb.venues.binance_usdm.decode import Decoder
from extrema_nb.venues.binance_usdm.shapes import SHAPES
from tests.extrema_nb.venues.binance_usdm.test_decode import EXAMPLES, NOW, frame_of

ROOM = empty_events(4000)
TABLES = layout(SHAPES)
COMPILED = [stream for stream in EXAMPLES if "kline" not in stream]


def by_decoder(frame):
    """Return what the decoder makes of a frame: its rows, or the error's words."""
    decoder = Decoder(instrument_table())
    try:
        n = decoder.decode(frame, NOW, ROOM, 0)
    except VenueError as error:
        return type(error), str(error)
    rows = ROOM[:n].copy()
    if decoder.slot == VENUE.diff_slot:
        rows["flags"] |= int(Flag.STALE)
    return rows.tobytes(), decoder.inst, decoder.slot


def scanned(frame):
    """Return what the scanner makes of it, None when it leaves it to others."""
    scanner = BurstScanner(TABLES, [("BTCUSDT", 0), ("ETHUSDT", 1)])
    scanner.modes[:] = WAVED
    ends = np.array([len(frame)])
    scanner.load(np.frombuffer(frame or b" ", np.uint8), ends * 0, ends, np.array([NOW]))
    taken, n, _ = scanner.run(0, 0)
    if not taken:
        return None
    return scanner.out[:n].tobytes(), scanner.frame_insts[0], scanner.frame_slots[0]


@pytest.mark.parametrize("stream", COMPILED)
def test_every_hot_channel_is_taken(stream):
    frame = frame_of(EXAMPLES[stream], stream)
    assert scanned(frame) == by_decoder(frame)


@pytest.mark.parametrize("stream", ["btcusdt@kline_1m", "", "btcusdt@markPrice", "btcusdt@depthX"])
def test_other_frames_are_left_to_the_decoder(stream):
    assert scanned(frame_of(EXAMPLES["btcusdt@depth@0ms"], stream)) is None


VALUES = st.sampled_from(
    ["0", "1", "28145.10", "", "x", "1e5", "-1", "01", "NaN", "1000000000000000000", "BTCUSDT",
     "MARKET", "trade", 0, 1, -1, -2, 1.5, 2**53 - 1, 2**53, 2**62, 2**64, True, False, None, [],
     {}, [["1", "2"]], [["1"]], [["0", "1"]], [["1", "2", "3"]], [[1, 2]], ["1", "2"]]
)  # fmt: skip


@given(st.sampled_from(COMPILED), st.data())
def test_any_field_of_any_value_means_the_same(stream, data):
    payload = dict(EXAMPLES[stream])
    for key in data.draw(st.lists(st.sampled_from([*payload, "new"]), max_size=2, unique=True)):
        payload[key] = data.draw(VALUES)
    for key in data.draw(st.lists(st.sampled_from(list(payload)), max_size=1)):
        del payload[key]
    frame = frame_of(payload, stream)
    found = scanned(frame)
    assert found is None or found == by_decoder(frame)


@given(
    st.sampled_from(COMPILED),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=3),
)
def test_garbled_frames_mean_the_same(stream, changes):
    frame = bytearray(frame_of(EXAMPLES[stream], stream))
    for at, letter in changes:
        frame[at % len(frame)] = letter
    found = scanned(bytes(frame))
    assert found is None or found == by_decoder(bytes(frame))


@pytest.mark.parametrize("stream", COMPILED)
def test_a_frame_cut_anywhere_is_left_to_the_decoder(stream):
    frame = frame_of(EXAMPLES[stream], stream)
    assert all(scanned(frame[:end]) is None for end in range(len(frame)))
