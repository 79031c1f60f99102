"""The chained book: joins, gaps, copies, buffers; and faults at random against a naive book."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import LOB_LEVEL, STATUS, EventKind, Flag, StatusCode
from extrema_nb.testing import book
from extrema_nb.venues._chain import ChainSync
from tests.extrema_nb.venues.captured import NaiveBook, codes

T = 1_700_000_000_000_000
GAP, STALE, RESYNCED = int(StatusCode.GAP), int(StatusCode.STALE), int(StatusCode.RESYNCED)
DUPLICATE = int(StatusCode.DUPLICATE)


def diff(prev, last, at=0, levels=((100.0, 1.0),)):
    return book(list(levels), [], T + at, seq=last, prev_seq=prev)


def snapshot(last, at=0, levels=((99.0, 1.0),)):
    return book(list(levels), [(101.0, 1.0)], T + at, snapshot=True, seq=last, prev_seq=-1)


def seqs(rows):
    """Return the numbers of the book messages in `rows`, snapshots negative."""
    lob = rows[rows["kind"] == EventKind.LOB].view(LOB_LEVEL)
    ends = lob[(lob["flags"] & Flag.LAST) != 0]
    return [-int(r["seq"]) if r["flags"] & Flag.SNAPSHOT else int(r["seq"]) for r in ends]


def synced(last=10, **kwargs):
    sync = ChainSync(0, task_id=7, **kwargs)
    sync.on_diff(snapshot(last))
    return sync


def test_a_pushed_snapshot_begins_the_book_and_changes_pass_untouched():
    sync = ChainSync(0, task_id=7)
    assert sync.needs_snapshot
    out = sync.on_diff(snapshot(10))
    assert (seqs(out), codes(out)) == ([-10], [RESYNCED])
    assert not sync.needs_snapshot
    for prev, last in ((10, 12), (12, 30), (30, 30), (30, 5), (5, 6)):  # one rests, one restarts
        rows = diff(prev, last)
        assert sync.on_diff(rows) is rows


def test_a_fetched_snapshot_lets_go_what_waits_behind_it():
    sync = ChainSync(0)
    for at, (prev, last) in enumerate([(1, 4), (4, 8), (8, 12), (12, 14)]):
        assert len(sync.on_diff(diff(prev, last, at))) == 0
    out = sync.on_snapshot(snapshot(10, at=50))
    assert (seqs(out), codes(out)) == ([-10, 12, 14], [RESYNCED])
    assert set(out["ts_recv"].tolist()) == {T + 50}
    assert out[-1]["ts_event"] == T + 3
    assert (sync.superseded, sync.resyncs, sync.gaps, sync.buffered) == (2, 1, 0, 0)


@pytest.mark.parametrize(
    ("prev", "last", "joins"),
    [(8, 12, True), (10, 17, True), (3, 10, None), (3, 9, None), (12, 17, False)],
)
def test_the_first_change_joins_contains_or_misses_the_snapshot(prev, last, joins):
    sync = ChainSync(0)
    sync.on_snapshot(snapshot(10))
    out = sync.on_diff(diff(prev, last))
    if joins:
        assert (seqs(out), sync.gaps) == ([last], 0)
    elif joins is None:
        assert (len(out), sync.superseded, sync.gaps) == (0, 1, 0)
    else:
        assert (codes(out), sync.gaps, sync.needs_snapshot) == ([GAP, STALE], 1, True)


def test_a_snapshot_that_the_buffer_does_not_reach_back_to_is_refused():
    sync = ChainSync(0)
    sync.on_diff(diff(20, 22))
    assert len(sync.on_snapshot(snapshot(10))) == 0
    assert (sync.old_snapshots, sync.needs_snapshot) == (1, True)
    assert seqs(sync.on_snapshot(snapshot(21))) == [-21, 22]
    assert len(sync.on_snapshot(snapshot(5))) == 0  # the book is good and newer
    assert sync.old_snapshots == 2


def test_a_gap_says_what_was_expected_and_is_mended_by_the_next_snapshot():
    sync = synced(10)
    out = sync.on_diff(diff(12, 14, at=5))
    assert codes(out) == [GAP, STALE]
    gap = out.view(STATUS)[0]
    assert (gap.expected, gap.found, gap.task, gap.ts_recv) == (10, 12, 7, T + 5)
    assert len(sync.on_diff(diff(14, 15))) == 0
    out = sync.on_diff(snapshot(14, at=9))
    assert (seqs(out), codes(out)) == ([-14, 15], [RESYNCED])
    assert (sync.gaps, sync.resyncs, sync.superseded) == (1, 2, 1)


def test_copies_of_changes_and_snapshots_are_told_and_dropped():
    sync = synced(10)
    sync.on_diff(diff(10, 12))
    for copy in (diff(10, 12), snapshot(10), snapshot(12)):
        out = sync.on_diff(copy)
        assert (codes(out), seqs(out)) == ([DUPLICATE], [])
    assert sync.duplicates == 3
    assert seqs(sync.on_diff(diff(12, 13))) == [13]
    assert seqs(sync.on_diff(snapshot(20))) == [-20]  # a newer one replaces the book


def test_changes_that_wait_are_put_in_order_and_their_copies_dropped():
    sync = ChainSync(0)
    for prev, last in ((12, 14), (10, 12), (14, 16), (10, 12)):
        out = sync.on_diff(diff(prev, last))
    assert codes(out) == [DUPLICATE]
    assert seqs(sync.on_snapshot(snapshot(10))) == [-10, 12, 14, 16]


def test_a_full_buffer_lets_the_older_half_go_as_doubtful():
    sync = ChainSync(0, max_buffered=3)
    for last in range(2, 5):
        assert len(sync.on_diff(diff(last - 1, last))) == 0
    out = sync.on_diff(diff(4, 5, at=7))
    assert (codes(out), seqs(out)) == ([STALE], [2, 3])
    assert (out[1:]["flags"] & Flag.STALE).all()
    assert set(out["ts_recv"].tolist()) == {T + 7}
    assert len(sync.on_snapshot(snapshot(2))) == 0  # older than what has left
    assert seqs(sync.on_snapshot(snapshot(3))) == [-3, 4, 5]


def test_the_end_of_a_connection_makes_the_book_doubtful_once():
    sync = synced(10)
    assert codes(sync.on_disconnect(T + 9)) == [STALE]
    assert sync.needs_snapshot
    assert len(sync.on_disconnect(T + 9)) == 0
    sync.on_diff(diff(3, 4))
    assert seqs(sync.on_diff(snapshot(3))) == [-3, 4]  # the venue counts anew
    sync = ChainSync(0)
    sync.on_diff(diff(3, 4))
    assert seqs(sync.flush(T)) == [4]
    assert len(sync.flush(T)) == 0


STEPS = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 4)), min_size=1, max_size=30)


@given(STEPS, st.data())
def test_faults_are_noticed_and_after_a_snapshot_the_book_is_right(steps, data):
    """Drop, repeat, swap: whatever is published unmarked is the truth."""
    truth, messages, last = {99.0: 1.0}, [], 10
    states = {10: dict(truth)}
    for jump, price in steps:
        level = (90.0 + price, float(last + jump))
        messages.append(diff(last, last + jump, levels=[level]))
        last += jump
        truth[level[0]] = level[1]
        states[last] = dict(truth)
    faults = data.draw(
        st.lists(st.sampled_from("....d2s"), min_size=len(steps), max_size=len(steps))
    )
    sent = []
    for message, fault in zip(messages, faults, strict=True):
        sent += [message] * (0 if fault == "d" else 2 if fault == "2" else 1)
        if fault == "s" and len(sent) > 1:
            sent[-1], sent[-2] = sent[-2], sent[-1]
    sync, naive, good = ChainSync(0), NaiveBook(), False
    for message in [snapshot(10), *sent]:
        out = sync.on_diff(message.copy())
        for code in codes(out):
            good = {GAP: False, STALE: False, RESYNCED: True}.get(code, good)
        naive.take(out)
        assert good != sync.needs_snapshot
        if good and seqs(out):
            assert naive.bids == states[abs(seqs(out)[-1])]
    levels = [*truth.items()]
    naive.take(sync.on_diff(snapshot(last + 1, levels=levels)))
    assert naive.bids == truth
    assert not sync.needs_snapshot
