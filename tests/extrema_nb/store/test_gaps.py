"""Sequence check of book rows: chains by forerunner, by number, after snapshots."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.events import Flag, empty_events
from extrema_nb.store import GapCheck
from extrema_nb.testing import book


def message(seq, first=-1, prev=-1, *, snapshot=False, ts=0):
    return book(
        [(100.0, 1.0), (99.0, 1.0)], [(101.0, 1.0)], ts, snapshot=snapshot,
        seq=seq, first_seq=first, prev_seq=prev,
    )  # fmt: skip


CHAIN = [message(9, 5, 4), message(12, 10, 9), message(20, 15, 12)]
CASES = {
    "named forerunners": (CHAIN, 0, 0),
    "a missing message": ([CHAIN[0], CHAIN[2]], 1, 0),
    "a repeated message": ([CHAIN[0], CHAIN[1], CHAIN[1], CHAIN[2]], 0, 1),
    "no forerunner, next number": ([message(3, 1), message(5, 4), message(6, 6)], 0, 0),
    "no forerunner, a number left out": ([message(3, 1), message(6, 5)], 1, 0),
    "no numbers at all": ([message(-1), message(-1)], 0, 0),
    "a snapshot mends": ([CHAIN[0], message(18, snapshot=True), CHAIN[2]], 0, 0),
    "a message too late for the snapshot": (
        [message(8, snapshot=True), message(20, 15, 12)], 1, 0,
    ),
    "a message that overlaps the snapshot": (
        [message(17, snapshot=True), message(20, 15, 12), message(25, 21, 20)], 0, 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("cut", [1, 2, 3, 100])
def test_gaps_are_found_however_rows_are_cut(name, cut):
    messages, gaps, duplicates = CASES[name]
    rows = np.concatenate(messages)
    check = GapCheck()
    for at in range(0, len(rows), cut):
        check.feed(rows[at : at + cut])
    check.feed(empty_events(0))
    assert (check.gap_count, check.duplicates, check.messages) == (gaps, duplicates, len(messages))


def test_a_gap_says_what_was_expected_and_what_came():
    check = GapCheck()
    check.feed(np.concatenate([CHAIN[0], message(20, 15, 12, ts=77)]))
    assert check.gaps == [(77, 9, 12)]


def test_only_the_first_gaps_are_kept_all_are_counted():
    check = GapCheck(keep=2)
    for i in range(5):
        check.feed(message(100 * i + 10, 100 * i + 5, 100 * i + 4))
    assert (len(check.gaps), check.gap_count) == (2, 4)


def test_snapshots_that_a_recorder_made_say_nothing_about_the_sequence():
    def check(own):
        check = GapCheck()
        check.feed(book([(1.0, 1.0)], [(2.0, 1.0)], seq=10, snapshot=True))
        check.feed(book([(1.0, 2.0)], [], seq=15, first_seq=11, prev_seq=10))
        if own:
            made = book([(1.0, 2.0)], [(2.0, 1.0)], seq=15, snapshot=True)
            made["flags"] |= Flag.SYNTHETIC
            check.feed(made)
        check.feed(book([(1.0, 3.0)], [], seq=30, first_seq=25, prev_seq=15))
        check.feed(book([(1.0, 4.0)], [], seq=40, first_seq=36, prev_seq=35))
        return check.gaps, check.messages, check.snapshots

    assert check(own=True) == check(own=False)
    assert [gap.found for gap in check(own=True)[0]] == [35]
