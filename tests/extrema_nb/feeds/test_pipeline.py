"""Frames to rows without I/O, over several books and captures."""

from __future__ import annotations

import json

import numpy as np
import pytest

from extrema_nb.channels import Funding
from extrema_nb.errors import VenueDecodeError
from extrema_nb.events import EventKind, Flag, StatusCode
from extrema_nb.feeds.pipeline import MarketPipeline
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.testing import instrument_table
from extrema_nb.venues import coinbase, load
from extrema_nb.venues.binance_usdm import VENUE
from tests.extrema_nb.feeds.venue import diff, snapshot, trade
from tests.streamed import table_of


def bare(last):
    return json.dumps(snapshot(last), separators=(",", ":")).encode()


def test_diffs_wait_and_trades_do_not():
    pipeline = MarketPipeline(VENUE, instrument_table())
    assert len(pipeline.on_frame(diff(1, 2, 4).encode(), 10)) == 0
    assert (pipeline.inst, pipeline.slot) == (0, VENUE.diff_slot)
    rows = pipeline.on_frame(trade(1).encode(), 11)
    assert rows["kind"].tolist() == [EventKind.TRADE]
    assert pipeline.needs_snapshot(0)
    rows = pipeline.on_frame(bare(3), 12)
    assert rows["ts_recv"].tolist() == [12] * len(rows)
    assert not pipeline.needs_snapshot(0)
    assert pipeline.last_lag_us() == 11 - 1_700_000_000_000_000


def test_each_instrument_has_its_own_book():
    pipeline = MarketPipeline(VENUE, instrument_table())
    pipeline.on_frame(diff(1, 2, 4).encode(), 1)
    pipeline.on_frame(diff(7, 8, 9, "ETHUSDT").encode(), 2)
    rows = pipeline.on_snapshot(bare(8), 1, 3)
    assert set(rows["inst"]) == {1}
    assert pipeline.needs_snapshot(0)
    assert not pipeline.needs_snapshot(1)
    assert not pipeline.needs_snapshot(99)


def test_a_snapshot_that_names_its_symbol_finds_its_book():
    pipeline = MarketPipeline(VENUE, instrument_table())
    pipeline.on_frame(diff(1, 2, 4).encode(), 1)
    pipeline.on_frame(diff(7, 8, 9, "ETHUSDT").encode(), 2)
    with pytest.raises(VenueDecodeError, match="an unnamed symbol: 2 instruments and 2 books"):
        pipeline.on_frame(bare(8), 3)
    rows = pipeline.on_frame(VENUE.wrap_snapshot(bare(8), "ETHUSDT"), 4)
    assert set(rows["inst"]) == {1}
    with pytest.raises(VenueDecodeError, match="DOGEUSDT"):
        pipeline.on_frame(VENUE.wrap_snapshot(bare(8), "DOGEUSDT"), 4)


def test_a_bare_snapshot_before_any_diff_needs_a_table_of_one():
    table = instrument_table()
    with pytest.raises(VenueDecodeError, match="give a table of the one"):
        MarketPipeline(VENUE, table).on_frame(bare(3), 1)
    assert len(MarketPipeline(VENUE, InstrumentTable([table[0]])).on_frame(bare(3), 1)) == 3


def test_a_bad_frame_changes_nothing():
    pipeline = MarketPipeline(VENUE, instrument_table())
    pipeline.on_frame(diff(1, 2, 4).encode(), 1)
    pipeline.on_frame(bare(3), 1)
    with pytest.raises(VenueDecodeError):
        pipeline.on_frame(diff(4, 5, 8).encode()[:-5], 2)
    assert (pipeline.inst, pipeline.slot) == (-1, -1)
    assert len(pipeline.on_frame(diff(4, 5, 8).encode(), 3)) == 1
    assert pipeline.syncs[0].gaps == 0


def test_a_message_larger_than_any_before_fits():
    pipeline = MarketPipeline(VENUE, instrument_table())
    levels = [["1", "1"]] * 20_000
    frame = json.dumps(
        {"stream": "btcusdt@depth20", "data": {**json.loads(diff(1, 2, 4))["data"], "b": levels}},
        separators=(",", ":"),
    ).encode()
    assert len(pipeline.on_frame(frame, 1)) == 20_000


def test_what_waits_at_the_end_leaves_flagged():
    pipeline = MarketPipeline(VENUE, instrument_table(), task_id=4)
    assert pipeline.flush(0) == []
    pipeline.on_frame(diff(1, 2, 4).encode(), 1)
    (rows,) = pipeline.flush(9)
    assert rows["kind"].tolist() == [EventKind.STATUS, EventKind.LOB]
    assert rows["w0"][0] == StatusCode.STALE
    assert rows["flags"][1] & Flag.STALE
    assert set(rows["ts_recv"]) == {9}


def test_partial_books_need_no_snapshot():
    pipeline = MarketPipeline(VENUE, instrument_table())
    frame = diff(1, 2, 4).replace("depth@0ms", "depth5@100ms").encode()
    rows = pipeline.on_frame(frame, 1)
    assert len(rows) == 1
    assert pipeline.syncs == {}
    assert pipeline.unknown == {}
    assert np.all(rows["flags"] & Flag.PARTIAL)


def test_connections_that_count_for_themselves_are_kept_apart_by_their_names():
    table = table_of(coinbase.VENUE, ["BTC-USD", "ETH-USD"])
    pipeline = MarketPipeline(coinbase.VENUE, table)

    def send(line, number, product, kind="update"):
        pipeline.source = line
        change = {"side": "bid", "price_level": "9", "new_quantity": "1"}
        frame = {
            "channel": "l2_data", "timestamp": "2026-04-07T14:30:00Z", "sequence_num": number,
            "events": [{"type": kind, "product_id": product, "updates": [change]}],
        }  # fmt: skip
        return pipeline.on_frame(json.dumps(frame).encode(), 1)

    for line, product in (("a", "BTC-USD"), ("b", "ETH-USD")):
        send(line, 0, product, "snapshot")
    for number in range(1, 5):
        for line, product in (("a", "BTC-USD"), ("b", "ETH-USD")):
            assert send(line, number, product)["kind"].tolist() == [EventKind.LOB]
    assert StatusCode.GAP in send("a", 6, "BTC-USD")["w0"]
    assert pipeline.needs_snapshot(0)
    assert not pipeline.needs_snapshot(1)


def test_of_a_channel_that_brings_a_whole_market_only_what_is_wanted_passes():
    venue = load("okx")
    table = InstrumentTable(
        Instrument(venue="okx", symbol=symbol, name=symbol)
        for symbol in ("BTC-USD-SWAP", "BTC-USD-240329", "BTC-USD-240628")
    )
    index = (
        b'{"arg":{"channel":"index-tickers","instId":"BTC-USD"},"data":[{"instId":"BTC-USD",'
        b'"idxPx":"64280","ts":"1785870839964"}]}'
    )
    pipeline = MarketPipeline(venue, table)
    assert pipeline.on_frame(index, 10)["inst"].tolist() == [0, 1, 2]
    pipeline.only = {venue.slot_of(Funding()): [1]}
    assert pipeline.on_frame(index, 10)["inst"].tolist() == [1]
    pipeline.only = {venue.slot_of(Funding()): []}
    assert len(pipeline.on_frame(index, 10)) == 0
