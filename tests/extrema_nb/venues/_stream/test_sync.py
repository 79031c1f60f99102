"""Books whose snapshot comes in the stream: every fault is said and healed by a snapshot."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.events import STATUS, EventKind, Flag, StatusCode, empty_events
from extrema_nb.pack import SNAPSHOT, Out, write_levels
from extrema_nb.venues._stream.sync import StreamSync


def message(seq, prev=-1, *, snapshot=False, price=100.0):
    out = Out(empty_events(2))
    flags = SNAPSHOT if snapshot else 0
    ids = seq, seq, prev
    write_levels(out, 0, [(price, 1.0)], [(price + 1, 1.0)], (seq, 1000 + seq, 0), ids, flags)
    return out.rows


def codes(rows):
    return [int(r.code) for r in rows[rows["kind"] == EventKind.STATUS].view(STATUS)]


def levels(rows):
    return rows[rows["kind"] == EventKind.LOB]


def synced(seq=5):
    sync = StreamSync(3, task_id=9)
    sync.on_diff(message(seq, snapshot=True))
    return sync


def test_a_snapshot_begins_the_book_and_resynced_follows():
    sync = StreamSync(3, task_id=9)
    assert sync.needs_snapshot
    rows = sync.on_diff(message(5, snapshot=True))
    assert codes(rows) == [StatusCode.RESYNCED]
    assert rows["kind"][-1] == EventKind.STATUS
    assert (rows["inst"][-1], rows[-1:].view(STATUS)["task"][0]) == (3, 9)
    assert not sync.needs_snapshot
    assert sync.resyncs == 1


def test_messages_in_sequence_pass_as_they_are():
    sync = synced()
    rows = message(6, 5)
    assert sync.on_diff(rows) is rows
    assert len(codes(sync.on_diff(message(9, 6)))) == 0


def test_what_comes_before_a_snapshot_leaves_at_once_and_is_marked():
    sync = StreamSync(3)
    rows = sync.on_diff(message(6, 5))
    assert codes(rows) == [StatusCode.STALE]
    assert (levels(rows)["flags"] & Flag.STALE).all()
    assert codes(sync.on_diff(message(7, 6))) == []  # said once


def test_a_gap_is_said_and_healed_by_the_next_snapshot():
    sync = synced()
    rows = sync.on_diff(message(9, 8))
    assert codes(rows) == [StatusCode.GAP, StatusCode.STALE]
    gap = rows[:1].view(STATUS)[0]
    assert (gap.expected, gap.found) == (5, 8)
    assert (levels(rows)["flags"] & Flag.STALE).all()
    assert sync.needs_snapshot
    assert (sync.gaps, codes(sync.on_diff(message(12, snapshot=True)))) == (
        1,
        [StatusCode.RESYNCED],
    )
    assert codes(sync.on_diff(message(13, 12))) == []


def test_a_broken_link_is_a_gap_that_names_the_message():
    sync = synced()
    rows = sync.on_diff(message(9, -1))
    assert codes(rows)[0] == StatusCode.GAP
    assert rows[:1].view(STATUS)[0].found == 9


def test_a_message_seen_before_is_dropped_and_said():
    sync = synced()
    sync.on_diff(message(6, 5))
    for seq, prev in ((6, 5), (5, -1)):
        rows = sync.on_diff(message(seq, prev))
        assert codes(rows) == [StatusCode.DUPLICATE]
        assert not len(levels(rows))
    assert codes(sync.on_diff(message(6, snapshot=True))) == [StatusCode.DUPLICATE]
    assert sync.duplicates == 3
    assert codes(sync.on_diff(message(7, 6))) == []


def test_a_snapshot_below_what_has_left_is_refused():
    sync = StreamSync(3)
    sync.on_diff(message(6, 5))
    assert not len(sync.on_diff(message(5, snapshot=True)))
    assert (sync.needs_snapshot, sync.superseded) == (True, 1)
    assert codes(sync.on_diff(message(8, snapshot=True))) == [StatusCode.RESYNCED]


def test_a_fresh_snapshot_of_a_good_book_replaces_it_without_a_word():
    sync = synced()
    assert codes(sync.on_diff(message(8, snapshot=True))) == []
    assert codes(sync.on_diff(message(9, 8))) == []
    assert sync.resyncs == 1


def test_the_end_of_the_connection_makes_a_good_book_stale_once():
    sync = synced()
    assert codes(sync.on_disconnect(7)) == [StatusCode.STALE]
    assert not len(sync.on_disconnect(8))
    assert not len(sync.flush(9))
    assert codes(sync.on_diff(message(1 << 40, snapshot=True))) == [StatusCode.RESYNCED]


def test_messages_without_numbers_pass_once_there_is_a_snapshot():
    sync = StreamSync(3)
    assert codes(sync.on_diff(message(-1))) == [StatusCode.STALE]
    assert codes(sync.on_snapshot(message(-1, snapshot=True))) == [StatusCode.RESYNCED]
    assert codes(sync.on_diff(message(-1))) == []
    assert sync.gaps == sync.duplicates == 0


@pytest.mark.parametrize("fault", ["deleted", "repeated", "swapped"])
@pytest.mark.parametrize("at", range(1, 8))
def test_every_fault_of_a_sequence_is_said(fault, at):
    chain = [message(5, snapshot=True)] + [message(n, n - 1) for n in range(6, 15)]
    order = list(range(10))
    if fault == "deleted":
        del order[at]
    elif fault == "repeated":
        order.insert(at, at)
    else:
        order[at], order[at + 1] = order[at + 1], order[at]
    sync = StreamSync(0)
    said = np.concatenate([sync.on_diff(chain[i].copy()) for i in order])
    expected = StatusCode.DUPLICATE if fault == "repeated" else StatusCode.GAP
    assert expected in codes(said)
    assert sync.needs_snapshot == (fault != "repeated")
