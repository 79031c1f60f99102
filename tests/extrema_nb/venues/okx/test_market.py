"""The venue's object fulfils the port and hands each question to the right place."""

from __future__ import annotations

from extrema_nb.channels import Lob, Subscription
from extrema_nb.events import CANDLE
from extrema_nb.market import CALLS, CHANNELS
from extrema_nb.venues import load
from extrema_nb.venues.okx import VENUE
from extrema_nb.wire import Request
from tests.extrema_nb.venues.okx.test_decode import table
from tests.extrema_nb.venues.okx.test_rest import NOW, answer


def test_the_folder_is_found_and_offers_everything():
    assert load("okx") is VENUE
    assert set(CALLS) == VENUE.calls
    assert set(CHANNELS) == VENUE.channels
    assert VENUE.snapshot_from == "stream"
    assert VENUE.slot_of(Lob()) == VENUE.diff_slot


def test_names_streams_and_books_are_the_folders():
    assert VENUE.symbol_of(VENUE.name_of("BTC-USD-SWAP")) == "BTC-USD-SWAP"
    assert VENUE.stream_name("BTC-USD-SWAP", Lob()) == "books:BTC-USD-SWAP"
    (plan,) = VENUE.stream_url(VENUE.endpoints, [Subscription(0, Lob())], table())
    assert plan.url == "wss://ws.okx.com:8443/ws/v5/public"
    assert len(VENUE.resync_frames(plan, plan.subscriptions[0], table())) == 2
    assert VENUE.book_sync(3).inst == 3
    assert VENUE.decoder(table()).unknown == {}


def test_rest_goes_through():
    assert VENUE.query(VENUE.snapshot_request("A-B")) == "instId=A-B&sz=400&source=0"
    assert VENUE.costs(Request("GET", "/x", weight=2)) == {"requests": 2}
    assert len(VENUE.instruments_requests()) == len(VENUE.tickers_requests()) == 3
    assert VENUE.parse_instruments(answer()) == VENUE.decode_tickers(answer(), NOW) == []
    bar = ["60000", "1", "2", "0.5", "1.5", "7"]
    assert VENUE.decode_candles(answer(bar), 1, "1m", NOW).view(CANDLE)["volume"] == 7
    assert VENUE.candles_request("A-B", "1m", 0, 5).path.endswith("history-candles")
    assert VENUE.funding_history_request("A-B-SWAP", 0, 5).path.endswith("rate-history")
    assert len(VENUE.decode_funding_history(answer(), 0, NOW)) == 0
    assert VENUE.open_interest_request("A-B-SWAP").path.endswith("open-interest")
    interest = {"instId": "A", "oi": "5", "ts": "7"}
    assert len(VENUE.decode_open_interest(answer(interest), 0, NOW)) == 1
    assert VENUE.decode_server_time(answer({"ts": "7"})) == 7000
    assert VENUE.server_time_request().path == "/api/v5/public/time"
    raw = VENUE.wrap_snapshot(answer({"asks": [], "bids": [], "ts": "1"}), "A-B")
    assert (VENUE.is_snapshot(raw), VENUE.snapshot_symbol(raw)) == (True, "A-B")
    assert len(VENUE.decode_snapshot(raw, 0, NOW)) == 1
