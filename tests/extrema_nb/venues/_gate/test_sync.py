"""The venue's splice: its published rule against the state machine, over every position."""

from __future__ import annotations

import pytest

from extrema_nb.events import LOB_LEVEL, EventKind, StatusCode
from extrema_nb.testing import book
from extrema_nb.venues._gate.sync import BookSync
from tests.extrema_nb.venues.captured import codes

T = 1_700_000_000_000_000


def change(first, last, at=0):
    return book([(100.0, 1.0)], [], T + at, seq=last, first_seq=first)


def snapshot(number, at=0):
    return book([(99.0, 1.0)], [(101.0, 1.0)], T + at, snapshot=True, seq=number)


def seqs(rows):
    return rows[rows["kind"] == EventKind.LOB].view(LOB_LEVEL)["seq"].tolist()


@pytest.mark.parametrize("number", range(8, 22))
def test_a_fetched_snapshot_joins_as_the_venue_says(number):
    """Drop u < id + 1; the first to be applied has U <= id + 1 <= u."""
    waiting = [(10, 12), (13, 13), (14, 19)]
    sync = BookSync(0)
    for first, last in waiting:
        sync.on_diff(change(first, last))
    out = sync.on_snapshot(snapshot(number))
    kept = [(first, last) for first, last in waiting if last >= number + 1]
    joins = not kept or kept[0][0] <= number + 1
    assert sync.needs_snapshot == (not joins)
    if joins:
        assert seqs(out) == [number, number, *(last for _, last in kept)]
        assert codes(out) == [StatusCode.RESYNCED]
    else:
        assert len(out) == 0


def test_a_missing_update_is_a_gap_and_a_full_push_mends_it():
    sync = BookSync(0)
    sync.on_diff(snapshot(10))
    assert seqs(sync.on_diff(change(11, 15))) == [15]
    out = sync.on_diff(change(17, 18))
    assert codes(out) == [StatusCode.GAP, StatusCode.STALE]
    assert sync.needs_snapshot
    assert seqs(sync.on_diff(snapshot(18))) == [18, 18]
    assert not sync.needs_snapshot
    assert seqs(sync.on_diff(change(19, 19))) == [19]
