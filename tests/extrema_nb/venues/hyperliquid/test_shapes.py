"""The compiled scanner says of each frame what the decoder says, or leaves it to the decoder."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import VenueError
from extrema_nb.events import empty_events
from extrema_nb.feeds.burst import BurstPipeline
from extrema_nb.feeds.pipeline import MarketPipeline
from extrema_nb.kernels.burst import BurstScanner
from extrema_nb.kernels.memory import CHAINED
from extrema_nb.kernels.shapes import layout
from extrema_nb.venues.hyperliquid import VENUE, Decoder
from extrema_nb.venues.hyperliquid.shapes import SHAPES
from tests.extrema_nb.venues.hyperliquid.test_decode import BOOK, CANDLES, CTX, TABLE, TOP, TRADES
from tests.extrema_nb.venues.scanned import GARBLES, garbled, scan_frame
from tests.streamed import NOW, frame_of, lines_of, table_of

HOT = [TRADES, BOOK, TOP]
TABLES = layout(SHAPES)
ROOM = empty_events(4000)
SYMBOLS = [(row.symbol, inst) for inst, row in enumerate(TABLE)]


def by_decoder(frame):
    """Return what the decoder makes of a frame: its rows, or the error's words."""
    decoder = Decoder(TABLE)
    try:
        n = decoder.decode(frame, NOW, ROOM, 0)
    except VenueError as error:
        return type(error), str(error)
    return ROOM[:n].tobytes(), decoder.inst, decoder.slot


def scanned(frame):
    """Return what the scanner makes of it, None when it leaves it to others."""
    scanner = BurstScanner(TABLES, SYMBOLS)
    scanner.modes[:] = CHAINED
    return scan_frame(scanner, frame, NOW)


@pytest.mark.parametrize("data", HOT)
def test_every_hot_channel_is_taken(data):
    assert scanned(frame_of(data)) == by_decoder(frame_of(data))


@pytest.mark.parametrize(
    "data", [CANDLES, CTX, {"channel": "pong"}, {"channel": "l2BookX", "data": {}}]
)
def test_other_frames_are_left_to_the_decoder(data):
    assert scanned(frame_of(data)) is None


VALUES = st.sampled_from(
    ["0", "1", "28145.10", "", "x", "1e5", "-1", "01", "NaN", "1000000000000000000", "BTC", "A", "C",
     0, 1, -1, 1.5, 2**53 - 1, 2**53, 2**62, 2**64, True, None, [], {}, [[], []], [[{"px": "1"}], []],
     [None, None], [{"px": "1", "sz": "2"}], [[{"px": "1", "sz": "2", "n": 1}], []]]
)  # fmt: skip


@given(st.sampled_from(HOT), st.data())
def test_any_field_of_any_value_means_the_same(example, data):
    payload = json.loads(json.dumps(example))
    target = payload["data"][0] if isinstance(payload["data"], list) else payload["data"]
    for key in data.draw(st.lists(st.sampled_from([*target, "new"]), max_size=2, unique=True)):
        target[key] = data.draw(VALUES)
    for key in data.draw(st.lists(st.sampled_from(list(target)), max_size=1)):
        del target[key]
    frame = frame_of(payload)
    found = scanned(frame)
    assert found is None or found == by_decoder(frame)


@given(st.sampled_from(HOT), GARBLES)
def test_garbled_frames_mean_the_same(example, changes):
    frame = garbled(frame_of(example), changes)
    found = scanned(frame)
    assert found is None or found == by_decoder(frame)


@pytest.mark.parametrize("data", HOT)
def test_a_frame_cut_anywhere_is_left_to_the_decoder(data):
    frame = frame_of(data)
    assert all(scanned(frame[:end]) is None for end in range(len(frame)))


def test_a_book_older_than_the_last_is_left_to_its_sync():
    table = table_of(VENUE, ["BTC"])
    frames = [
        frame_of({"channel": "l2Book", "data": BOOK["data"] | {"time": time}})
        for time in (5, 7, 6, 7, 8)
    ]
    stamps = list(range(len(frames)))
    burst = BurstPipeline(VENUE, table, compiled=True)
    rows = burst.on_frames(frames, stamps, pytest.fail)
    single = MarketPipeline(VENUE, table)
    one_by_one = [single.on_frame(f, ts).copy() for f, ts in zip(frames, stamps, strict=True)]
    assert rows.tobytes() == np.concatenate(one_by_one).tobytes()
    assert burst.slow == 2  # the first one and the older one
    assert burst.sync_of(0).superseded == 1


def test_the_capture_gives_the_same_rows_frame_by_frame_and_in_bursts(shared_data):
    lines = list(lines_of(shared_data / "hyperliquid/capture/btcusd_20250126.gz"))
    table = table_of(VENUE, ["BTC"])
    single = MarketPipeline(VENUE, table)
    expected = np.concatenate([single.on_frame(frame, ts).copy() for ts, frame in lines])
    for size in (1, 7, len(lines)):
        burst = BurstPipeline(VENUE, table, compiled=True)
        found = []
        for start in range(0, len(lines), size):
            part = lines[start : start + size]
            found.append(
                burst.on_frames([f for _, f in part], [t for t, _ in part], pytest.fail).copy()
            )
        assert np.concatenate(found).tobytes() == expected.tobytes()
        assert burst.slow == 1
    assert all(re.search(rb"l2Book|trades", frame) for _, frame in lines)
