"""Rows from words and levels, and what stands against them."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.events import BBO, LOB_LEVEL, TRADE, EventKind, Flag
from extrema_nb.kernels.memory import CHAINED, FULL, SLOW, UNKNOWN
from extrema_nb.kernels.row_words import book_went_on, write_book, write_row
from extrema_nb.kernels.shapes import COUNT, FIRST_SEQ, FLAGS, LATER, PREV_SEQ, SEQ, SIDE, TIME
from tests.extrema_nb.kernels.test_frames import scanner_of

TRADES, BEST, BOOK, TOP = range(4)  # channels


def filled(channel, **words):
    owner = scanner_of(mode=CHAINED, last=7)
    scanner = owner._scanner
    scanner.words[:9] = scanner.channel_words[channel]
    places = {"seq": SEQ, "first": FIRST_SEQ, "prev": PREV_SEQ, "time": TIME, "later": LATER,
              "side": SIDE, "flags": FLAGS, "count": COUNT, "w2": 2}  # fmt: skip
    for name, value in words.items():
        scanner.words[places[name]] = value
    return owner, scanner


def test_a_trade_row_has_its_words():
    owner, scanner = filled(TRADES, time=5, later=4, side=-1, w2=9)
    scanner.floats[:2] = 1.5, 2.0
    assert write_row(scanner, TRADES, 2, 6, 0) == 1
    row = owner.out[:1].view(TRADE)[0]
    assert row.tolist() == (5, 6, 2, EventKind.TRADE, -1, Flag.LAST, 1.5, 2.0, 9, -1, -1)


def test_the_later_time_counts_where_there_is_no_other():
    owner, scanner = filled(TRADES, time=0, later=4)
    write_row(scanner, TRADES, 0, 6, 0)
    assert owner.out["ts_event"][0] == 4


def test_an_empty_best_price_is_absent():
    owner, scanner = filled(BEST)
    scanner.floats[:4] = 0.0, 5.0, 2.0, 0.0
    write_row(scanner, BEST, 0, 6, 0)
    row = owner.out[:1].view(BBO)[0]
    assert np.isnan(row.bid_price)
    assert (row.bid_qty, row.ask_price, row.ask_qty) == (0.0, 2.0, 0.0)


def test_no_instrument_no_row():
    _owner, scanner = filled(TRADES)
    assert write_row(scanner, TRADES, -1, 6, 0) == SLOW
    assert write_book(scanner, TOP, -1, 6, 0, 0, 0) == SLOW


def test_rows_that_do_not_fit_are_not_begun():
    owner, scanner = filled(BOOK, seq=9, prev=7)
    room = len(owner.out)
    assert write_row(scanner, TRADES, 0, 6, room) == FULL
    assert write_book(scanner, TOP, 0, 6, room - 2, 1, 1) == FULL
    assert write_book(scanner, BOOK, 0, 6, room - 2, 1, 1) == FULL
    assert owner.last_seq[0] == 7
    assert write_book(scanner, BOOK, 0, 6, room - 3, 1, 1) == room - 1


def test_a_snapshot_begins_and_ends():
    owner, scanner = filled(TOP, seq=3)
    scanner.levels[0, 0], scanner.levels[1, 0] = (2.0, 1.0), (3.0, 4.0)
    assert write_book(scanner, TOP, 1, 6, 0, 1, 1) == 2
    rows = owner.out[:2].view(LOB_LEVEL)
    partial = Flag.SNAPSHOT | Flag.PARTIAL
    assert rows["flags"].tolist() == [partial | Flag.START, partial | Flag.LAST]
    assert rows["side"].tolist() == [1, -1]
    assert rows["price"].tolist() == [2.0, 3.0]


def test_a_message_without_levels_is_one_row():
    owner, scanner = filled(BOOK, seq=9, prev=7)
    assert write_book(scanner, BOOK, 0, 6, 0, 0, 0) == 1
    row = owner.out[:1].view(LOB_LEVEL)[0]
    assert np.isnan(row.price)
    assert (row.side, row.qty, row.flags) == (0, 0.0, Flag.LAST)


@pytest.mark.parametrize(
    ("mode", "words"),
    [(UNKNOWN, {"prev": 7}), (CHAINED, {"prev": 8}), (CHAINED, {"prev": 7, "first": 10}),
     (CHAINED, {"prev": 7, "flags": Flag.SNAPSHOT})],
)  # fmt: skip
def test_what_is_out_of_sequence_is_left_to_the_book(mode, words):
    owner, scanner = filled(BOOK, seq=9, **words)
    owner.modes[:] = mode
    assert write_book(scanner, BOOK, 0, 6, 0, 0, 0) == SLOW
    assert owner.last_seq[0] == 7


def test_a_book_goes_on_when_its_frame_is_at_its_end():
    owner, scanner = filled(BOOK, seq=9, prev=7)
    write_book(scanner, BOOK, 0, 6, 0, 0, 0)
    assert owner.last_seq[0] == 7
    book_went_on(scanner, BOOK, 0)
    assert owner.last_seq[0] == 9
    book_went_on(scanner, TOP, 1)  # no order to keep
    assert owner.last_seq[1] == 7
