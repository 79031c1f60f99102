"""Frames: what the connector's decoder reads is what was meant."""

from __future__ import annotations

import json
from decimal import Decimal

from extrema_nb.events import BBO, CANDLE, LOB_LEVEL, TRADE, EventKind, empty_events
from extrema_nb.instruments import InstrumentTable
from extrema_nb.venues import load
from replay.local_venue import frames
from replay.local_venue.specs import known_spec
from replay.local_venue.tape import Tape, Trade

BTC = known_spec("BTCUSDT")
SALE = Trade(9, 600_001, 2, 1_700_000_000_000, sell=True)


def rows(raw):
    out = empty_events(64)
    decoder = load("binance-usdm").decoder(InstrumentTable([BTC.instrument()]))
    return out[: decoder.decode(raw, 5, out, 0)]


def test_a_trade_is_read_back():
    (row,) = rows(frames.trade(BTC, SALE, 1_700_000_000_001))
    assert row["kind"] == EventKind.TRADE
    trade = row.view(TRADE)
    assert (trade["price"], trade["qty"], trade["trade_id"], trade["side"]) == (
        60000.1, 0.002, 9, -1,
    )  # fmt: skip
    assert trade["ts_event"] == 1_700_000_000_000_000


def test_an_aggregate_adds_up_its_matches():
    run = [SALE, SALE._replace(trade_id=10, lots=3)]
    (row,) = rows(frames.agg_trade(BTC, 4, run, 1))
    trade = row.view(TRADE)
    assert (trade["qty"], trade["trade_id"], trade["first_id"], trade["last_id"]) == (
        0.005,
        4,
        9,
        10,
    )


def test_best_prices_are_read_back():
    (row,) = rows(frames.book_ticker(BTC, 7, (600_000, 1, 600_001, 2), 3))
    bbo = row.view(BBO)
    assert (bbo["bid_price"], bbo["bid_qty"], bbo["ask_price"], bbo["ask_qty"], bbo["seq"]) == (
        60000.0, 0.001, 60000.1, 0.002, 7,
    )  # fmt: skip


def test_depth_is_read_back():
    raw = frames.depth_update(
        "BTCUSDT",
        frames.levels_text(BTC, [(600_000, 5)]),
        frames.levels_text(BTC, [(600_001, 0), (600_002, 1)]),
        first=4, last=6, prev=3, time_ms=1,
    )  # fmt: skip
    found = rows(raw).view(LOB_LEVEL)
    assert found["price"].tolist() == [60000.0, 60000.1, 60000.2]
    assert found["qty"].tolist() == [0.005, 0.0, 0.001]
    assert (found["first_seq"][0], found["seq"][0], found["prev_seq"][0]) == (4, 6, 3)


def test_a_candle_is_read_back():
    tape = Tape(BTC)
    tape.add(SALE)
    raw = frames.kline(tape, tape.candles("1m")[0], "1m", 2, closed=True)
    (row,) = rows(raw)
    candle = row.view(CANDLE)
    assert (candle["open"], candle["close"], candle["volume"]) == (60000.1, 60000.1, 0.002)
    assert json.loads(raw)["k"]["x"] is True


def test_mark_price_is_json():
    found = json.loads(frames.mark_price("BTCUSDT", "60000.00000000", 5, Decimal("1e-4"), 99))
    assert (found["e"], found["r"], found["T"]) == ("markPriceUpdate", "0.00010000", 99)
