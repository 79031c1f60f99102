"""The venue object keeps the port's promises."""

from __future__ import annotations

import inspect

from extrema_nb.channels import Lob, Subscription
from extrema_nb.market import CALLS, MarketVenue
from extrema_nb.venues import load
from extrema_nb.venues.coinbase import VENUE
from tests.streamed import table_of


def test_the_venue_has_everything_that_the_port_names():
    assert load("coinbase") is VENUE
    names = {n for n, _ in inspect.getmembers(MarketVenue) if not n.startswith("_")}
    assert not [
        name for name in names | set(MarketVenue.__annotations__) if not hasattr(VENUE, name)
    ]
    assert VENUE.calls < set(CALLS)


def test_books_come_in_the_stream_and_connections_count():
    table = table_of(VENUE, ["BTC-USD"])
    book = Subscription(0, Lob())
    (plan,) = VENUE.stream_url(VENUE.endpoints, [book], table)
    assert VENUE.snapshot_from == "stream"
    assert VENUE.sequence_by_connection
    assert VENUE.slot_of(book.channel) == VENUE.diff_slot
    assert len(VENUE.resync_frames(plan, book, table)) == 2
    assert VENUE.book_sync(5).inst == 5
    assert VENUE.decoder(table).source is None
