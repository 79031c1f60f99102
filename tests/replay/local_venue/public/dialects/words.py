"""What every dialect must do with its own messages, as checks that its test calls."""

from __future__ import annotations

import json

from replay.local_venue.public.book import TextBook
from replay.local_venue.public.dialect import Asked, load
from replay.local_venue.specs import infer_spec


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


def get(path, **query):
    return Asked("GET", path, query, {})


def filled(symbol="A"):
    """Return a book of two levels."""
    book = TextBook(symbol)
    book.bids, book.asks = {"9.5": "2", "9.0": "1"}, {"10.5": "3"}
    book.seq, book.ts, book.known = 7, 1_700_000_000_000, True
    return book


def subscribes(venue, frame, keys):
    """Check that a client's frame is acknowledged and adds `keys`; return the answers."""
    found = load(venue).control(compact(frame).decode(), {}, 1_700_000_000_000)
    assert found.add == keys
    assert found.remove == ()
    assert found.answers
    return [json.loads(answer) for answer in found.answers]


def lists(venue, symbols, asked):
    """Return the names of the instruments in a made-up list, by the venue's own connector."""
    from extrema_nb import venues

    specs = {s: infer_spec(s, ["10.5", "11.25"], ["1", "0.5"], table=False) for s in symbols}
    raw = load(venue).instruments(asked, specs)
    return {i.symbol: i.tick_size for i in venues.load(venue).parse_instruments(raw)}
