"""Rows from words and levels, and what stands against them."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb import jit
from extrema_nb.events import BBO, LOB_LEVEL, TRADE, EventKind, Flag
from extrema_nb.kernels.burst import BurstScanner
from extrema_nb.kernels.memory import CHAINED, FLOOR, FULL, HIGH, SLOW, STAMP, UNKNOWN
from extrema_nb.kernels.row_words import (
    book_went_on,
    line_went_on,
    next_number,
    write_book,
    write_row,
)
from extrema_nb.kernels.shapes import (
    COUNT,
    FIRST_SEQ,
    FLAGS,
    LATER,
    NUMBER,
    PREV_SEQ,
    SEQ,
    SIDE,
    TIME,
    Chain,
    Channel,
    Guard,
    Key,
    Node,
    Op,
    Shapes,
    layout,
)
from tests.extrema_nb.kernels.test_frames import scanner_of

TRADES, BEST, BOOK, TOP = range(4)  # channels
NUMBERED_BOOK, NUMBERED_BEST = range(2)
NUMBERED = layout(
    Shapes(
        "somewhere",
        Node((Key("ch", Op.CHANNEL), Key("data", Op.DATA))),
        (
            Channel(
                "book",
                EventKind.LOB,
                0,
                Node(()),
                chain=Chain.NUMBER,
                guard=Guard.NUMBERED | Guard.STAMPED,
            ),
            Channel("best", EventKind.BBO, 1, Node(()), guard=Guard.NUMBERED | Guard.STAMPED),
            Channel("plain", EventKind.LOB, 2, Node(()), chain=Chain.KNOWN),
        ),
    )
)


@jit.kernel
def is_next(scanner):
    return next_number(scanner, Guard.NUMBERED | Guard.STAMPED)


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


def numbered(number, *, high=4, is_open=1, later=99):
    owner = BurstScanner(NUMBERED, [("A", 0)])
    scanner = owner._scanner
    scanner.words[:9] = scanner.channel_words[NUMBERED_BOOK]
    owner.line[:] = 1 << 40, high, 0, 5, is_open
    owner.modes[:], owner.last_seq[:] = CHAINED, (1 << 40) + 2
    scanner.words[NUMBER], scanner.words[LATER] = number, later
    return owner, scanner


def test_a_numbered_message_links_to_the_one_before_of_its_book():
    owner, scanner = numbered(5)
    assert is_next(scanner)
    assert write_book(scanner, NUMBERED_BOOK, 0, 6, 0, 0, 0) == 1
    row = owner.out[:1].view(LOB_LEVEL)[0]
    base = 1 << 40
    assert (row.seq, row.first_seq, row.prev_seq) == (base + 5, base + 3, base + 2)
    line_went_on(scanner)
    book_went_on(scanner, NUMBERED_BOOK, 0)
    assert (owner.line[HIGH], owner.line[STAMP], owner.last_seq[0]) == (5, 99, base + 5)


@pytest.mark.parametrize(
    "message",
    [{"number": 6}, {"number": 4}, {"number": 5, "is_open": 0}, {"number": 5, "later": 0}],
)
def test_a_message_without_the_next_number_is_left_to_others(message):
    _owner, scanner = numbered(**message)
    assert not is_next(scanner)
    assert write_book(scanner, NUMBERED_BOOK, 0, 6, 0, 0, 0) == SLOW
    assert write_row(scanner, NUMBERED_BEST, 0, 6, 0) == SLOW


def test_a_book_that_may_not_link_is_left_to_its_state_machine():
    for spoil in ("floor", "mode"):
        owner, scanner = numbered(5)
        if spoil == "floor":
            owner.line[FLOOR] = (1 << 40) + 3
        else:
            owner.modes[:] = UNKNOWN
        assert write_book(scanner, NUMBERED_BOOK, 0, 6, 0, 0, 0) == SLOW


def test_best_prices_carry_the_number():
    owner, scanner = numbered(5)
    assert write_row(scanner, NUMBERED_BEST, 0, 6, 0) == 1
    assert owner.out[:1].view(BBO)["seq"][0] == (1 << 40) + 5


def test_a_book_without_numbers_passes_once_it_is_known():
    owner, scanner = numbered(5)
    kind = 2
    scanner.words[:9] = scanner.channel_words[kind]
    assert write_book(scanner, kind, 0, 6, 0, 0, 0) == 1
    book_went_on(scanner, kind, 0)
    assert owner.last_seq[0] == (1 << 40) + 2
    assert owner.out[:1].view(LOB_LEVEL)["seq"][0] == -1
    owner.modes[:] = UNKNOWN
    assert write_book(scanner, kind, 0, 6, 0, 0, 0) == SLOW
