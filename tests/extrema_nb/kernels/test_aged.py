"""Books whose levels have an age, against dictionaries."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import EventKind, Flag, empty_events
from extrema_nb.kernels.aged import COUNTS, accept, book_aged, new_block, put
from extrema_nb.kernels.burst import BurstScanner
from extrema_nb.kernels.memory import FULL, SLOW
from extrema_nb.kernels.shapes import layout
from extrema_nb.venues.dydx.shapes import SHAPES
from tests.naive.aged import AgedBook, sides_of

PRICES, QTYS = st.integers(95, 105).map(float), st.sampled_from([0.0, 0.0, 1.0, 2.0, 0.3, 0.1])
LEVELS = st.lists(st.tuples(st.sampled_from([1, -1]), PRICES, QTYS, st.integers(0, 9)), max_size=8)


class Book:
    """A block, and rows for its messages."""

    def __init__(self, room=64):
        self.block, self.rows = new_block(room), empty_events(400)

    def message(self, levels, seq, flags=0):
        """Take (side, price, qty, age); return the rows."""
        rows = self.rows[: len(levels)]
        rows["ts_event"], rows["ts_recv"], rows["inst"], rows["kind"] = 5, 6, 3, EventKind.LOB
        rows["flags"], words = flags & ~Flag.START, self.rows.view(np.int64).reshape(-1, 8)
        floats = self.rows.view(np.float64).reshape(-1, 8)
        for n, (side, price, qty, age) in enumerate(levels):
            rows["side"][n] = side
            floats[n, 3:5] = price, qty
            words[n, 5:8] = seq, age, -1
        rows["flags"][:1] = flags
        end = accept(int(self.block.ctypes.data), words, floats, 0, len(levels))
        return self.rows[:end].copy()

    def sides(self):
        return sides_of(self.block)


def told(rows):
    values = rows.view(np.float64).reshape(-1, 8)
    return list(
        zip(rows["side"].tolist(), values[:, 3].tolist(), values[:, 4].tolist(), strict=True)
    )


@given(st.lists(st.tuples(LEVELS.filter(len), st.booleans()), max_size=25))
def test_messages_are_taken_as_by_dictionaries(messages):
    book, twin, published = Book(), AgedBook(), -1
    for number, (levels, own_age) in enumerate(messages, 10):
        message = [(s, p, q, number if own_age else age) for s, p, q, age in levels]
        rows = book.message(message, number)
        kept, fixes = twin.message(message, number)
        expected = kept + [(side, price, qty) for (side, price), qty in fixes.items()]
        assert told(rows) == expected
        assert book.sides() == twin.sides
        if not len(rows):
            continue
        flags = [0] * len(kept) + [int(Flag.SYNTHETIC)] * len(fixes)
        flags[-1] |= Flag.LAST
        assert rows["flags"].tolist() == flags
        words = rows.view(np.int64).reshape(-1, 8)
        assert set(words[:, 5]) == {number}
        assert set(words[:, 7]) == {published}
        assert set(words[:, 6]) == {number if published < 0 else published + 1}
        assert set(map(tuple, words[:, :2])) == {(5, 6)}
        published = number


def test_a_snapshot_forgets_what_was_before():
    book = Book()
    book.message([(1, 9.0, 1.0, 7), (-1, 11.0, 1.0, 7)], 7)
    rows = book.message([(1, 8.0, 1.0, 3), (-1, 12.0, 2.0, 3)], 3, Flag.START | Flag.SNAPSHOT)
    assert book.sides() == {1: {8.0: (1.0, 3)}, -1: {12.0: (2.0, 3)}}
    assert rows["flags"].tolist() == [Flag.START | Flag.SNAPSHOT, Flag.SNAPSHOT | Flag.LAST]
    assert rows.view(np.int64).reshape(-1, 8)[:, 7].tolist() == [-1, -1]


def test_a_level_is_set_moved_and_removed():
    block = new_block(8)
    for price in (5.0, 7.0, 6.0):
        assert put(block, block.view(np.float64), 0, price, 1.0, 1, 1)
    assert put(block, block.view(np.float64), 0, 7.0, 0.0, 2, 9)
    assert not put(block, block.view(np.float64), 0, 7.0, 1.0, 1, 9)
    assert block[1, 0] == 1  # 6 is the best now
    assert put(block, block.view(np.float64), 0, 6.0, 0.0, 2, 2)
    assert block[COUNTS, 0] == 2
    assert block[1, 0] == 0


def test_a_larger_block_keeps_the_levels():
    book = Book(2)
    book.message([(1, 8.0, 1.0, 3), (-1, 12.0, 2.0, 3), (-1, 13.0, 2.0, 3)], 3)
    before = book.sides()
    book.block = new_block(5, book.block)
    assert book.sides() == before
    assert book.block[COUNTS].tolist() == [1, 2, 5]


def scanner_with(block, rows):
    """Return (owner, scanner) with a book and rows that it has written."""
    owner = BurstScanner(layout(SHAPES), [("A", 0)])
    owner.aged[0] = 0 if block is None else block.ctypes.data
    out = owner.out[:rows]
    out["side"], out["kind"] = 1, EventKind.LOB
    out.view(np.float64).reshape(-1, 8)[:, 3:5] = 5.0, 1.0
    return owner, owner._scanner


def test_the_scanner_asks_for_what_it_has_no_room_for():
    block = new_block(8)
    _owner, scanner = scanner_with(None, 3)
    assert book_aged(scanner, 0, 0, 3) == SLOW
    _owner, scanner = scanner_with(block, 9)
    assert book_aged(scanner, 0, 0, 9) == SLOW
    owner, scanner = scanner_with(block, 8)
    assert book_aged(scanner, 0, len(owner.out) - 8, len(owner.out)) == FULL
    assert not block[COUNTS, 0]
    assert book_aged(scanner, 0, 0, 8) == 8
    assert block[COUNTS, 0] == 1
