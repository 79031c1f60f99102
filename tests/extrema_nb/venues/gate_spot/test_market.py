"""The venue's object fulfils the port and hands each question to the right place."""

from __future__ import annotations

import pytest

from extrema_nb.channels import Lob
from extrema_nb.errors import ConfigError
from extrema_nb.venues import load
from extrema_nb.venues.gate_spot import VENUE
from tests.extrema_nb.venues._gate.test_decode import table


def test_the_folder_is_found_and_says_what_it_lacks():
    assert load("gate-spot") is VENUE
    wanted = "'funding_history' is not supported by gate-spot; it offers instruments, tickers"
    with pytest.raises(ConfigError, match=wanted):
        VENUE.funding_history_request("A_B", 0, 1)
    with pytest.raises(ConfigError, match="'open_interest' is not supported by gate-spot"):
        VENUE.open_interest_request("A_B")


def test_questions_reach_the_right_place():
    assert VENUE.symbol_of(VENUE.name_of("A_B")) == "A_B"
    assert VENUE.stream_name("A_B", Lob("bbo")) == "spot.book_ticker:A_B"
    assert VENUE.stream_url(VENUE.endpoints, [], table()) == []
    assert VENUE.decoder(table()).unknown == {}
    assert VENUE.parse_instruments(b"[]") == VENUE.decode_tickers(b"[]", 0) == []
    assert len(VENUE.decode_candles(b"[]", 0, "1m", 0)) == 0
    assert len(VENUE.decode_snapshot(b'{"id":1,"asks":[],"bids":[]}', 0, 1)) == 1
    assert VENUE.query(VENUE.snapshot_request("A_B")).startswith("currency_pair=A_B&limit=")
    assert VENUE.candles_request("A_B", "1m", 0, 1).path.endswith("/candlesticks")
    assert len(VENUE.instruments_requests()) == len(VENUE.tickers_requests()) == 1
