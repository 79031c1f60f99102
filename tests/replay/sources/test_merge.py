"""Merging streams by arrival: the order of one list, whatever the pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import EventKind, empty_events
from extrema_nb.store import to_frame
from replay.sources import merge
from replay.sources.merge import FrameChunk, RowChunk, merge_streams


def some(arrival):
    out = empty_events(len(arrival))
    out["kind"] = EventKind.TRADE
    out["ts_recv"] = arrival
    return out


class Pieces:
    """A stream of prepared chunks that notes when it is opened."""

    def __init__(self, arrival, size, opened=None):
        self.arrival = np.asarray(arrival, np.int64)
        self.first_arrival = int(self.arrival[0])
        self._size = size
        self._opened = [] if opened is None else opened

    def chunks(self):
        self._opened.append(self.first_arrival)
        for at in range(0, len(self.arrival), self._size):
            piece = self.arrival[at : at + self._size]
            if at % 2:
                yield RowChunk(some(piece), piece)
            else:
                yield FrameChunk(to_frame(some(piece), piece, EventKind.TRADE), EventKind.TRADE, 0)


def merged(streams, **options):
    blocks = list(merge_streams(streams, **options))
    assert all(len(block) for block in blocks)
    return np.concatenate([empty_events(0), *blocks])["ts_recv"].tolist()


@given(
    owners=st.lists(st.integers(0, 4), max_size=60),
    spread=st.sampled_from([1, 3, 1000]),  # dense places and sparse ones take different ways
    size=st.integers(1, 7),
)
def test_the_merge_is_the_sorted_list(owners, spread, size):
    arrivals = [[i * spread for i, o in enumerate(owners) if o == owner] for owner in range(5)]
    streams = [Pieces(arrival, size) for arrival in arrivals if arrival]
    assert merged(streams) == [i * spread for i in range(len(owners))]
    assert merged(streams, unique=True) == [i * spread for i in range(len(owners))]


@pytest.mark.parametrize("spread", [1, 1000])
def test_a_row_that_is_in_two_streams_comes_once(spread):
    log = Pieces([i * spread for i in range(10)], 4)
    part = Pieces([i * spread for i in (2, 3, 7)], 2)
    assert merged([log, part]) == [i * spread for i in range(10)]


def test_files_are_opened_only_when_their_rows_are_due():
    opened = []
    far = merge.WINDOW  # what is nearer is put together with what is due
    streams = [Pieces(range(at, at + 10), 5, opened) for at in (20 * far, 0, 10 * far)]
    blocks = merge_streams(streams)
    next(blocks)
    assert opened == [0]
    assert len(np.concatenate(list(blocks))) == 20
    assert opened == [0, 10 * far, 20 * far]


def test_blocks_are_no_larger_than_a_window_however_many_streams_begin(monkeypatch):
    monkeypatch.setattr(merge, "WINDOW", 40)
    streams = [Pieces(range(at, 600, 6), 100) for at in range(6)]
    streams[0] = Pieces(range(0, 600, 6), 1000)  # the first one reaches far
    sizes = [len(block) for block in merge_streams(streams, unique=True)]
    assert sum(sizes) == 600
    assert max(sizes) <= 40


def test_nothing_gives_nothing():
    assert merged([]) == []
