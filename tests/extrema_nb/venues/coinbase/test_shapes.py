"""The compiled scanner says of each frame what the decoder says, or leaves it to the decoder."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import VenueError
from extrema_nb.events import EventKind, StatusCode, empty_events
from extrema_nb.feeds.burst import BurstPipeline
from extrema_nb.feeds.pipeline import MarketPipeline
from extrema_nb.kernels.burst import BurstScanner
from extrema_nb.kernels.memory import CHAINED, OPEN
from extrema_nb.kernels.shapes import layout
from extrema_nb.venues.coinbase import VENUE, Decoder
from extrema_nb.venues.coinbase.shapes import SHAPES
from tests.extrema_nb.venues.coinbase.test_decode import (
    CANDLES,
    TABLE,
    TICKER,
    TRADES,
    book,
    message,
)
from tests.extrema_nb.venues.coinbase.test_exchange import MATCH, SNAPSHOT, UPDATE
from tests.extrema_nb.venues.coinbase.test_exchange import TICKER as OLD_TICKER
from tests.extrema_nb.venues.scanned import GARBLES, garbled, one_field_changed, scan_frame
from tests.streamed import NOW, frame_of, lines_of, table_of

OLD = [UPDATE, MATCH]
HOT = [book(5), TICKER | {"sequence_num": 5}, *OLD]
TABLES = layout(SHAPES)
ROOM = empty_events(4000)
SYMBOLS = [(row.symbol, inst) for inst, row in enumerate(TABLE)]
FEED = "coinbase/capture_cryptofeed/20210417/COINBASE.ws.28.0.txt.gz"
SIDES = {"buy": "bid", "sell": "offer"}


def by_decoder(frame):
    """Return what the decoder makes of a frame: its rows, or the error's words."""
    decoder = Decoder(TABLE)
    decoder._sources.take(None, 4, 0, stamp=0, begins=False)
    decoder.line_went_on(4, 0, {0: 3, 1: 3})
    try:
        n = decoder.decode(frame, NOW, ROOM, 0)
    except VenueError as error:
        return type(error), str(error)
    return ROOM[:n].tobytes(), decoder.inst, decoder.slot


def scanned(frame):
    """Return what the scanner makes of it, None when it leaves it to others."""
    scanner = BurstScanner(TABLES, SYMBOLS)
    scanner.modes[:], scanner.last_seq[:] = CHAINED, 3
    scanner.line[:OPEN] = 0, 4, 0, 0
    scanner.line[OPEN] = 1
    return scan_frame(scanner, frame, NOW)


@pytest.mark.parametrize("data", HOT)
def test_every_hot_channel_is_taken(data):
    assert scanned(frame_of(data)) == by_decoder(frame_of(data))


OTHERS = [
    TRADES | {"sequence_num": 5}, CANDLES | {"sequence_num": 5}, book(5, "snapshot"), book(6), book(4),
    message("heartbeats", 5, {"heartbeat_counter": 1}), book(5) | {"timestamp": ""},
    {"events": book(5)["events"]} | book(5), book(5) | {"events": book(5)["events"] * 2},
    message("ticker", 5, {"tickers": [{"product_id": "BTC-USD", "best_bid": "1"}]}),
    {"channel": "l2_data", "events": book(5)["events"], "sequence_num": 5, "timestamp": "x"},
    SNAPSHOT, OLD_TICKER, MATCH | {"type": "last_match"}, {"type": "l2_data"} | book(5)["events"][0],
    {"channel": "match", "timestamp": book(5)["timestamp"], "sequence_num": 5, "events": MATCH},
    UPDATE | {"time": "0001-01-01T00:00:00Z"}, UPDATE | {"changes": [["hold", "1", "1"]]},
]  # fmt: skip


@pytest.mark.parametrize("data", OTHERS)
def test_other_frames_are_left_to_the_decoder(data):
    assert scanned(frame_of(data)) is None


VALUES = st.sampled_from(
    ["0", "1", "28145.10", "", "x", "1e5", "-1", "01", "NaN", "1000000000000000000", "BTC-USD", "bid",
     "update", "offer", "2024-02-30T00:00:00Z", "2024-02-28T00:00:00.5Z", 0, 1, -1, 1.5, 5, 2**53,
     2**64, True, None, [], {}, [{}]]
)  # fmt: skip


@given(st.sampled_from(HOT), st.data())
def test_any_field_of_any_value_means_the_same(example, data):
    frame = frame_of(one_field_changed(example, data, VALUES))
    found = scanned(frame)
    assert found is None or found == by_decoder(frame)


