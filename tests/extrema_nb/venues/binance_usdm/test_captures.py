"""Every line of the captured days decodes, counts as published, and chains; frames of others too."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import datetime

import numpy as np
import pytest

from extrema_nb.events import (
    BBO,
    LOB_LEVEL,
    TRADE,
    EventKind,
    Flag,
    StatusCode,
    empty_events,
)
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues.binance_usdm import VENUE

DAYS = {
    "btcusdt_20230404.dat.gz": 1000,  # local time: units a µs
    "btcusdt_20230405.dat.gz": 1000,
    "btcusdt_20240808.gz": 1,
    "ethusdt_20240718.gz": 1,
    "ethusdt_20240719.gz": 1,
}
SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "BTCUSDT_210625", "ETHUSDT_210625", "ETHUSDT_220624",
           "BTCUSDT_220624")  # fmt: skip


def table():
    return InstrumentTable(
        Instrument(venue="binance-usdm", symbol=symbol, name=VENUE.name_of(symbol))
        for symbol in SYMBOLS
    )


def lines_of(shared_data, name):
    """Return (ts_recv µs, frame) of a captured day."""
    path = shared_data / "binance_usdm/capture" / name
    if not path.is_file():
        pytest.skip(f"needs {name} in the captured data")
    with gzip.open(path) as file:
        for line in file:
            stamp, _, frame = line.rstrip().partition(b" ")
            yield int(stamp) // (1 if DAYS[name] == 1000 else 1000), frame


def expected_of(data):
    """Say what the rows of a message must hold, by way of the standard library's JSON."""
    kind = data["e"]
    if kind == "trade":
        return [(data["T"] * 1000, -1 if data["m"] else 1, float(data["p"]), float(data["q"]))]
    if kind == "bookTicker":
        return [(data["T"] * 1000, 0, float(data["b"]), float(data["B"]))]
    levels = [(1, level) for level in data["b"]] + [(-1, level) for level in data["a"]]
    return [(data["T"] * 1000, side, float(price), float(qty)) for side, (price, qty) in levels]


@pytest.mark.slow
@pytest.mark.parametrize("name", DAYS)
def test_every_line_of_a_day_decodes(shared_data, name):
    decoder = VENUE.decoder(table())
    out = empty_events(4096)
    counts, flags, snapshots, lines = Counter(), Counter(), 0, 0
    last = None
    for ts, frame in lines_of(shared_data, name):
        lines += 1
        if VENUE.is_snapshot(frame):
            snapshots += 1
            assert len(VENUE.decode_snapshot(frame, 0, ts)) == 2000
            continue
        n = decoder.decode(frame, ts, out, 0)
        counts[decoder.slot] += 1
        if decoder.slot < 0:
            continue
        rows = out[:n]
        flags[int(rows["flags"][-1])] += 1
        if decoder.slot == VENUE.diff_slot:
            level = rows.view(LOB_LEVEL)[0]
            assert last is None or level["prev_seq"] == last  # the day has no gap
            last = level["seq"]
        if lines % 50 == 0:
            data = json.loads(frame)["data"]
            expected = expected_of(data)
            found = rows.view(LOB_LEVEL)  # price and qty stand first in all three views
            assert [
                (int(r["ts_event"]), int(r["side"]), float(r["price"]), float(r["qty"]))
                for r in found
            ] == expected
            assert set(rows["ts_recv"].tolist()) == {ts}
    assert set(decoder.unknown) <= {"markPriceUpdate"}  # in the days of 2023
    assert sum(counts.values()) + snapshots == lines
    assert snapshots == (name in {"btcusdt_20230404.dat.gz", "btcusdt_20240808.gz",
                                  "ethusdt_20240718.gz"})  # fmt: skip
    if name == "btcusdt_20240808.gz":
        assert lines == 93_954
        trades, bbo, depth = (VENUE.slot_of(c) for c in channels())
        assert (counts[bbo], counts[trades], counts[depth]) == (66_089, 21_313, 6_551)
    assert flags[Flag.LAST | Flag.OFF_BOOK] == (name == "btcusdt_20230405.dat.gz")


def channels():
    from extrema_nb.channels import Lob, Trades

    return Trades(), Lob("bbo"), Lob()


def test_two_days_continue_each_other(shared_data):
    ends = []
    for name in ("ethusdt_20240718.gz", "ethusdt_20240719.gz"):
        ids = [
            (data["pu"], data["u"])
            for _, frame in lines_of(shared_data, name)
            if b'"depthUpdate"' in frame[:120]
            for data in [json.loads(frame)["data"]]
        ]
        ends.append((ids[0][0], ids[-1][1]))
    assert ends[1][0] == ends[0][1]


def messages(shared_data, count):
    """Return the first book frames of a captured day, the snapshot among them."""
    found = []
    for ts, frame in lines_of(shared_data, "btcusdt_20240808.gz"):
        if VENUE.is_snapshot(frame) or b"depthUpdate" in frame[:120]:
            found.append((ts, frame))
            if len(found) == count:
                break
    return found


