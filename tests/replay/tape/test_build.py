"""Tapes: rows that handlers want, forks with cursors of their own, books that grow."""

from __future__ import annotations

import numpy as np

from extrema_nb.books.layout import make_books
from extrema_nb.events import EVENT, EventKind, StatusCode, status_row
from extrema_nb.testing import bbo, book, rows, trade
from replay.tape.build import TapeMaker, blank_tape
from replay.tape.layout import TAPE_ARRAYS
from replay.tape.order import exchange_order
from tests.replay.exchange.scripted import T0, table


def tape_of(events):
    order = exchange_order(events, np.ones(len(events), np.bool_), 2)
    return TapeMaker(table().specs()).make(events, order, 0, len(events))


EVENTS = rows(
    book([(99.9, 1.0), (99.8, 1.0)], [(100.1, 1.0)], T0, snapshot=True),
    trade(100.0, 1.0, ts=T0 + 1),
    bbo(99.9, 1.0, 100.1, 1.0, ts=T0 + 2),
    status_row(StatusCode.STALE, T0 + 3, inst=0),
)


def test_rows_are_visited_where_a_handler_hears_them_or_the_local_side_needs_them():
    data = tape_of(EVENTS)
    assert data.visits([]).tolist() == [5]  # the status
    assert data.visits([EventKind.TRADE]).tolist() == [3, 5]
    assert data.visits([EventKind.BBO, EventKind.TRADE]).tolist() == [3, 4, 5]
    assert data.visits([EventKind.LOB]).tolist() == [2, 5]  # the last row of the message


def test_a_fork_moves_on_without_the_others():
    data = tape_of(EVENTS)
    first, keep = data.fork(data.visits([EventKind.TRADE]))
    second, keep_too = data.fork(data.visits([]))
    first.cursors[:] = 7
    assert second.cursors.tolist() == [0] * len(second.cursors)
    assert (len(first.visit), len(second.visit)) == (2, 1)
    assert first.market_ts.ctypes.data == second.market_ts.ctypes.data
    assert len(keep) == len(keep_too) == 4


def test_a_book_larger_than_its_tables_is_taken_in_whole(monkeypatch):
    def small(specs, memory, *, window=None):
        return make_books(specs, memory, window=window or 64, far=64)

    monkeypatch.setattr("replay.tape.build.make_books", small)
    bids = [((9_999 - 3 * i) / 10, 1.0 + i) for i in range(600)]
    events = rows(book(bids, [], T0, snapshot=True), book(bids[:1], [], T0 + 1, snapshot=True))
    data = tape_of(events)
    tape = data.tape
    for i in (0, 1, 77, 599):
        assert tape.resting_qty(0, 0, 9_999 - 3 * i, 600) == 1.0 + i
    assert tape.resting_qty(0, 0, 9_999 - 3, len(events)) == 0.0  # the second snapshot voids it


def test_an_empty_stretch_is_a_tape():
    data = tape_of(np.zeros(0, EVENT))
    assert data.local_rows == 0
    assert data.tape.touch_of(0, 0, 0) < 0


def test_a_blank_tape_is_the_tape_of_no_rows():
    made, blank = tape_of(np.zeros(0, EVENT)), blank_tape(2)
    for name in TAPE_ARRAYS:
        if not name.startswith("slot"):  # a table of another size, as empty
            assert getattr(blank.tape, name).tolist() == getattr(made.tape, name).tolist(), name
    assert blank.tape.slot_list.tolist() == [-1]
    assert blank.visits([EventKind.TRADE]).tolist() == made.visits([EventKind.TRADE]).tolist() == []
    assert (blank.local_rows, blank.sideless, blank.crossed, blank.untimed) == (0, 0, 0, 0)
    assert blank.tape.touch_of(1, 0, 0) == made.tape.touch_of(1, 0, 0)
    assert blank.tape.resting_qty(0, 1, 5, 0) == 0.0
