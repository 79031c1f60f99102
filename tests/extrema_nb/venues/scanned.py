"""What a venue's tables make of a frame beside what its decoder makes of it."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import strategies as st

from extrema_nb.errors import VenueError
from extrema_nb.events import Flag, empty_events
from extrema_nb.kernels.burst import BurstScanner
from extrema_nb.kernels.memory import WAVED
from extrema_nb.kernels.shapes import layout
from extrema_nb.venues import shapes_of

NOW = 1_700_000_000_000_000
VALUES = st.sampled_from(
    ["0", "1", "28145.10", "", "x", "1e5", "-1", "01", "NaN", "1000000000000000000", "BTC_USDT",
     "update", "snapshot", "buy", 0, 1, -1, -2, 1.5, 2**53 - 1, 2**53, 2**62, 2**64, True, False,
     None, [], {}, [["1", "2"]], [["1"]], [["0", "1"]], [["1", "2", "3"]], [[1, 2]], ["1", "2"],
     [{"p": "1", "s": 2}], [{"p": "1", "s": "-2"}], [{"p": "1"}]]
)  # fmt: skip


# places and letters to write over in a frame
GARBLES = st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), min_size=1, max_size=3)


def garbled(frame, changes):
    """Return a frame in which letters were written over."""
    out = bytearray(frame)
    for at, letter in changes:
        out[at % len(out)] = letter
    return bytes(out)


def fields_of(value, path=()):
    """Yield the path of every field."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from fields_of(value[key], (*path, key))
    if path:
        yield path


def one_field_changed(example, data, values):
    """Return a message in which one field has another value or is not there, as `data` draws."""
    payload = json.loads(json.dumps(example))
    path = data.draw(st.sampled_from(list(fields_of(payload))))
    target = payload
    for key in path[:-1]:
        target = target[key]
    if data.draw(st.booleans()):
        target[path[-1]] = data.draw(values)
    else:
        del target[path[-1]]
    return payload


def scan_frame(scanner, frame, now=NOW):
    """Return what a scanner makes of a frame, None when it leaves it to the decoder."""
    ends = np.array([len(frame)])
    scanner.load(np.frombuffer(frame or b" ", np.uint8), ends * 0, ends, np.array([now]))
    taken, n, _ = scanner.run(0, 0)
    if not taken:
        return None
    return scanner.out[:n].tobytes(), scanner.frame_insts[0], scanner.frame_slots[0]


class Scanned:
    """Both readings of a venue's frames; rows of books that chain are flagged STALE."""

    def __init__(self, venue, table):
        self._venue, self._table = venue, table
        self._tables = layout(shapes_of(venue.id))
        self._room = empty_events(4000)

    def by_decoder(self, frame):
        """Return what the decoder makes of a frame: its rows, or the error's words."""
        decoder = self._venue.decoder(self._table)
        try:
            n = decoder.decode(frame, NOW, self._room, 0)
        except VenueError as error:
            return type(error), str(error)
        rows = self._room[:n].copy()
        if decoder.slot == self._venue.diff_slot:
            rows["flags"] |= int(Flag.STALE)
        return rows.tobytes(), decoder.inst, decoder.slot

    def by_tables(self, frame):
        """Return what the scanner makes of it, None when it leaves it to the decoder."""
        symbols = [(row.symbol, inst) for inst, row in enumerate(self._table)]
        scanner = BurstScanner(self._tables, symbols)
        scanner.modes[:] = WAVED
        return scan_frame(scanner, frame)
