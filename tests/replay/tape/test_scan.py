"""What a tape says of the market is what a book would have said, at every position."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.books.l2 import ASK, BID
from extrema_nb.events import LOB_LEVEL, TRADE, EventKind, Flag
from replay.tape.build import TapeMaker
from replay.tape.layout import K_LEVEL, K_PRINT, K_TRADE
from replay.tape.order import exchange_order
from tests.naive.l2 import NaiveBook, to_tick
from tests.replay.exchange.scripted import market_rows, table
from tests.small_books import examples


def tape_of(events):
    order = exchange_order(events, np.ones(len(events), np.bool_), 2)
    return TapeMaker(table().specs()).make(events, order, 0, len(events)), events[order]


def step(book, row):
    level = np.array([row]).view(LOB_LEVEL)[0]
    side = None if row["side"] == 0 else BID if row["side"] > 0 else ASK
    tick = 0 if side is None else to_tick(float(level["price"]), "0.1")
    book.row(int(row["flags"]), side, tick, float(level["qty"]))


@settings(max_examples=examples(60))
@given(market_rows(most=20))
def test_touch_and_quantities_at_every_position_are_those_of_the_naive_book(events):
    data, market = tape_of(events)
    tape = data.tape
    books = [NaiveBook(0.25), NaiveBook(0.25)]
    for position in range(len(market) + 1):
        for inst, book in enumerate(books):
            assert tape.touch_of(inst, BID, position) == book.best[BID]
            assert tape.touch_of(inst, ASK, position) == book.best[ASK]
            for side in (BID, ASK):
                for tick in (998, 999, 1000, 1001, 1002, 1005):
                    found = tape.resting_qty(inst, side, tick, position)
                    assert found == book.quantity(side, tick)
                worse = book.below(BID, 1000) if side == BID else book.above(ASK, 1000)
                assert tape.next_level(inst, side, 1000, position) == worse
        if position < len(market) and market[position]["kind"] == EventKind.LOB:
            step(books[market[position]["inst"]], market[position])


@settings(max_examples=examples(60))
@given(market_rows(most=20))
def test_deeds_are_the_trades_and_the_rows_that_improve_a_best_price(events):
    data, market = tape_of(events)
    books = [NaiveBook(0.25), NaiveBook(0.25)]
    expected = []
    sideless = 0
    for position, row in enumerate(market):
        inst = int(row["inst"])
        book = books[inst]
        if row["kind"] == EventKind.LOB:
            bid, ask = book.best
            step(book, row)
            if book.best[BID] > bid:
                expected.append((position, K_LEVEL, 1, book.best[BID]))
            elif book.best[ASK] < ask:
                expected.append((position, K_LEVEL, -1, book.best[ASK]))
        elif row["side"] == 0:
            sideless += 1
        else:
            tick = to_tick(float(np.array([row]).view(TRADE)["price"][0]), "0.1")
            side = -int(row["side"])
            inside = tick < book.best[ASK] if side > 0 else tick > book.best[BID]
            expected.append((position, K_TRADE if inside else K_PRINT, side, tick))
    deeds = data.tape.deed
    found = zip(data.tape.deed_at, deeds["kind"], deeds["side"], deeds["tick"], strict=True)
    assert [tuple(int(x) for x in deed) for deed in found] == expected
    assert data.sideless == sideless


@settings(max_examples=examples(30))
@given(market_rows(most=20), st.integers(0, 40))
def test_the_second_tape_of_a_source_knows_the_book_that_the_first_left(events, cut):
    cut = min(cut, len(events))
    order = exchange_order(events, np.ones(len(events), np.bool_), 2)
    maker = TapeMaker(table().specs())
    maker.make(events, order[:cut], 0, cut)
    rest = maker.make(events, order[cut:], cut, len(events))
    at_once = TapeMaker(table().specs()).make(events, order, 0, len(events))
    second, whole = rest.tape, at_once.tape
    for inst in range(2):
        for side in (BID, ASK):
            for position in range(len(order) - cut + 1):
                assert second.touch_of(inst, side, position) == whole.touch_of(
                    inst, side, position + cut
                )
                for tick in (998, 1000, 1001):
                    assert second.resting_qty(inst, side, tick, position) == whole.resting_qty(
                        inst, side, tick, position + cut
                    )


def test_crossed_messages_are_counted_once():
    flags = Flag.LAST
    events = np.zeros(2, LOB_LEVEL)
    events["kind"], events["flags"], events["qty"] = EventKind.LOB, flags, 1.0
    events["side"], events["price"] = [-1, 1], [100.0, 100.1]
    data, _ = tape_of(events.view(np.ndarray))
    assert data.crossed == 1
