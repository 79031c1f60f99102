"""The venue's object fulfils the port and hands each question to the right place."""

from __future__ import annotations

from extrema_nb.channels import Lob
from extrema_nb.instruments import InstrumentTable
from extrema_nb.market import CALLS, CHANNELS
from extrema_nb.venues import load
from extrema_nb.venues.gate_futures import VENUE


def test_the_folder_is_found_and_offers_everything():
    assert load("gate-futures") is VENUE
    assert set(CALLS) == VENUE.calls
    assert set(CHANNELS) == VENUE.channels


def test_questions_reach_the_right_place():
    assert VENUE.symbol_of(VENUE.name_of("A_USDT")) == "A_USDT"
    assert VENUE.stream_name("A_USDT", Lob("bbo")) == "futures.book_ticker:A_USDT"
    assert VENUE.stream_url(VENUE.endpoints, [], InstrumentTable()) == []
    assert VENUE.decoder(InstrumentTable()).unknown == {}
    assert VENUE.parse_instruments(b"[]") == VENUE.decode_tickers(b"[]", 0) == []
    assert len(VENUE.decode_candles(b"[]", 0, "1m", 0)) == 0
    assert len(VENUE.decode_funding_history(b"[]", 0, 0)) == 0
    assert len(VENUE.decode_open_interest(b'[{"contract":"A"}]', 0, 1)) == 1
    assert len(VENUE.decode_snapshot(b'{"id":1,"asks":[],"bids":[]}', 0, 1)) == 1
    book = VENUE.snapshot_request("A_USDT")
    assert VENUE.query(book).startswith("contract=A_USDT&limit=")
    assert VENUE.public_headers(book) == {"X-Gate-Size-Decimal": "1"}
    assert VENUE.candles_request("A_USDT", "1m", 0, 1).path.endswith("/candlesticks")
    assert VENUE.funding_history_request("A_USDT", 0, 1).path.endswith("/funding_rate")
    assert VENUE.open_interest_request("A_USDT").path.endswith("/tickers")
    assert len(VENUE.instruments_requests()) == len(VENUE.tickers_requests()) == 4
