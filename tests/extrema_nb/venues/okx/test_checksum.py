"""Checksums: the venue's vectors, and text that survives being a float."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.testing import book
from extrema_nb.venues.okx.checksum import CheckedBook, carried, carry, checksum, text_of

T = 1_700_000_000_000_000
SHORT = ({3366.1: 7.0}, {3366.8: 9.0, 3368.0: 8.0, 3372.0: 8.0})
LONG = ({3366.1: 7.0, 3366.0: 6.0, 3365.0: 17.0, 3363.1: 11.0}, SHORT[1])


def test_known_books_have_the_known_checksums():
    assert checksum(*SHORT) == 831078360
    assert checksum(*LONG) == -1340278319 % 2**32


def test_only_the_best_25_levels_count():
    bids = {100.0 - i: 1.0 for i in range(30)}
    asks = {101.0 + i: 1.0 for i in range(30)}
    best = checksum(bids, asks)
    bids[100.0 - 25] = asks[101.0 + 25] = 9.0
    assert checksum(bids, asks) == best
    bids[100.0 - 24] = 9.0
    assert checksum(bids, asks) != best


def test_small_numbers_are_written_out():
    assert text_of(0.000000454) == "0.000000454"
    assert text_of(30316.0) == "30316"
    assert text_of(142796.14) == "142796.14"
    assert text_of(1e17) == "100000000000000000"


@given(st.integers(1, 10**15), st.integers(0, 12))
def test_the_shortest_text_comes_back(digits, places):
    text = f"{digits // 10**places}.{digits % 10**places:0{places}d}" if places else str(digits)
    text = text.rstrip("0").rstrip(".") if places else text
    assert text_of(float(text)) == text


@given(st.integers(-(2**31), 2**31 - 1))
def test_a_checksum_travels_unless_it_is_none(crc):
    assert carried(carry(crc)) == (crc % 2**32 if crc else None)


def test_numbers_of_messages_are_no_checksums():
    assert carried(-1) is None
    assert carried(123456) is None


def test_a_book_takes_changes_and_removals():
    kept = CheckedBook()
    kept.apply(book(list(LONG[0].items()), list(LONG[1].items()), T, snapshot=True))
    kept.apply(book([(3366.0, 0.0), (3365.0, 0.0), (3363.1, 0.0), (1.0, 0.0)], [], T))
    assert kept.checksum() == 831078360
    kept.apply(book([], [], T))
    assert kept.checksum() == 831078360