def sync_over(frames):
    """Return (published rows, state machine) of book frames."""
    decoder, sync, out = VENUE.decoder(table()), VENUE.book_sync(0), empty_events(4096)
    published = []
    for ts, frame in frames:
        if VENUE.is_snapshot(frame):
            published.append(sync.on_snapshot(VENUE.decode_snapshot(frame, 0, ts)).copy())
        else:
            published.append(sync.on_diff(out[: decoder.decode(frame, ts, out, 0)]).copy())
    return np.concatenate(published), sync


def test_the_captured_snapshot_joins_its_diffs(shared_data):
    rows, sync = sync_over(messages(shared_data, 300))
    assert (sync.gaps, sync.duplicates, sync.resyncs, sync.superseded) == (0, 0, 1, 4)
    assert rows[0]["flags"] == Flag.SNAPSHOT | Flag.START
    assert (np.diff(rows["ts_recv"]) >= 0).all()
    assert len(rows[rows["kind"] == EventKind.STATUS]) == 1


@pytest.mark.parametrize("fault", ["lost", "repeated", "swapped"])
@pytest.mark.parametrize("seed", range(5))
def test_a_fault_anywhere_in_a_day_is_found(shared_data, fault, seed):
    frames = messages(shared_data, 120)
    at = int(np.random.default_rng(seed).integers(20, 118))
    if fault == "lost":
        del frames[at]
    elif fault == "repeated":
        frames.insert(at, frames[at])
    else:
        frames[at], frames[at + 1] = frames[at + 1], frames[at]
    rows, sync = sync_over(frames)
    codes = set(rows[rows["kind"] == EventKind.STATUS].view(LOB_LEVEL)["price"].view(np.int64))
    if fault == "repeated":
        assert (sync.gaps, sync.duplicates) == (0, 1)
        assert StatusCode.DUPLICATE in codes
    else:
        assert sync.gaps == 1
        assert {StatusCode.GAP, StatusCode.STALE} <= codes


def jsonl(shared_data, name):
    path = shared_data / "binance_usdm/frames" / name
    if not path.is_file():
        pytest.skip(f"needs {name} in the captured data")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def micros(text):
    return round(datetime.fromisoformat(text).timestamp() * 1000) * 1000


@pytest.mark.parametrize("compact", [True, False])
def test_an_independent_mapper_says_the_same(shared_data, compact):
    decoder, out = VENUE.decoder(table()), empty_events(64)
    compared = 0
    for pair in jsonl(shared_data, "tardis_mapper_pairs.jsonl"):
        separators = (",", ":") if compact else None
        raw = json.dumps(pair["raw"], separators=separators).encode()
        n = decoder.decode(raw, 1, out, 0)
        for expected in pair["expected_normalized"]:
            if expected["type"] == "trade":
                row = out[:n].view(TRADE)[0]
                assert (row["price"], row["qty"]) == (expected["price"], expected["amount"])
                assert row["side"] == {"buy": 1, "sell": -1}[expected["side"]]
                assert str(row["trade_id"]) == expected["id"]
                assert row["ts_event"] == micros(expected["timestamp"])
                compared += 1
            elif expected["type"] == "book_ticker":
                row = out[:n].view(BBO)[0]
                assert (row["bid_price"], row["bid_qty"], row["ask_price"], row["ask_qty"]) == (
                    expected["bidPrice"], expected["bidAmount"],
                    expected["askPrice"], expected["askAmount"],
                )  # fmt: skip
                assert row["ts_event"] == pair["raw"]["data"]["T"] * 1000
                compared += 1
    assert compared == 3
    assert set(decoder.unknown) >= {"24hrTicker", "markPriceUpdate"}


def test_frames_of_other_projects_decode_or_are_known_strangers(shared_data):
    decoder, out = VENUE.decoder(table()), empty_events(256)
    frames = [row["raw"] for row in jsonl(shared_data, "crypto_msg_parser_binance.jsonl")]
    folder = shared_data / "binance_usdm/frames"
    pushed = json.loads((folder / "jkorf_subscriptions.json").read_text(encoding="utf-8"))
    frames += [f["frame"] for part in pushed.values() for f in part if f["dir"] == "server_pushes"]
    nautilus = json.loads((folder / "nautilus_test_data.json").read_text(encoding="utf-8"))
    frames += [frame for name, frame in nautilus.items() if "market_data_json" in name]
    kinds = Counter()
    for frame in frames:
        if "data" not in frame and "e" not in frame:
            continue  # an answer of REST
        n = decoder.decode(json.dumps(frame).encode(), 1, out, 0)
        kinds[decoder.slot] += 1
        if n:
            assert out[n - 1]["flags"] & Flag.LAST
    assert all(kinds[slot] for slot in range(6))
    assert kinds[-1] == sum(decoder.unknown.values())
