"""Snapshots of our own: the book as a plain dict would have it, and only when it is whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.events import BUY, LOB_LEVEL, SELL, Flag, StatusCode, empty_events, status_row
from extrema_nb.testing import book, instrument_table, trade
from extrema_nb.testing import rows as joined
from recorders import levels as module
from recorders.books import Books

SECOND = 1_000_000


def after(events, now=100 * SECOND, **options):
    """Return the snapshots after `events`, each fed alone."""
    books = Books(instrument_table(), options.pop("every_s", 1.0))
    for rows in events:
        books.feed(rows)
        books.snapshots(int(rows["ts_recv"][-1]))
    return books.snapshots(now)


def levels(rows):
    view = rows.view(LOB_LEVEL)
    return [(int(r.side), float(r.price), float(r.qty)) for r in view]


START = book([(99.0, 1.0), (98.0, 2.0)], [(101.0, 3.0), (102.0, 4.0)], ts=1, snapshot=True, seq=7)


def test_a_snapshot_is_the_book_best_first_under_the_last_number():
    got = after([START, book([(99.5, 5.0), (98.0, 0.0)], [], ts=2, seq=9, first_seq=8, prev_seq=7)])
    assert levels(got) == [
        (BUY, 99.5, 5.0),
        (BUY, 99.0, 1.0),
        (SELL, 101.0, 3.0),
        (SELL, 102.0, 4.0),
    ]
    view = got.view(LOB_LEVEL)
    assert (set(view["seq"]), set(view["first_seq"]), set(view["prev_seq"])) == ({9}, {-1}, {-1})
    assert (set(view["ts_recv"]), set(view["ts_event"])) == ({100 * SECOND}, {2})
    base = Flag.SNAPSHOT | Flag.SYNTHETIC
    assert got["flags"].tolist() == [base | Flag.START, base, base, base | Flag.LAST]


changes = st.lists(
    st.tuples(
        st.sampled_from(["change", "snapshot", "stale", "status"]),
        st.lists(
            st.tuples(st.sampled_from([BUY, SELL]), st.integers(1, 20), st.integers(0, 3)),
            max_size=6,
        ),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(steps=changes, first=st.sampled_from([2, 8, 256]), whole=st.booleans())
def test_it_is_what_a_dict_would_hold(steps, first, whole):
    module.FIRST = first
    events, known, begun = [], {}, False
    for ts, (what, rows) in enumerate(steps, 1):
        bids = [(float(p), float(q)) for s, p, q in rows if s == BUY]
        asks = [(float(30 + p), float(q)) for s, p, q in rows if s == SELL]
        if what == "status":
            events.append(status_row(StatusCode.STALE, ts, inst=0))
            begun = False
            continue
        message = book(bids, asks, ts=ts, snapshot=what == "snapshot")
        if what == "stale":
            message["flags"] |= Flag.STALE
            begun = False
        if what == "snapshot":
            known, begun = {}, True
        for side, part in ((BUY, bids), (SELL, asks)):
            for price, qty in part:
                known[side, price] = qty
        events.append(message)
    known = {key: qty for key, qty in known.items() if qty > 0}
    if whole and events:
        events = [np.concatenate(events)]
    got = _last(events)
    sides = {side for side, _ in known}
    if begun and sides == {BUY, SELL}:
        assert {(s, p): q for s, p, q in levels(got)} == known
    else:
        assert got.size == 0


def _last(events):
    books = Books(instrument_table(), 1.0)
    for rows in events:
        books.feed(rows)
    books.snapshots(0)
    return books.snapshots(10 * SECOND)


@pytest.fixture(autouse=True)
def first_places():
    before = module.FIRST
    yield
    module.FIRST = before


@pytest.mark.parametrize(
    "doubt",
    [
        status_row(StatusCode.STALE, 2, inst=0),
        status_row(StatusCode.GAP, 2, inst=0),
        status_row(StatusCode.LAGGED, 2, count=5),
        book([(99.5, 1.0)], [], ts=2, flags=Flag.STALE),
    ],
)
def test_a_book_in_doubt_gets_none_until_the_venue_sends_one(doubt):
    change = book([(99.6, 1.0)], [], ts=3)
    assert after([START, doubt, change]).size == 0
    again = book([(90.0, 1.0)], [(91.0, 1.0)], ts=4, snapshot=True)
    assert levels(after([START, doubt, change, again])) == [(BUY, 90.0, 1.0), (SELL, 91.0, 1.0)]


@pytest.mark.parametrize(
    "events",
    [
        [book([(99.0, 1.0)], [(101.0, 1.0)], ts=1)],  # never began
        [START, book([(101.0, 1.0)], [], ts=2)],  # crossed
        [START, book([(-1.0, 1.0)], [], ts=2)],  # of a spread
        [book([(99.0, 1.0)], [], ts=1, snapshot=True)],  # one side only
        [START, book([(99.0, 1.0)], [(101.0, 1.0)], ts=2, snapshot=True, flags=Flag.PARTIAL)],
        [trade(1.0, 1.0, ts=1)],
        [START, status_row(StatusCode.STALE, 2, inst=0)],
    ],
)
def test_no_snapshot_is_made_of_what_is_not_whole(events):
    assert after(events).size == 0


def test_what_concerns_another_book_disturbs_none():
    other = status_row(StatusCode.STALE, 2, inst=1)
    gone = joined(
        status_row(StatusCode.DISCONNECTED, 2, count=1), status_row(StatusCode.GAP, 2, count=1)
    )
    assert after([START, other, gone, status_row(StatusCode.CLOCK, 2, found=1)]).size == 4


def test_a_quantity_below_half_a_lot_is_no_level():
    assert len(after([START, book([(98.0, 0.0004)], [], ts=2)])) == 3


def test_they_come_at_their_interval_and_not_all_at_once():
    books, due = Books(instrument_table(), 10.0), {}
    for inst in (0, 1):
        rows = book([(99.0, 1.0)], [(101.0, 1.0)], ts=0, snapshot=True, inst=inst)
        books.feed(rows)
    for second in range(40):
        for inst in books.snapshots(second * SECOND)["inst"].tolist()[::2]:
            due.setdefault(inst, []).append(second)
    assert all(np.diff(times).tolist() == [10] * (len(times) - 1) for times in due.values())
    assert due[0][0] != due[1][0]
    assert books.taken == sum(map(len, due.values()))


def test_without_an_interval_nothing_is_kept():
    books = Books(instrument_table(), 0.0)
    books.feed(START)
    assert books.snapshots(100 * SECOND).size == 0
    assert empty_events(0).tobytes() == books.snapshots(0).tobytes()
