"""What a capture has told so far."""

from __future__ import annotations

import json

from replay.local_venue import capture_book
from replay.local_venue.capture_book import CapturedBook, trimmed
from replay.local_venue.capture_scan import split
from replay.local_venue.specs import known_spec
from tests.replay.local_venue.captures import DAY, depth, snapshot, texts, trade


def told(messages, book=None):
    book = book or CapturedBook(known_spec("BTCUSDT"))
    for raw in texts(messages):
        parts = split(raw)
        if parts is not None:
            book.add(parts[0].decode().partition("@")[2], parts[1])
    return book


def test_the_book_is_snapshot_and_later_messages():
    book = CapturedBook(known_spec("BTCUSDT"))
    book.start_from(texts([DAY[2]])[0])
    found = json.loads(told(DAY, book).answer(1000))
    assert found["lastUpdateId"] == 5
    assert found["bids"] == [["59999.90", "1.000"], ["59999.80", "6.000"]]
    assert found["asks"] == [["60000.00", "0.600"], ["60000.50", "4.000"]]


def test_without_a_snapshot_it_is_what_was_heard():
    found = json.loads(told([depth(7, bids=[(10, 1)])]).answer(5))
    assert (found["lastUpdateId"], found["bids"]) == (7, [["10.00", "1.000"]])


def test_best_prices_come_of_the_last_ticker():
    book = told(DAY)
    assert book.best() == (599_999, 1_000, 600_000, 600)
    assert float(book.mark()) == 59_999.95
    assert book.mark_text() == "59999.95000000"


def test_best_prices_come_of_the_book_where_there_is_no_ticker():
    book = told([depth(1, bids=[(10, 1), (9, 1)], asks=[(11, 2)])])
    assert book.best() == (100, 1_000, 110, 2_000)
    assert CapturedBook(known_spec("BTCUSDT")).mark() == 0


def test_an_older_snapshot_changes_nothing():
    book = told([depth(9, bids=[(10, 1)])])
    book.read()
    book.start_from(texts([snapshot(8, [(1, 1)], [])])[0])
    assert book.top(0, 5) == [(100, 1_000)]


def test_nothing_is_lost_when_too_much_is_pending(monkeypatch):
    monkeypatch.setattr(capture_book, "PENDING_MOST", 300)
    book = told([trade(n, 100, 1) for n in range(50)])
    assert len(book.pending) < 50
    book.read()
    assert [t.trade_id for t in book.tape.trades] == list(range(50))


def test_a_snapshot_is_trimmed_only_when_asked():
    raw = texts([DAY[2]])[0]
    assert trimmed(raw, 1000) is raw
    assert [len(json.loads(trimmed(raw, 1))[s]) for s in ("bids", "asks")] == [1, 1]
