"""Helpers for venues that push their snapshots: tables, frames, spoiled bytes, other decoders."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import strategies as st

from extrema_nb.errors import VenueDecodeError, VenueError
from extrema_nb.events import LOB_LEVEL, EventKind, empty_events
from extrema_nb.instruments import Instrument, InstrumentTable

NOW = 1_724_371_200_498_000  # 2024-08-23T00:00:00.498Z


def table_of(venue, symbols, tick=1e-8):
    """Return a table of `symbols` of a venue, in order."""
    return InstrumentTable(
        Instrument(venue=venue.id, symbol=s, name=venue.name_of(s), tick_size=tick, lot_size=1e-8)
        for s in symbols
    )


def frame_of(data):
    return json.dumps(data, separators=(",", ":")).encode()


def rows_of(decoder, data, ts=NOW, room=4096):
    """Decode one frame, given as bytes or as JSON; the rows do not begin at the array's start."""
    out = empty_events(room)
    n = decoder.decode(data if isinstance(data, bytes) else frame_of(data), ts, out, 3)
    return out[3:n].copy()


def lines_of(path):
    """Yield (ts µs, frame) of a capture of either kind; what the client sent is left out."""
    if not Path(path).is_file():
        pytest.skip(f"needs {path} in the captured data")
    with gzip.open(path) as file:
        for line in file:
            if line.startswith((b"wss:", b"http")):
                continue
            stamp, _, frame = line.rstrip().partition(b" ")
            if stamp.endswith(b":"):
                yield int(float(stamp[:-1]) * 1e6), frame
            else:
                yield int(stamp) // 1000, frame


def pairs_of(path, dialect):
    """Return (message, expected) of somebody else's mapper."""
    if not Path(path).is_file():
        pytest.skip(f"needs {path} in the captured data")
    found = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return [(p["raw"], p["expected_normalized"]) for p in found if p["dialect"] == dialect]


def us_of(text):
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


@st.composite
def spoiled(draw, frames):
    """A frame that is cut, or has bytes replaced, removed or put in."""
    frame = bytearray(draw(st.sampled_from(frames)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(frame) - 1, 0)))
        how = draw(st.integers(0, 3))
        some = draw(st.binary(min_size=1, max_size=4) | st.sampled_from([b"-", b"null", b"[", b"9" * 20, b'"', b"1e999", b"NaN"]))  # fmt: skip
        if how == 0:
            del frame[at:]
        elif how == 1:
            frame[at : at + len(some)] = some
        elif how == 2:
            del frame[at : at + len(some)]
        else:
            frame[at:at] = some
    return bytes(frame)


def survives(decoder, frame):
    """Decode bytes that may be anything: rows, or one of the two errors and nothing else."""
    out = empty_events(4096)
    try:
        n = decoder.decode(frame, NOW, out, 0)
    except (VenueDecodeError, VenueError):
        return
    for row in out[:n]:
        assert EventKind(int(row["kind"]))
        assert row["ts_recv"] == NOW


class PlainBook:
    """The slowest book there is: what rows say, in two dicts."""

    def __init__(self):
        self.sides = {1: {}, -1: {}}

    def apply(self, rows):
        for row in rows.view(LOB_LEVEL):
            if row.flags & 4:
                self.sides = {1: {}, -1: {}}
            if row.side == 0:
                continue
            side = self.sides[int(row.side)]
            side.pop(float(row.price), None)
            if row.qty > 0:
                side[float(row.price)] = float(row.qty)

    @property
    def crossed(self):
        bids, asks = self.sides[1], self.sides[-1]
        return bool(bids and asks) and max(bids) >= min(asks)
