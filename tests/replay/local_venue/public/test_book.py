"""A book of texts."""

from __future__ import annotations

from replay.local_venue.public.book import Change, TextBook


def test_levels_are_set_removed_and_voided_by_a_snapshot():
    book = TextBook("A")
    book.take(Change("A", 5, 1, [("10.0", "1"), ("9.5", "2")], [("10.50", "3")], whole=True))
    book.take(Change("A", 6, 2, [("10.0", "0"), ("9.75", "4")], []))
    assert book.top(5) == ([("9.75", "4"), ("9.5", "2")], [("10.50", "3")])
    assert (book.seq, book.ts, book.known) == (6, 2, True)
    book.take(Change("A", 6, 3, [("1", "1")], []))  # seen before
    book.take(Change("A", 4, 3, [("1", "1")], [], whole=True))  # older than what is known
    assert book.top(1) == ([("9.75", "4")], [("10.50", "3")])
    book.take(Change("A", 9, 4, [("8", "1")], [], whole=True))
    assert book.top(5) == ([("8", "1")], [])


def test_a_book_without_a_sequence_takes_everything():
    book = TextBook("A")
    for price in ("1", "2"):
        book.take(Change("A", -1, 0, [(price, "1")], [], whole=True))
    assert book.bids == {"2": "1"}
