"""The compiled scanner says of each frame what decoder and book say, or leaves it to them."""

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
from extrema_nb.kernels.memory import CHAINED
from extrema_nb.kernels.shapes import layout
from extrema_nb.venues.dydx import VENUE, BookSync, Decoder
from extrema_nb.venues.dydx.shapes import SHAPES
from tests.extrema_nb.venues.dydx.test_captures import CAPTURE, SYMBOLS
from tests.extrema_nb.venues.scanned import GARBLES, garbled, one_field_changed, scan_frame
from tests.streamed import NOW, frame_of, lines_of, table_of

TABLE = table_of(VENUE, ["BTC-USD", "ETH-USD"])
TABLES = layout(SHAPES)
ROOM = empty_events(4000)
NAMED = [(row.symbol, inst) for inst, row in enumerate(TABLE)]


def message(channel, contents, kind="channel_data", number=5, **more):
    """Return a message in the venue's order of keys."""
    return {
        "type": kind, "connection_id": "c-1", "message_id": number, "id": "BTC-USD",
        "channel": channel, "version": "1.0.0", "contents": contents,
    } | more  # fmt: skip


SIDES = {"bids": [["43240.0", "2.0"], ["43238.0", "0"]], "asks": [["43250.0", "0.5"]]}
MATCH = {"id": "0165e5e30000000200000002", "size": "79.2", "price": "25.22", "side": "BUY",
         "createdAt": "2024-08-22T23:59:58.855Z", "type": "LIMIT"}  # fmt: skip
OLD_MATCH = {"side": "SELL", "size": "1", "price": "9", "createdAt": "2021-10-28T18:03:51.855Z"}
BATCH = "channel_batch_data"
HOT = [
    message("v4_orderbook", SIDES), message("v4_orderbook", {"asks": [["43250.0", "0.0"]]}),
    message("v4_orderbook", [{"bids": [["43230", "4"]]}, {"asks": [["43229", "3.0"]]}, SIDES], BATCH),
    message("v4_trades", {"trades": [MATCH, MATCH | {"type": "DELEVERAGED"}]}),
    message("v4_trades", [{"trades": [MATCH | {"type": "DELEVERAGED"}]}, {"trades": [OLD_MATCH]}], BATCH),
    message("v3_orderbook", {"offset": "2693988240", "bids": [], "asks": [["4217.8", "13.34"]]}),
    message("v3_trades", {"trades": [OLD_MATCH]}),
]  # fmt: skip


def book_here():
    """Return a book in sequence up to message 3."""
    decoder, sync = Decoder(TABLE), BookSync(0)
    level = {"price": "43230", "size": "1", "offset": "7"}
    first = message("v3_orderbook", {"bids": [level], "asks": [level | {"price": "43245"}]})
    n = decoder.decode(frame_of(first | {"type": "subscribed", "message_id": 3}), NOW, ROOM, 0)
    sync.on_diff(ROOM[:n])
    return sync


def by_decoder(frame):
    """Return what decoder and book make of a frame: its rows, or the error's words."""
    decoder = Decoder(TABLE)
    decoder._lines.advance("c-1", 4, 0)
    decoder.line_went_on(4, 0, {0: 3}, "c-1")
    try:
        n = decoder.decode(frame, NOW, ROOM, 0)
    except VenueError as error:
        return type(error), str(error)
    rows = ROOM[:n].copy()
    if decoder.slot == VENUE.diff_slot and decoder.inst == 0:
        rows = book_here().on_diff(rows)
    return rows.tobytes(), decoder.inst, decoder.slot


def scanned(frame):
    """Return what the scanner makes of it, None when it leaves it to others."""
    scanner, sync = BurstScanner(TABLES, NAMED), book_here()
    scanner.modes[0], scanner.last_seq[0], scanner.aged[0] = CHAINED, 3, sync.levels_at
    scanner.open_lines({"c-1": (0, 4, 0, 0)})
    return scan_frame(scanner, frame, NOW)


@pytest.mark.parametrize("data", HOT)
def test_every_hot_channel_is_taken(data):
    assert scanned(frame_of(data)) == by_decoder(frame_of(data))


OTHERS = [
    message("v4_orderbook", SIDES, "subscribed"), message("v4_orderbook", SIDES, number=6),
    message("v4_orderbook", SIDES, number=4), message("v4_orderbook", SIDES, BATCH),
    message("v4_orderbook", [SIDES]), message("v4_orderbook", {}), message("v4_orderbook", [], BATCH),
    message("v4_orderbook", [SIDES, {}], BATCH), message("v4_orderbook", SIDES, id="ETH-USD"),
    message("v4_orderbook", SIDES, id="X-USD"), message("v4_orderbook", SIDES, connection_id="c-2"),
    message("v4_orderbook", {"bids": None, "asks": []}),
    message("v3_orderbook", [{"offset": "9", "bids": []}, {"offset": "8", "asks": []}], BATCH),
    message("v3_orderbook", {"bids": [], "asks": []}),
    message("v4_trades", {"trades": [MATCH | {"type": "LIQUIDATED"}]}),
    message("v4_trades", {"trades": [MATCH | {"id": "trade-1"}]}), message("v4_trades", {"trades": []}),
    message("v4_trades", {"trades": [MATCH | {"id": "8165e5e30000000200000002"}]}),
    message("v4_trades", {"trades": [MATCH | {"id": "0165e5e30001000200000002"}]}),
    message("v4_candles", {}), {"type": "connected", "connection_id": "c-1", "message_id": 5},
    {"type": "channel_data", "channel": "v4_trades", "contents": {"trades": [MATCH]},
     "connection_id": "c-1", "message_id": 5, "id": "BTC-USD"},
]  # fmt: skip


