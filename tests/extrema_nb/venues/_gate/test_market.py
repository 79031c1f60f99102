"""What both markets of Gate answer alike."""

from __future__ import annotations

import json

import pytest

from extrema_nb.channels import Endpoints, Lob, Subscription
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues import load
from extrema_nb.wire import Request

HERE = Endpoints(rest="http://127.0.0.1:1", ws="ws://127.0.0.1:1")


@pytest.mark.parametrize("venue_id", ["gate-spot", "gate-futures"])
def test_only_pushed_books_are_brought_back_by_subscribing_again(venue_id):
    venue = load(venue_id)
    table = InstrumentTable([Instrument(venue=venue_id, symbol="A_USDT", name="A")])
    for channel, frames in ((Lob(), 0), (Lob(depth=400), 2)):
        wanted = Subscription(0, channel)
        (plan,) = venue.stream_url(HERE, [wanted], table)
        again = venue.resync_frames(plan, wanted, table)
        assert [json.loads(frame)["event"] for frame in again] == [
            "unsubscribe", "subscribe",
        ][:frames]  # fmt: skip


@pytest.mark.parametrize("venue_id", ["gate-spot", "gate-futures"])
def test_books_limits_and_time_are_shared(venue_id):
    venue = load(venue_id)
    assert venue.snapshot_from == "rest"
    assert venue.book_sync(4).inst == 4
    assert venue.slot_of(Lob()) == venue.diff_slot
    assert venue.costs(Request("GET", "/x")) == {"requests": 1}
    assert venue.decode_server_time(b'{"server_time":7}') == 7000
    assert venue.server_time_request().path == "/api/v4/spot/time"
    raw = venue.wrap_snapshot(b"{}", "A_B")
    assert (venue.is_snapshot(raw), venue.snapshot_symbol(raw)) == (True, "A_B")
