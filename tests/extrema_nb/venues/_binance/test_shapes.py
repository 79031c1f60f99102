"""The compiled scanner says of each frame what the decoder says, or leaves it to the decoder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import VenueError
from extrema_nb.events import Flag, empty_events
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.kernels.burst import BurstScanner
from extrema_nb.kernels.memory import WAVED
from extrema_nb.kernels.shapes import layout
from extrema_nb.venues import load, shapes_of
from tests.extrema_nb.venues._binance.test_decode import EXAMPLES, NOW, frame_of
from tests.extrema_nb.venues.scanned import scan_frame

ROOM = empty_events(4000)
TABLES = {venue: layout(shapes_of(venue)) for venue in ("binance-usdm", "binance-spot")}
USDM, SPOT = load("binance-usdm"), load("binance-spot")
SPOT_EXAMPLES = {
    "btcusdt@trade": {
        "e": "trade", "E": 1723161255343, "s": "BTCUSDT", "t": 3735683259, "p": "61837.63000000",
        "q": "0.02000000", "T": 1723161255342, "m": True, "M": True,
    },
    "btcusdt@bookTicker": {
        "u": 50093239212, "s": "BTCUSDT", "b": "61837.63000000", "B": "3.78826000",
        "a": "61837.64000000", "A": "1.54698000",
    },
    "btcusdt@depth@100ms": {
        "e": "depthUpdate", "E": 1723161255208, "s": "BTCUSDT", "U": 50093239189,
        "u": 50093239202, "b": [["61737.63000000", "0.00000000"]],
        "a": [["61837.64000000", "1.54698000"], ["61839.85000000", "0.00000000"]],
    },
}  # fmt: skip
HOT = ("trade", "aggTrade", "bookTicker", "depth")
COMPILED = [
    (venue, stream, data)
    for venue, examples in ((USDM, EXAMPLES), (SPOT, SPOT_EXAMPLES))
    for stream, data in examples.items()
    if stream.partition("@")[2].startswith(HOT)
]
NAMES = [f"{venue.id} {stream}" for venue, stream, _ in COMPILED]


def by_decoder(venue, frame):
    """Return what the decoder makes of a frame: its rows, or the error's words."""
    table = InstrumentTable(
        Instrument(venue=venue.id, symbol=symbol, name=symbol) for symbol in ("BTCUSDT", "ETHUSDT")
    )
    decoder = venue.decoder(table)
    try:
        n = decoder.decode(frame, NOW, ROOM, 0)
    except VenueError as error:
        return type(error), str(error)
    rows = ROOM[:n].copy()
    if decoder.slot == venue.diff_slot:
        rows["flags"] |= int(Flag.STALE)
    return rows.tobytes(), decoder.inst, decoder.slot


def scanned(venue, frame):
    """Return what the scanner makes of it, None when it leaves it to others."""
    scanner = BurstScanner(TABLES[venue.id], [("BTCUSDT", 0), ("ETHUSDT", 1)])
    scanner.modes[:] = WAVED
    return scan_frame(scanner, frame, NOW)


@pytest.mark.parametrize(("venue", "stream", "data"), COMPILED, ids=NAMES)
def test_every_hot_channel_is_taken(venue, stream, data):
    frame = frame_of(data, stream)
    assert scanned(venue, frame) == by_decoder(venue, frame)


@pytest.mark.parametrize(
    "stream", ["btcusdt@kline_1m", "", "btcusdt@markPrice", "btcusdt@depthX", "btcusdt@depth3"]
)
def test_other_frames_are_left_to_the_decoder(stream):
    assert scanned(USDM, frame_of(EXAMPLES["btcusdt@depth@0ms"], stream)) is None


VALUES = st.sampled_from(
    ["0", "1", "28145.10", "", "x", "1e5", "-1", "01", "NaN", "1000000000000000000", "BTCUSDT",
     "MARKET", "trade", 0, 1, -1, -2, 1.5, 2**53 - 1, 2**53, 2**62, 2**64, True, False, None, [],
     {}, [["1", "2"]], [["1"]], [["0", "1"]], [["1", "2", "3"]], [[1, 2]], ["1", "2"]]
)  # fmt: skip


@given(st.sampled_from(COMPILED), st.data())
def test_any_field_of_any_value_means_the_same(example, data):
    venue, stream, payload = example
    payload = dict(payload)
    for key in data.draw(st.lists(st.sampled_from([*payload, "new"]), max_size=2, unique=True)):
        payload[key] = data.draw(VALUES)
    for key in data.draw(st.lists(st.sampled_from(list(payload)), max_size=1)):
        del payload[key]
    frame = frame_of(payload, stream)
    found = scanned(venue, frame)
    assert found is None or found == by_decoder(venue, frame)


@given(
    st.sampled_from(COMPILED),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=3),
)
def test_garbled_frames_mean_the_same(example, changes):
    venue, stream, payload = example
    frame = bytearray(frame_of(payload, stream))
    for at, letter in changes:
        frame[at % len(frame)] = letter
    found = scanned(venue, bytes(frame))
    assert found is None or found == by_decoder(venue, bytes(frame))


@pytest.mark.parametrize(("venue", "stream", "data"), COMPILED, ids=NAMES)
def test_a_frame_cut_anywhere_is_left_to_the_decoder(venue, stream, data):
    frame = frame_of(data, stream)
    assert all(scanned(venue, frame[:end]) is None for end in range(len(frame)))
