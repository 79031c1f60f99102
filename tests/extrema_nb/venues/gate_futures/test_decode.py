"""Frames of the futures market into rows, field by field, and captured lines against JSON."""

from __future__ import annotations

import json
import math

import pytest

from extrema_nb.errors import VenueDecodeError
from extrema_nb.events import (
    CANDLE,
    FUNDING,
    LIQUIDATION,
    LOB_LEVEL,
    TRADE,
    EventKind,
    Flag,
    empty_events,
)
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues.gate_futures import VENUE
from extrema_nb.venues.gate_futures.decode import Decoder
from extrema_nb.venues.gate_futures.streams import SLOTS
from tests.conformance.spec import table_of
from tests.extrema_nb.venues._gate.test_decode import decode as decode_with
from tests.extrema_nb.venues._gate.test_decode import push
from tests.extrema_nb.venues.captured import frames
from tests.extrema_nb.venues.gate_futures.conformance import CASES

MATCH = {"size": -108, "id": 27753479, "create_time": 1545136464, "create_time_ms": 1545136464123,
         "price": "96.4", "contract": "BTC_USDT"}  # fmt: skip
LIQ = {"price": 215.1, "size": -124, "time": 1541486601, "time_ms": 1541486601123,
       "contract": "BTC_USDT"}  # fmt: skip
TICKER = {"contract": "BTC_USDT", "last": "1", "total_size": "153482780", "mark_price": "23175.64",
          "funding_rate": "0.0001", "index_price": "23173.35"}  # fmt: skip


def decode(whole, decoder=None):
    table = InstrumentTable(
        Instrument(venue="gate-futures", symbol=symbol, name=symbol)
        for symbol in ("BTC_USDT", "ETH_USDT")
    )
    return decode_with(whole, decoder or Decoder(table))


def test_the_sign_of_a_size_is_the_takers_side():
    rows = decode(push("futures.trades", [MATCH, {**MATCH, "size": "0.25", "is_internal": True}]))
    rows = rows.view(TRADE)
    assert rows["side"].tolist() == [-1, 1]
    assert rows["qty"].tolist() == [108.0, 0.25]
    assert rows["flags"].tolist() == [Flag.LAST, Flag.LAST | Flag.OFF_BOOK]
    assert (rows[0].price, rows[0].trade_id, rows[0].ts_event) == (96.4, 27753479, 1545136464123000)
    old = {k: v for k, v in MATCH.items() if k != "create_time_ms"}
    assert decode(push("futures.trades", [old]))["ts_event"] == 1545136464000000
    assert len(decode(push("futures.trades", []))) == 0


def test_best_levels_come_whole_and_in_an_older_form_as_changes():
    top = {"t": 5, "contract": "BTC_USDT", "id": 7, "asks": [{"p": "2", "s": "0.5"}],
           "bids": [{"p": "1", "s": 3}]}  # fmt: skip
    rows = decode(push("futures.order_book", top, event="all")).view(LOB_LEVEL)
    assert rows["flags"].tolist() == [
        Flag.SNAPSHOT | Flag.PARTIAL | Flag.START, Flag.SNAPSHOT | Flag.PARTIAL | Flag.LAST,
    ]  # fmt: skip
    assert rows["qty"].tolist() == [3.0, 0.5]
    changes = [{"p": "221.3", "s": 12, "c": "BTC_USDT", "id": 8},
               {"p": "223.3", "s": -25, "c": "BTC_USDT", "id": 9},
               {"p": "220", "s": 0, "c": "BTC_USDT", "id": 10}]  # fmt: skip
    rows = decode(push("futures.order_book", changes)).view(LOB_LEVEL)
    assert rows["side"].tolist() == [1, 1, -1, -1]
    assert rows["price"].tolist() == [221.3, 220.0, 223.3, 220.0]
    assert rows["qty"].tolist() == [12.0, 0.0, 25.0, 0.0]
    assert set(rows["seq"].tolist()) == {10}
    assert len(decode(push("futures.order_book", []))) == 0
    with pytest.raises(VenueDecodeError, match="several contracts"):
        decode(push("futures.order_book", [*changes, {**changes[0], "c": "ETH_USDT"}]))


def test_a_ticker_holds_rate_mark_index_and_open_interest():
    decoder = None
    (row,) = decode(push("futures.tickers", [TICKER], time_ms=5), decoder).view(FUNDING)
    assert (row.rate, row.mark_price, row.index_price) == (0.0001, 23175.64, 23173.35)
    assert (row.open_interest, row.next_ts, row.ts_event) == (153482780, -1, 5000)
    bare = {"contract": "ETH_USDT"}
    (row,) = decode(push("futures.tickers", bare)).view(FUNDING)
    assert row.inst == 1
    assert all(math.isnan(x) for x in (row.rate, row.mark_price, row.index_price))
    with pytest.raises(VenueDecodeError, match="funding_rate is 'x', expected a number"):
        decode(push("futures.tickers", [{**TICKER, "funding_rate": "x"}]))


def test_a_liquidation_that_sold_closed_a_long_position():
    rows = decode(push("futures.public_liquidates", [LIQ, {**LIQ, "size": "3.5"}]))
    rows = rows.view(LIQUIDATION)
    assert rows["side"].tolist() == [-1, 1]
    assert rows["qty"].tolist() == [124.0, 3.5]
    assert (rows[0].price, rows[0].ts_event) == (215.1, 1541486601123000)
    assert rows["kind"].tolist() == [EventKind.LIQUIDATION] * 2


def test_candles_count_contracts():
    bars = [{"t": 60, "v": 7, "c": "1.5", "h": "2", "l": "0.5", "o": "1", "n": "1m_BTC_USDT"},
            {"t": 60, "v": "8", "c": "1.5", "h": "2", "l": "0.5", "o": "1", "n": "1h_ETH_USDT",
             "w": True}]  # fmt: skip
    rows = decode(push("futures.candlesticks", bars)).view(CANDLE)
    assert rows["volume"].tolist() == [7.0, 8.0]
    assert rows["inst"].tolist() == [0, 1]
    assert rows["flags"].tolist() == [Flag.LAST, Flag.LAST | Flag.CLOSED]


def test_captured_rows_say_what_the_json_says(shared_data):
    path = shared_data / "gate_futures/capture_cryptofeed/20230524/GATEIO_FUTURES.ws.1.0.txt.gz"
    decoder, out, compared = VENUE.decoder(table_of("gate-futures", CASES)), empty_events(4096), 0
    for ts, frame in frames(path):
        n = decoder.decode(frame, ts, out, 0)
        if n and SLOTS[decoder.slot] == "order_book_update":
            result = json.loads(frame)["result"]
            rows = out[:n].view(LOB_LEVEL)
            expected = [
                (side, float(level["p"]), float(level["s"]))
                for side, key in ((1, "b"), (-1, "a"))
                for level in result[key]
            ]
            assert [(int(r.side), float(r.price), float(r.qty)) for r in rows] == expected
            assert (rows[0].first_seq, rows[0].seq) == (result["U"], result["u"])
            compared += 1
    assert compared == 212
