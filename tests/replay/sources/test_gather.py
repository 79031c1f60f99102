"""Hundreds of streams put together: the order of one list, whatever the pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import empty_events
from replay.sources import gather
from replay.sources.gather import gather_streams
from replay.sources.merge import Progress, merge_streams
from tests.replay.sources.test_merge import Pieces, some


def gathered(streams, **options):
    blocks = list(gather_streams(streams, **options))
    assert all(len(block) for block in blocks)
    return np.concatenate([empty_events(0), *blocks])["ts_recv"].tolist()


@given(
    owners=st.lists(st.integers(0, 4), max_size=60),
    spread=st.sampled_from([1, 3, 1000]),
    size=st.integers(1, 7),
    first=st.sampled_from([1, 4, 4096]),
)
def test_it_is_the_sorted_list(owners, spread, size, first):
    arrivals = [[i * spread for i, o in enumerate(owners) if o == owner] for owner in range(5)]
    streams = [Pieces(arrival, size) for arrival in arrivals if arrival]
    wanted = [i * spread for i in range(len(owners))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gather, "FIRST", first)
        patch.setattr(gather, "MOST", 1 << 13)
        assert gathered(streams) == gathered(streams, unique=True) == wanted


@pytest.mark.parametrize("spread", [1, 1000])
def test_a_row_that_is_in_two_streams_comes_once(spread):
    log = Pieces([i * spread for i in range(10)], 4)
    part = Pieces([i * spread for i in (2, 3, 7)], 2)
    assert gathered([log, part]) == [i * spread for i in range(10)]


def test_files_are_opened_only_when_their_rows_are_due():
    opened = []
    far = gather.MOST
    streams = [Pieces(range(at, at + 10), 5, opened) for at in (20 * far, 0, 10 * far)]
    blocks = gather_streams(streams)
    next(blocks)
    assert opened == [0]
    assert len(np.concatenate(list(blocks))) == 20
    assert opened == [0, 10 * far, 20 * far]


def test_blocks_stay_small_however_dense_the_rows_become(monkeypatch):
    monkeypatch.setattr(gather, "ROWS", 64)
    monkeypatch.setattr(gather, "FIRST", 8)
    sparse, dense = list(range(0, 5000, 50)), list(range(5000, 9000))
    streams = [Pieces((sparse + dense)[at::3], 7) for at in range(3)]
    sizes = [len(block) for block in gather_streams(streams, unique=True)]
    assert sum(sizes) == len(sparse + dense)
    assert max(sizes) <= 2 * 64


def test_progress_says_how_far_the_blocks_go():
    progress = Progress()
    for block in gather_streams([Pieces(range(at, 20_000, 3), 50) for at in range(3)],
                                progress=progress):  # fmt: skip
        assert block["ts_recv"].max() <= progress.upto


def test_rows_are_those_of_the_merge_of_few():
    streams = [Pieces(range(at, 30_000, 7), 911) for at in range(7)]
    wanted = np.concatenate(list(merge_streams(streams)))
    assert np.concatenate(list(gather_streams(streams))).tobytes() == wanted.tobytes()
    assert len(some([1])) == 1


def test_nothing_gives_nothing():
    assert gathered([]) == []
