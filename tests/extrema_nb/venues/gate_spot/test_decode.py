"""Frames of the spot market into rows, field by field, and captured lines against JSON."""

from __future__ import annotations

import json
import math

import pytest

from extrema_nb.channels import INTERVALS
from extrema_nb.errors import VenueDecodeError
from extrema_nb.events import CANDLE, LOB_LEVEL, TRADE, EventKind, Flag, empty_events
from extrema_nb.venues.gate_spot import VENUE
from tests.conformance.spec import table_of
from tests.extrema_nb.venues._gate.test_decode import NOW, decode, push
from tests.extrema_nb.venues.captured import frames
from tests.extrema_nb.venues.gate_spot.conformance import CASES

MATCH = {"id": 309143071, "create_time": 1606292218, "create_time_ms": "1606292218213.4578",
         "side": "sell", "currency_pair": "BTC_USDT", "amount": "16.4700000000",
         "price": "0.4705000000"}  # fmt: skip
BAR = {"t": "1606292580", "v": "2362.32035", "c": "1.5", "h": "2", "l": "0.5", "o": "1",
       "n": "1m_BTC_USDT", "a": "3.8283", "w": True}  # fmt: skip


def test_a_trade_becomes_one_row():
    (row,) = decode(push("spot.trades", MATCH)).view(TRADE)
    assert (row.ts_event, row.ts_recv) == (1606292218213457, NOW)
    assert (row.kind, row.side, row.flags) == (EventKind.TRADE, -1, Flag.LAST)
    assert (row.price, row.qty, row.trade_id) == (0.4705, 16.47, 309143071)
    for ms, ts in (("7.1", 7100), ("7", 7000), (7.25, 7250), ("0", 1606294781000000)):
        (row,) = decode(push("spot.trades", {**MATCH, "create_time_ms": ms})).view(TRADE)
        assert row.ts_event == ts
    for ms in ("", "7.", ".5", "-7", "7e3", "1" * 14, "٣", "nan", -1):
        with pytest.raises(VenueDecodeError, match="create_time_ms"):
            decode(push("spot.trades", {**MATCH, "create_time_ms": ms}))
    with pytest.raises(VenueDecodeError, match="side is 'bid', expected buy or sell"):
        decode(push("spot.trades", {**MATCH, "side": "bid"}))


def test_best_levels_are_a_snapshot_of_their_own_range():
    top = {"t": 5, "lastUpdateId": 48791820, "s": "BTC_USDT", "bids": [["2", "1"]], "asks": []}
    (row,) = decode(push("spot.order_book", top)).view(LOB_LEVEL)
    assert row.flags == Flag.SNAPSHOT | Flag.START | Flag.PARTIAL | Flag.LAST
    assert (row.seq, row.price, row.ts_event) == (48791820, 2.0, 5000)


def test_a_candle_counts_base_units():
    (row,) = decode(push("spot.candlesticks", BAR)).view(CANDLE)
    assert (row.open, row.high, row.low, row.close, row.volume) == (1.0, 2.0, 0.5, 1.5, 3.8283)
    assert (row.ts_event, row.interval) == (1606292580000000, INTERVALS.index("1m"))
    assert row.flags == Flag.LAST | Flag.CLOSED
    old = {k: v for k, v in BAR.items() if k not in "aw"} | {"n": "7d_BTC_USDT"}
    (row,) = decode(push("spot.candlesticks", old)).view(CANDLE)
    assert math.isnan(row.volume)
    assert (row.flags, row.interval) == (Flag.LAST, INTERVALS.index("1w"))
    with pytest.raises(VenueDecodeError, match="unknown interval '2m'"):
        decode(push("spot.candlesticks", {**BAR, "n": "2m_BTC_USDT"}))


def expected_of(channel, result):
    """Say what the rows of a message must hold, by way of the standard library's JSON."""
    if channel == "spot.trades":
        side = 1 if result["side"] == "buy" else -1
        return [(side, float(result["price"]), float(result["amount"]))]
    return [
        (side, float(price), float(qty))
        for side, key in ((1, "b"), (-1, "a"))
        for price, qty in result[key]
    ]


def test_captured_rows_say_what_the_json_says(shared_data):
    path = shared_data / "gate_spot/capture_cryptofeed/20210422/GATEIO.ws.1.0.txt.gz"
    decoder, out, compared = VENUE.decoder(table_of("gate-spot", CASES)), empty_events(4096), 0
    for ts, frame in frames(path):
        n = decoder.decode(frame, ts, out, 0)
        whole = json.loads(frame)
        if whole["channel"] in ("spot.trades", "spot.order_book_update") and n:
            rows = out[:n].view(TRADE)
            assert [(int(r.side), float(r.price), float(r.qty)) for r in rows] == expected_of(
                whole["channel"], whole["result"]
            )
            compared += 1
    assert compared == 93 + 8
