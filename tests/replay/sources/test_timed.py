"""Streams merged by time: the same order whatever the blocks, few of them open at once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import empty_events
from replay.sources.timed import TimedStream, cut, merge_by_time, never_falls


def rows(times, stream):
    out = empty_events(len(times))
    out["ts_recv"], out["inst"], out["w0"] = times, stream, np.arange(len(times))
    return out


def blocks_of(all_rows, size):
    return [all_rows[at : at + size] for at in range(0, len(all_rows), size)]


@given(
    st.lists(st.lists(st.integers(0, 12), max_size=12).map(sorted), min_size=1, max_size=4),
    st.lists(st.integers(1, 5), min_size=4, max_size=4),
)
def test_the_merge_is_a_stable_sort_for_any_blocks(streams, sizes):
    given_rows = [rows(times, at) for at, times in enumerate(streams)]
    merged = merge_by_time(
        [
            TimedStream(lambda r=r, s=s: iter(blocks_of(r, s)))
            for r, s in zip(given_rows, sizes, strict=False)
        ]
    )
    got = list(merged)
    assert all(len(block) for block in got)
    together = np.concatenate(given_rows)
    naive = together[np.argsort(together["ts_recv"], kind="stable")]
    assert np.concatenate([empty_events(0), *got]).tobytes() == naive.tobytes()


def test_streams_that_follow_each_other_are_never_open_together():
    open_now, most = set(), 0

    def stream(at):
        nonlocal most
        open_now.add(at)
        most = max(most, len(open_now))
        yield rows([at * 10, at * 10 + 1], at)
        yield rows([at * 10 + 2, at * 10 + 3], at)
        open_now.discard(at)

    streams = [TimedStream(lambda at=at: stream(at), first=at * 10) for at in reversed(range(20))]
    got = np.concatenate(list(merge_by_time(streams)))
    assert got["ts_recv"].tolist() == sorted(got["ts_recv"].tolist())
    assert len(got) == 80
    assert most <= 2


def test_no_streams_and_empty_ones_give_nothing():
    assert list(merge_by_time([])) == []
    assert list(merge_by_time([TimedStream(lambda: iter([])), TimedStream(lambda: iter([]))])) == []


def test_batches_are_cut_to_size():
    assert [len(b) for b in cut(iter([rows([1] * 5, 0), rows([2] * 2, 0)]), 2)] == [2, 2, 1, 2]


@given(st.lists(st.integers(0, 5), max_size=6), st.integers(0, 5))
def test_a_time_that_goes_back_is_seen(times, now):
    words = rows(times, 3).view(np.int64).reshape(-1, 8)
    assert never_falls(words, now) == ([now, *times] == sorted([now, *times]))