@given(st.sampled_from(HOT), GARBLES)
def test_garbled_frames_mean_the_same(example, changes):
    frame = garbled(frame_of(example), changes)
    found = scanned(frame)
    assert found is None or found == by_decoder(frame)


@pytest.mark.parametrize("data", HOT)
def test_a_frame_cut_anywhere_is_left_to_the_decoder(data):
    frame = frame_of(data)
    assert all(scanned(frame[:end]) is None for end in range(len(frame)))


def today(shared_data):
    """Return the capture of the older feed as Advanced Trade would send it: (ts, frame)."""
    out = []
    for ts, frame in lines_of(shared_data / FEED):
        data = json.loads(frame)
        kind, time = data["type"], data.get("time", "2021-04-17T16:43:37Z")
        if kind in ("snapshot", "l2update"):
            changes = data.get("changes") or [
                (side, *level)
                for side, name in (("buy", "bids"), ("sell", "asks"))
                for level in data[name]
            ]
            event = {
                "type": "snapshot" if kind == "snapshot" else "update",
                "product_id": data["product_id"],
                "updates": [
                    {"side": SIDES[s], "event_time": time, "price_level": p, "new_quantity": q}
                    for s, p, q in changes
                ],
            }
            channel = "l2_data"
        elif kind == "ticker":
            names = ("product_id", "price", "best_bid", "best_ask")
            event = {"type": "update", "tickers": [{name: data[name] for name in names}]}
            channel = "ticker"
        else:
            channel, event = "heartbeats", {"current_time": time}
        body = {
            "channel": channel, "client_id": "", "timestamp": time, "sequence_num": len(out),
            "events": [event],
        }  # fmt: skip
        out.append((ts, frame_of(body)))
    return out


def both(lines, size, table):
    """Return the rows of lines, one by one and in bursts, and how many frames were slow."""
    single = MarketPipeline(VENUE, table)
    expected = []
    for ts, frame in lines:
        try:
            expected.append(single.on_frame(frame, ts).copy())
        except VenueError:
            continue
    burst = BurstPipeline(VENUE, table, compiled=True)
    found = []
    for start in range(0, len(lines), size):
        part = lines[start : start + size]
        found.append(
            burst.on_frames(
                [f for _, f in part], [t for t, _ in part], lambda _number, _error: None
            ).copy()
        )
    return np.concatenate(expected), np.concatenate(found), burst.slow


def table_here():
    return table_of(
        VENUE, ["SKL-USD", "SKL-BTC", "BAND-GBP", "DASH-BTC", "NU-GBP", "CRV-EUR", "SKL-GBP"]
    )


@pytest.mark.slow
def test_a_capture_gives_the_same_rows_frame_by_frame_and_in_bursts(shared_data):
    lines = today(shared_data)
    for size in (1, 50, len(lines)):
        expected, found, slow = both(lines, size, table_here())
        assert found.tobytes() == expected.tobytes()
        assert slow < 60  # snapshots, trades and heartbeats, and the first change of each book


@pytest.mark.slow
def test_the_older_feed_gives_the_same_rows_frame_by_frame_and_in_bursts(shared_data):
    lines = list(lines_of(shared_data / FEED))
    for size in (1, 50, len(lines)):
        expected, found, slow = both(lines, size, table_here())
        assert found.tobytes() == expected.tobytes()
        assert slow < 100  # snapshots, tickers, answers, and the first change of each book


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["dropped", "doubled", "swapped", "cut", "renumbered"])
def test_faults_are_told_in_bursts_as_frame_by_frame(shared_data, fault):
    lines = today(shared_data)[:1200]
    for seed in range(3):
        spoiled, rng = list(lines), random.Random(seed)
        at = rng.randrange(100, 1000)
        if fault == "dropped":
            del spoiled[at]
        elif fault == "doubled":
            spoiled.insert(at + 1, spoiled[at])
        elif fault == "swapped":
            spoiled[at], spoiled[at + 1] = spoiled[at + 1], spoiled[at]
        elif fault == "cut":
            spoiled[at] = spoiled[at][0], spoiled[at][1][:-7]
        else:  # the connection was opened anew
            for number, (ts, frame) in enumerate(spoiled[at:]):
                body = json.loads(frame) | {"sequence_num": number}
                spoiled[at + number] = ts, frame_of(body)
        expected, found, _ = both(spoiled, 64, table_here())
        assert found.tobytes() == expected.tobytes()
        codes = found["w0"][found["kind"] == EventKind.STATUS]
        told = {"doubled": StatusCode.DUPLICATE}.get(fault, StatusCode.GAP)
        assert told in codes or fault == "doubled"
