"""The scanner's memory: rooms that grow, symbols that come later."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.events import empty_events
from extrema_nb.kernels.burst import LEVELS, BurstScanner
from extrema_nb.kernels.memory import CHAINED
from tests.extrema_nb.kernels.test_frames import (
    BOOK_ONE,
    TABLES,
    TRADE_ONE,
    example,
    raw_of,
    scan,
    scanner_of,
)


@pytest.mark.slow
def test_more_rows_than_there_is_room_for_make_room():
    scanner = scanner_of()
    before = len(scanner.out)
    raw = raw_of(example("trades", [TRADE_ONE] * 50))
    rows, taken = scan(scanner, *[raw] * (before // 50 + 2))
    assert taken == before // 50 + 2
    assert len(rows) == taken * 50 > before
    assert set(rows.view("f8").reshape(-1, 8)[:, 3]) == {1.5}


@pytest.mark.slow
def test_a_book_of_any_size_is_taken():
    bids = [[f"{price}", "1"] for price in range(1, 3 * LEVELS)]
    rows, taken = scan(scanner_of(), raw_of(example("book", [{**BOOK_ONE, "bids": bids}])))
    assert taken == 1
    assert len(rows) == 3 * LEVELS


def test_symbols_that_come_later_leave_books_as_they_are():
    scanner = scanner_of(mode=CHAINED, last=7)
    frame = raw_of(example("book", [BOOK_ONE], "LATE"))
    assert scan(scanner, frame)[1] == 0
    scanner.name_symbols([("BTC-USDT", 0), ("LATE", 5)])
    assert scanner.modes.tolist() == [CHAINED] * 3 + [0] * 3
    scanner.modes[5], scanner.last_seq[5] = CHAINED, 7
    assert scan(scanner, frame)[1] == 1
    assert scanner.last_seq.tolist() == [7, 7, 7, 0, 0, 9]


def test_many_symbols_are_told_apart():
    symbols = [(f"S{i}-USDT", i) for i in range(500)]
    scanner = BurstScanner(TABLES, symbols)
    frames = [raw_of(example("trades", [TRADE_ONE], symbol)) for symbol, _ in symbols[::50]]
    rows, taken = scan(scanner, *frames)
    assert taken == 10
    assert rows["inst"].tolist() == [inst for _, inst in symbols[::50]]
    assert scan(scanner, raw_of(example("trades", [TRADE_ONE], "S500-USDT")))[1] == 0


def test_rows_from_elsewhere_are_put_in_between():
    scanner = scanner_of()
    rows = empty_events(len(scanner.out) + 1)
    rows["inst"] = 3
    assert scanner.insert(rows[:2], 0) == 2
    assert scanner.insert(rows, 2) == 3 + len(rows) - 1
    assert (scanner.out["inst"][: 2 + len(rows)] == 3).all()


def test_numbers_of_connections_are_handed_back_as_far_as_they_were():
    scanner = scanner_of()
    scanner.open_lines({f"c{n}": (n << 40, n, 0, 9) for n in range(20)})  # the last 16 of them
    scanner.lines[0, 1] += 5
    lines = scanner.close_lines()
    assert list(lines) == [f"c{n}" for n in range(4, 20)]
    assert lines["c4"] == (9, 9)
    assert lines["c5"] == (5, 9)
    assert scanner.close_lines() == {}


def test_an_empty_burst_is_done():
    scanner = scanner_of()
    none = np.zeros(0, np.int64)
    scanner.load(np.zeros(0, np.uint8), none, none, none)
    assert scanner.run(0, 0) == (0, 0, True)


@pytest.mark.parametrize("behind", [0, 1, 15, 16, 40])
def test_what_stands_behind_the_last_frame_does_not_matter(behind):
    frames = [raw_of(example("trades", [{**TRADE_ONE, "id": n}])) for n in range(3)]
    text = np.frombuffer(b"".join(frames) + b"7" * behind, np.uint8)
    ends = np.cumsum([len(frame) for frame in frames])
    starts = ends - [len(frame) for frame in frames]
    scanner = scanner_of()
    for first in (0, 2, 0):  # parts of one buffer, and the same part again
        scanner.load(text, starts[first:], ends[first:], np.arange(3 - first))
        number, n, done = scanner.run(0, 0)
        assert (number, n, done) == (3 - first, 3 - first, True)
        assert scanner.out.view("i8").reshape(-1, 8)[:n, 5].tolist() == [0, 1, 2][first:]