@pytest.mark.parametrize("data", OTHERS)
def test_other_frames_are_left_to_the_decoder(data):
    assert scanned(frame_of(data)) is None


VALUES = st.sampled_from(
    ["0", "1", "43245", "43229.5", "", "x", "1e5", "-1", "01", "NaN", "1000000000000000000",
     "BTC-USD", "ETH-USD", "c-1", BATCH, "channel_data", "LIQUIDATED", "v4_trades", "BUY",
     "2024-02-30T00:00:00Z", "2024-02-28T00:00:00.5Z", 0, 1, -1, 1.5, 5, 2**53, 2**64, True, None,
     [], {}, [{}], [["1", "2"]], [["1", "2", "3"]], SIDES, [SIDES]]
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


def today(lines, batch=0.3):
    """Return the capture of v3 as v4 would send it: some messages batched, without offsets."""
    out, rng = [], random.Random(5)
    for ts, frame in lines:
        data = json.loads(frame)
        if "channel" in data:
            data["channel"] = data["channel"].replace("v3", "v4")
        if data["type"] == "channel_data":
            data["contents"].pop("offset", None)
            before = out[-1][1] if out else {}
            joins = (before.get("id"), before.get("channel")) == (data["id"], data["channel"])
            if joins and before["type"] != "subscribed" and rng.random() < batch:
                held = before["contents"]
                before["contents"] = [
                    *(held if before["type"] == BATCH else [held]),
                    data["contents"],
                ]
                before["type"] = BATCH
                continue
        out.append((ts, data))
    for number, (_, data) in enumerate(out):
        data["message_id"] = number
    return [(ts, frame_of(data)) for ts, data in out]


def both(lines, size):
    """Return the rows of lines, one by one and in bursts, and how many frames were slow."""
    single = MarketPipeline(VENUE, table_of(VENUE, SYMBOLS))
    expected = []
    for ts, frame in lines:
        try:
            expected.append(single.on_frame(frame, ts).copy())
        except VenueError:
            continue
    burst = BurstPipeline(VENUE, table_of(VENUE, SYMBOLS), compiled=True)
    found = []
    for start in range(0, len(lines), size):
        part = lines[start : start + size]
        found.append(
            burst.on_frames(
                [f for _, f in part], [t for t, _ in part], lambda _number, _error: None
            ).copy()
        )
    for inst, sync in burst.syncs.items():
        assert (sync.late_levels, sync.uncrossed) == (
            single.syncs[inst].late_levels, single.syncs[inst].uncrossed,
        )  # fmt: skip
    return np.concatenate(expected), np.concatenate(found), burst.slow


@pytest.mark.slow
@pytest.mark.parametrize("version", ["v3", "v4"])
def test_a_capture_gives_the_same_rows_frame_by_frame_and_in_bursts(shared_data, version):
    lines = list(lines_of(shared_data / CAPTURE))
    lines = lines if version == "v3" else today(lines)
    for size in (1, 50, len(lines)):
        expected, found, slow = both(lines, size)
        assert found.tobytes() == expected.tobytes()
        assert slow < 60  # answers, what comes before the last of them, the first of each book


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["dropped", "doubled", "swapped", "cut", "renamed", "two"])
def test_faults_are_told_in_bursts_as_frame_by_frame(shared_data, fault):
    lines = today(list(lines_of(shared_data / CAPTURE)))[:1500]
    for seed in range(3):
        spoiled, rng = list(lines), random.Random(seed)
        at = rng.randrange(300, 1200)
        if fault == "dropped":
            del spoiled[at]
        elif fault == "doubled":
            spoiled.insert(at + 1, spoiled[at])
        elif fault == "swapped":
            spoiled[at], spoiled[at + 1] = spoiled[at + 1], spoiled[at]
        elif fault == "cut":
            spoiled[at] = spoiled[at][0], spoiled[at][1][:-7]
        elif fault == "renamed":  # the connection was opened anew
            for number, (ts, frame) in enumerate(spoiled[at:]):
                body = json.loads(frame) | {"message_id": number, "connection_id": "anew"}
                spoiled[at + number] = ts, frame_of(body)
        else:  # two connections carry the same instruments
            other = [
                (ts + 7, frame_of(json.loads(frame) | {"connection_id": "other"}))
                for ts, frame in spoiled
            ]
            spoiled = sorted(spoiled + other, key=lambda line: line[0])
        expected, found, _ = both(spoiled, 64)
        assert found.tobytes() == expected.tobytes()
        codes = found["w0"][found["kind"] == EventKind.STATUS]
        told = {"doubled": StatusCode.DUPLICATE}.get(fault, StatusCode.GAP)
        assert told in codes or fault in ("doubled", "two")


@given(st.lists(st.tuples(st.sampled_from(["bids", "asks"]), st.integers(95, 105), st.integers(0, 3)), min_size=1, max_size=40))  # fmt: skip
def test_crossing_changes_give_the_same_rows(changes):
    start = {"bids": [{"price": "99", "size": "1"}], "asks": [{"price": "101", "size": "1"}]}
    lines = [(NOW, frame_of(message("v4_orderbook", start, "subscribed", 0)))]
    for number, (side, price, size) in enumerate(changes, 1):
        contents = {side: [[str(price), str(size)]]}
        lines.append((NOW + number, frame_of(message("v4_orderbook", contents, number=number))))
    expected, found, slow = both([(ts, f.replace(b"BTC-USD", b"ETH-USD")) for ts, f in lines], 7)
    assert found.tobytes() == expected.tobytes()
    assert slow <= 2
