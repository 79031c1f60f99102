"""The book's state machine: joins, chains, gaps, duplicates; and a naive twin of its rule."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import LOB_LEVEL, STATUS, EventKind, Flag, StatusCode
from extrema_nb.testing import book
from extrema_nb.venues._binance.sync import BookSync, SpotBookSync

T = 1_700_000_000_000_000


def diff(prev, first, last, at=0, levels=2):
    return book(
        [(100.0 - i, float(last)) for i in range(levels)],
        [],
        T + at,
        seq=last,
        first_seq=first,
        prev_seq=prev,
    )


def snapshot(last, at=0):
    return book([(99.0, 1.0)], [(101.0, 1.0)], T + at, snapshot=True, seq=last)


def seqs(rows):
    """Return the sequence numbers of the book messages in `rows`, snapshots negative."""
    lob = rows[rows["kind"] == EventKind.LOB].view(LOB_LEVEL)
    ends = lob[(lob["flags"] & Flag.LAST) != 0]
    return [-int(r["seq"]) if r["flags"] & Flag.SNAPSHOT else int(r["seq"]) for r in ends]


def codes(rows):
    return [StatusCode(int(c)) for c in rows[rows["kind"] == EventKind.STATUS].view(STATUS)["code"]]


def synced(last=10, **kwargs):
    sync = BookSync(0, task_id=7, **kwargs)
    sync.on_snapshot(snapshot(last))
    return sync


def test_diffs_wait_for_the_snapshot_and_follow_it():
    sync = BookSync(0)
    assert sync.needs_snapshot
    for at, (prev, first, last) in enumerate([(1, 2, 4), (4, 5, 8), (8, 9, 12), (12, 13, 14)]):
        assert len(sync.on_diff(diff(prev, first, last, at))) == 0
    out = sync.on_snapshot(snapshot(10, at=50))
    assert seqs(out) == [-10, 12, 14]
    assert codes(out) == [StatusCode.RESYNCED]
    assert set(out["ts_recv"]) == {T + 50}
    assert out[-1]["ts_event"] == T + 3
    assert not sync.needs_snapshot
    assert (sync.superseded, sync.resyncs, sync.gaps) == (2, 1, 0)


def test_a_chain_passes_untouched():
    sync = synced(10)
    for prev, last in ((10, 12), (12, 15)):
        rows = diff(prev, prev + 1, last)
        assert sync.on_diff(rows) is rows


@pytest.mark.parametrize(
    ("prev", "first", "last", "joins"),
    [
        (8, 9, 12, True),  # U <= lastUpdateId <= u
        (8, 9, 10, True),  # u is the snapshot's own update
        (10, 15, 17, True),  # right behind it
        (8, 11, 17, True),  # taken between pu and U, where nothing of this book happened
        (12, 13, 17, False),  # something is missing
    ],
)
def test_the_first_diff_must_join_the_snapshot(prev, first, last, joins):
    sync = synced(10)
    out = sync.on_diff(diff(prev, first, last))
    assert (seqs(out) == [last]) is joins
    assert sync.needs_snapshot is not joins
    assert sync.gaps == (not joins)


def test_diffs_from_before_the_snapshot_are_dropped_after_it_too():
    sync = synced(10)
    assert len(sync.on_diff(diff(3, 4, 6))) == 0
    assert sync.superseded == 1
    assert seqs(sync.on_diff(diff(6, 7, 12))) == [12]


def test_a_gap_is_said_and_mended_by_the_next_snapshot():
    sync = synced(10)
    sync.on_diff(diff(10, 11, 12))
    out = sync.on_diff(diff(13, 14, 15, at=3))
    assert codes(out) == [StatusCode.GAP, StatusCode.STALE]
    said = out.view(STATUS)[0]
    assert (said["expected"], said["found"], said["task"], said["inst"]) == (12, 13, 7, 0)
    assert said["ts_recv"] == T + 3
    assert seqs(out) == []
    assert sync.needs_snapshot
    assert len(sync.on_diff(diff(15, 16, 18, at=4))) == 0
    out = sync.on_snapshot(snapshot(15, at=9))
    assert seqs(out) == [-15, 15, 18]
    assert codes(out) == [StatusCode.RESYNCED]
    assert sync.gaps == 1


def test_a_snapshot_that_is_too_old_is_not_taken():
    sync = BookSync(0)
    sync.on_diff(diff(20, 21, 25))
    assert len(sync.on_snapshot(snapshot(10))) == 0
    assert sync.needs_snapshot
    assert sync.old_snapshots == 1
    assert seqs(sync.on_snapshot(snapshot(22))) == [-22, 25]


def test_a_snapshot_nobody_asked_for_is_taken_only_when_it_is_newer():
    sync = synced(10)
    sync.on_diff(diff(10, 11, 12))
    assert len(sync.on_snapshot(snapshot(11))) == 0
    assert not sync.needs_snapshot
    assert seqs(sync.on_snapshot(snapshot(20))) == [-20]
    assert seqs(sync.on_diff(diff(18, 19, 21))) == [21]


def test_a_message_seen_before_is_dropped_and_said():
    sync = synced(10)
    sync.on_diff(diff(10, 11, 12))
    for prev, last in ((10, 12), (5, 8)):
        out = sync.on_diff(diff(prev, prev + 1, last))
        assert codes(out) == [StatusCode.DUPLICATE]
        assert seqs(out) == []
    assert sync.duplicates == 2
    assert not sync.needs_snapshot


def test_a_message_is_kept_once_while_waiting():
    sync = BookSync(0)
    sync.on_diff(diff(4, 5, 8))
    assert codes(sync.on_diff(diff(4, 5, 8))) == [StatusCode.DUPLICATE]
    assert sync.buffered == 1


def test_reordered_messages_are_put_in_order_while_waiting():
    sync = BookSync(0)
    for prev, last in ((8, 12), (4, 8), (12, 14)):
        sync.on_diff(diff(prev, prev + 1, last))
    assert seqs(sync.on_snapshot(snapshot(6))) == [-6, 8, 12, 14]


def test_a_break_inside_the_buffer_needs_another_snapshot():
    sync = BookSync(0)
    for prev, last in ((4, 8), (8, 12), (13, 20)):
        sync.on_diff(diff(prev, prev + 1, last))
    out = sync.on_snapshot(snapshot(6))
    assert seqs(out) == [-6, 8, 12]
    assert codes(out) == [StatusCode.RESYNCED, StatusCode.GAP, StatusCode.STALE]
    assert sync.needs_snapshot
    assert seqs(sync.on_snapshot(snapshot(15))) == [-15, 20]


def test_a_disconnect_makes_a_good_book_stale_once():
    sync = synced(10)
    out = sync.on_disconnect(T + 5)
    assert codes(out) == [StatusCode.STALE]
    assert out["ts_recv"].tolist() == [T + 5]
    assert sync.needs_snapshot
    assert len(sync.on_disconnect(T + 6)) == 0


def test_what_waits_at_a_disconnect_leaves_flagged():
    sync = BookSync(0)
    sync.on_diff(diff(4, 5, 8))
    out = sync.on_disconnect(T + 5)
    assert codes(out) == [StatusCode.STALE]
    lob = out[out["kind"] == EventKind.LOB]
    assert len(lob) == 2
    assert (lob["flags"] & Flag.STALE).all()
    assert set(lob["ts_recv"]) == {T + 5}


def test_a_full_buffer_lets_its_older_half_go_flagged_and_still_takes_a_snapshot():
    sync = BookSync(0, max_buffered=4)
    out = [sync.on_diff(diff(i, i + 1, i + 1, at=i)) for i in range(5)]
    assert [len(rows) for rows in out[:4]] == [0] * 4
    assert codes(out[4]) == [StatusCode.STALE]
    assert seqs(out[4]) == [1, 2, 3]
    assert (np.diff(out[4]["ts_recv"]) >= 0).all()
    assert sync.buffered == 2
    assert len(sync.on_snapshot(snapshot(2))) == 0  # older than what has left
    assert seqs(sync.on_snapshot(snapshot(4))) == [-4, 4, 5]


def test_without_a_buffer_diffs_pass_at_once_flagged():
    sync = BookSync(0, max_buffered=0)
    rows = diff(1, 2, 3, at=1)
    out = sync.on_diff(rows)
    assert codes(out) == [StatusCode.STALE]
    assert seqs(out) == [3]
    assert not (rows["flags"] & Flag.STALE).any()
    assert codes(sync.on_diff(diff(3, 4, 5, at=2))) == []


def test_flush_gives_up_waiting():
    sync = BookSync(0)
    sync.on_diff(diff(1, 2, 3))
    assert seqs(sync.flush(T + 9)) == [3]
    assert sync.buffered == 0
    assert len(sync.flush(T + 9)) == 0


def damaged(steps, data):
    """Return (pu, U, u) of a chain with up to three messages lost, repeated or swapped."""
    ids = np.cumsum([10, *steps]).tolist()
    messages = [(a, a + 1, b) for a, b in itertools.pairwise(ids)]
    for _ in range(data.draw(st.integers(0, 3))):
        if len(messages) < 2:
            break
        at = data.draw(st.integers(0, len(messages) - 2))
        what = data.draw(st.sampled_from(["drop", "repeat", "swap"]))
        if what == "drop":
            del messages[at]
        elif what == "repeat":
            messages.insert(at, messages[at])
        else:
            messages[at], messages[at + 1] = messages[at + 1], messages[at]
    return messages


def assert_chained(rows):
    """Fail where a diff follows neither the one before nor its snapshot."""
    book_id, good = -1, False
    for row in rows:
        if row["kind"] == EventKind.STATUS:
            code = row.view(STATUS)["code"]
            if code in (StatusCode.GAP, StatusCode.STALE):
                good = False
            continue
        level = row.view(LOB_LEVEL)
        seq = int(level["seq"])
        if level["flags"] & Flag.SNAPSHOT:
            book_id, good = seq, True
            continue
        assert good
        assert level["prev_seq"] <= book_id <= seq
        book_id = seq


@given(
    st.lists(st.integers(1, 5), min_size=3, max_size=30),
    st.data(),
)
def test_the_book_is_never_published_with_a_hole(steps, data):
    """Whatever is lost, repeated or swapped: published diffs chain, or a status says otherwise."""
    messages = damaged(steps, data)
    sync = BookSync(0)
    out = []
    for at, message in enumerate(messages):
        out.append(sync.on_diff(diff(*message, at=at, levels=1)))
        if data.draw(st.booleans()) and sync.needs_snapshot:
            last = data.draw(st.integers(8, message[2] + 2))
            out.append(sync.on_snapshot(snapshot(last, at=at)))
    rows = np.concatenate(out)
    assert (np.diff(rows["ts_recv"]) >= 0).all()
    assert_chained(rows)


def spot(first, last, at=0):
    return diff(-1, first, last, at)


def spot_synced(last=10):
    sync = SpotBookSync(0)
    sync.on_snapshot(snapshot(last))
    return sync


def test_spot_diffs_that_a_snapshot_contains_are_dropped():
    sync = SpotBookSync(0)
    for at, (first, last) in enumerate([(2, 4), (5, 10), (11, 12), (13, 14)]):
        assert len(sync.on_diff(spot(first, last, at))) == 0
    assert seqs(sync.on_snapshot(snapshot(10, at=50))) == [-10, 12, 14]
    assert (sync.superseded, sync.gaps, sync.needs_snapshot) == (2, 0, False)


def test_a_spot_diff_that_straddles_the_snapshot_joins_it():
    sync = spot_synced(10)
    assert seqs(sync.on_diff(spot(8, 10))) == []  # nothing new in it
    assert seqs(sync.on_diff(spot(9, 12))) == [12]
    assert seqs(sync.on_diff(spot(13, 13))) == [13]
    assert (sync.superseded, sync.gaps) == (1, 0)


def test_a_spot_snapshot_older_than_the_buffer_is_refused():
    sync = SpotBookSync(0)
    sync.on_diff(spot(12, 14))
    assert len(sync.on_snapshot(snapshot(10))) == 0
    assert sync.needs_snapshot
    assert seqs(sync.on_snapshot(snapshot(11))) == [-11, 14]


def test_a_spot_id_that_is_left_out_is_a_gap():
    sync = spot_synced(10)
    sync.on_diff(spot(11, 12))
    out = sync.on_diff(spot(14, 15))
    assert codes(out) == [StatusCode.GAP, StatusCode.STALE]
    status = out[out["kind"] == EventKind.STATUS].view(STATUS)
    assert (status["expected"][0], status["found"][0]) == (12, 13)
    assert sync.needs_snapshot


def test_a_spot_diff_seen_before_is_told_and_one_that_reaches_back_passes():
    sync = spot_synced(10)
    sync.on_diff(spot(11, 14))
    assert codes(sync.on_diff(spot(11, 14))) == [StatusCode.DUPLICATE]
    assert seqs(sync.on_diff(spot(13, 16))) == [16]
    assert (sync.duplicates, sync.gaps) == (1, 0)


@given(st.lists(st.integers(1, 5), min_size=3, max_size=30), st.data())
def test_a_spot_book_is_never_published_with_a_hole(steps, data):
    """Whatever is lost, repeated or swapped: each diff begins where the book ends, at the latest."""
    messages = damaged(steps, data)
    sync = SpotBookSync(0)
    book_id, good = -1, False
    for at, (_, first, last) in enumerate(messages):
        out = [sync.on_diff(spot(first, last, at))]
        if data.draw(st.booleans()) and sync.needs_snapshot:
            out.append(sync.on_snapshot(snapshot(data.draw(st.integers(8, last + 2)), at=at)))
        for row in np.concatenate(out):
            if row["kind"] == EventKind.STATUS:
                stale = row.view(STATUS)["code"] in (StatusCode.GAP, StatusCode.STALE)
                good = good and not stale
                continue
            level = row.view(LOB_LEVEL)
            if level["flags"] & Flag.SNAPSHOT:
                book_id, good = int(level["seq"]), True
            elif int(level["seq"]) != book_id:  # the next message, not another of its levels
                assert good
                assert level["first_seq"] <= book_id + 1 <= level["seq"]
                book_id = int(level["seq"])
