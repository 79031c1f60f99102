"""OKX's own rules on top of the chain: checksums, times in place of numbers, fetched snapshots."""

from __future__ import annotations

import pytest

from extrema_nb.events import LOB_LEVEL, STATUS, StatusCode
from extrema_nb.testing import book
from extrema_nb.venues.okx.checksum import carry, checksum
from extrema_nb.venues.okx.sync import BookSync
from tests.extrema_nb.venues.captured import codes

T = 1_700_000_000_000_000
GAP, STALE, RESYNCED = int(StatusCode.GAP), int(StatusCode.STALE), int(StatusCode.RESYNCED)
BIDS, ASKS = {99.0: 1.0, 98.0: 2.0}, {101.0: 1.0}
GOOD = checksum(BIDS, ASKS)


def snapshot(crc=0, at=0, seq=-1):
    return book(
        list(BIDS.items()), list(ASKS.items()), T + at,
        snapshot=True, seq=seq, prev_seq=-1, first_seq=carry(crc),
    )  # fmt: skip


def diff(crc=0, at=1, seq=-1, prev=-1, levels=((99.0, 3.0),)):
    return book(list(levels), [], T + at, seq=seq, prev_seq=prev, first_seq=carry(crc))


def after():
    return checksum({**BIDS, 99.0: 3.0}, ASKS)


def test_messages_without_numbers_go_by_their_time():
    sync = BookSync(0)
    assert len(sync.on_diff(diff(at=-5))) == 0
    assert codes(sync.on_diff(snapshot())) == [RESYNCED]
    assert sync.superseded == 1
    for at in (1, 2, 7):
        assert codes(sync.on_diff(diff(at=at))) == []
    assert codes(sync.on_diff(diff(at=7))) == [StatusCode.DUPLICATE]
    assert codes(sync.on_diff(snapshot(at=7))) == [StatusCode.DUPLICATE]
    assert (sync.gaps, sync.checked) == (0, 0)


def test_checksums_are_compared_and_taken_out_of_the_rows():
    sync = BookSync(0)
    out = sync.on_diff(snapshot(GOOD))
    assert set(out[:3].view(LOB_LEVEL)["first_seq"].tolist()) == {-1}
    out = sync.on_diff(diff(after()))
    assert out.view(LOB_LEVEL)["first_seq"].tolist() == [-1]
    out = sync.on_diff(diff(0, at=2, levels=[(99.0, 4.0)]))  # none this time
    out = sync.on_diff(diff(after(), at=3))
    assert (sync.checked, sync.mismatches, sync.gaps) == (3, 0, 0)


@pytest.mark.parametrize("seq", [-1, 20])
def test_a_wrong_checksum_is_a_gap(seq):
    sync = BookSync(0)
    sync.on_diff(snapshot(GOOD, seq=10 if seq > 0 else -1))
    out = sync.on_diff(diff(GOOD, seq=seq, prev=10 if seq > 0 else -1))
    assert codes(out) == [GAP, STALE]
    gap = out.view(STATUS)[0]
    assert (gap.expected, gap.found) == (GOOD, after())
    assert sync.needs_snapshot
    assert (sync.mismatches, sync.gaps) == (1, 1)
    out = sync.on_diff(snapshot(GOOD, at=9, seq=30 if seq > 0 else -1))
    assert codes(out) == [RESYNCED]
    assert not sync.needs_snapshot
    assert codes(sync.on_diff(diff(after(), at=10, seq=31 if seq > 0 else -1, prev=30))) == []


def test_a_snapshot_that_contradicts_itself_ends_the_checking_not_the_book():
    sync = BookSync(0)
    assert codes(sync.on_diff(snapshot(12345))) == [RESYNCED]
    assert codes(sync.on_diff(diff(777))) == []
    assert not sync.needs_snapshot
    assert (sync.checked, sync.mismatches) == (1, 0)
    assert sync.on_diff(diff(778, at=2)).view(LOB_LEVEL)["first_seq"].tolist() == [-1]


@pytest.mark.parametrize("wrong", [False, True])
def test_a_snapshot_without_a_checksum_is_checked_by_the_next_change(wrong):
    sync = BookSync(0)
    sync.on_diff(snapshot())
    out = sync.on_diff(diff(GOOD if wrong else after()))
    assert codes(out) == ([GAP, STALE] if wrong else [])
    assert sync.checked == 1
    sync = BookSync(0)
    sync.on_diff(snapshot())
    sync.on_diff(diff())  # nothing is said here either: the book is not kept twice
    assert codes(sync.on_diff(diff(777, at=2))) == []
    assert sync.checked == 0


def test_checksums_of_changes_that_waited_are_compared_too():
    sync = BookSync(0)
    sync.on_diff(diff(after(), seq=12, prev=10))
    sync.on_diff(diff(GOOD, at=2, seq=13, prev=12))  # wrong
    out = sync.on_diff(snapshot(GOOD, at=3, seq=10))
    assert codes(out) == [RESYNCED, GAP, STALE]
    assert sync.needs_snapshot


def test_doubtful_rows_carry_no_checksum():
    sync = BookSync(0)
    sync.on_diff(diff(GOOD, seq=12, prev=10))
    out = sync.flush(T + 5)
    assert out[1:].view(LOB_LEVEL)["first_seq"].tolist() == [-1]


def test_a_fetched_snapshot_joins_by_number_and_is_refused_without_one():
    sync = BookSync(0)
    sync.on_diff(diff(seq=12, prev=10))
    assert len(sync.on_snapshot(snapshot())) == 0
    assert sync.old_snapshots == 1
    assert codes(sync.on_snapshot(snapshot(seq=11))) == [RESYNCED]
    assert not sync.needs_snapshot
    sync = BookSync(0)  # of a time without numbers
    assert codes(sync.on_snapshot(snapshot())) == [RESYNCED]


def test_numbers_may_begin_anew_in_the_middle():
    sync = BookSync(0)
    sync.on_diff(snapshot(seq=1000))
    for seq, prev in ((1001, 1000), (3, 1001), (4, 3), (4, 4)):
        assert codes(sync.on_diff(diff(seq=seq, prev=prev))) == []
    assert codes(sync.on_diff(diff(seq=9, prev=8))) == [GAP, STALE]
