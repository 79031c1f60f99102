"""Every line of the captured half minute of v3 decodes and chains; frames of others agree."""

from __future__ import annotations

import json
import random
from collections import Counter

import numpy as np
import pytest

from extrema_nb.errors import VenueDecodeError
from extrema_nb.events import (
    FUNDING,
    LOB_LEVEL,
    STATUS,
    TRADE,
    EventKind,
    Flag,
    StatusCode,
)
from extrema_nb.feeds.pipeline import MarketPipeline
from extrema_nb.store import GapCheck
from extrema_nb.venues.dydx import VENUE, Decoder
from tests.naive.aged import sides_of
from tests.streamed import PlainBook, frame_of, lines_of, pairs_of, rows_of, table_of, us_of

CAPTURE = "dydx_v3/capture_cryptofeed/20211028/DYDX.ws.1.0.txt.gz"
SYMBOLS = ["ETH-USD", "MKR-USD", "LTC-USD", "UMA-USD", "SUSHI-USD", "UNI-USD", "CRV-USD", "BCH-USD",
           "EOS-USD", "XMR-USD"]  # fmt: skip


def expected_of(data):
    """Say what the rows of a message must hold, by way of the standard library's JSON."""
    contents = data["contents"]
    if data["channel"] == "v3_trades":
        trades = [
            (us_of(t["createdAt"]), {"BUY": 1, "SELL": -1}[t["side"]], float(t["price"]), float(t["size"]))
            for t in contents["trades"]
        ]  # fmt: skip
        if data["type"] == "subscribed":  # newest first, but for 17 of a thousand
            trades.reverse()
            trades.sort(key=lambda trade: trade[0])
        return trades
    pairs = []
    for side, levels in ((1, contents["bids"]), (-1, contents["asks"])):
        for level in levels:
            price, size = (level["price"], level["size"]) if isinstance(level, dict) else level
            pairs.append((side, float(price), float(size)))
    return pairs


def test_every_line_of_the_capture_decodes_to_what_its_json_says(shared_data):
    decoder = Decoder(table_of(VENUE, SYMBOLS))
    counts = Counter()
    for ts, frame in lines_of(shared_data / CAPTURE):
        data = json.loads(frame)
        rows = rows_of(decoder, frame, ts)
        counts[data["type"], data.get("channel")] += 1
        if "channel" not in data:
            continue
        if data["channel"] == "v3_trades":
            found = [(r.ts_event, r.side, r.price, r.qty) for r in rows.view(TRADE)]
        else:
            found = [(r.side, r.price, r.qty) for r in rows.view(LOB_LEVEL) if r.side]
        assert found == expected_of(data)
    assert counts == {
        ("connected", None): 1, ("subscribed", "v3_orderbook"): 10, ("channel_data", "v3_orderbook"): 4687,
        ("subscribed", "v3_trades"): 10, ("channel_data", "v3_trades"): 25,
    }  # fmt: skip
    assert decoder.losses == 0  # though ten answers come behind their numbers


def run(frames):
    """Return the rows of frames and the pipeline; what is refused counts as lost."""
    pipeline = MarketPipeline(VENUE, table_of(VENUE, SYMBOLS))
    out = []
    for ts, frame in frames:
        try:
            out.append(pipeline.on_frame(frame, ts).copy())
        except VenueDecodeError:
            continue
    return np.concatenate(out), pipeline


@pytest.mark.slow
def test_rebuilt_books_never_cross_and_what_is_published_chains(shared_data):
    rows, pipeline = run(lines_of(shared_data / CAPTURE))
    for inst in range(len(SYMBOLS)):
        book = PlainBook()
        own = rows[(rows["inst"] == inst) & (rows["kind"] == EventKind.LOB)]
        ends = np.flatnonzero(own["flags"] & Flag.LAST) + 1
        for start, end in zip([0, *ends[:-1]], ends, strict=True):
            book.apply(own[start:end])
            assert not book.crossed
        check = GapCheck()
        check.feed(own)
        assert check.gap_count == check.duplicates == 0
        sync = pipeline.syncs[inst]
        kept = sides_of(sync._block)
        assert book.sides == {
            side: {p: q for p, (q, _) in kept[side].items() if q} for side in (1, -1)
        }
        assert not sync.needs_snapshot
    assert sum(s.late_levels for s in pipeline.syncs.values()) == 34


FAULTS = {"deleted": StatusCode.GAP, "truncated": StatusCode.GAP, "swapped": StatusCode.GAP,
          "repeated": StatusCode.DUPLICATE}  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("fault", "code"), FAULTS.items())
def test_spoiled_lines_are_noticed_and_healed_by_new_snapshots(shared_data, fault, code, seed):
    frames = list(lines_of(shared_data / CAPTURE))
    first = frames[0][0]
    books = [i for i, (ts, f) in enumerate(frames) if b'"channel_data"' in f and b"v3_orderbook" in f
             and ts - first > 11_000_000]  # fmt: skip
    rng = random.Random(seed)
    at = rng.choice(books[:-500])
    ts, frame = frames[at]
    if fault == "deleted":
        del frames[at]
    elif fault == "truncated":
        frames[at] = ts, frame[: rng.randrange(1, len(frame))]
    elif fault == "repeated":
        frames.insert(at + 1, (ts, frame))
    else:
        frames[at : at + 2] = frames[at + 1], frames[at]
    rows, pipeline = run(frames)
    said = rows[rows["kind"] == EventKind.STATUS].view(STATUS)
    assert code in said["code"]
    broken = [inst for inst, sync in pipeline.syncs.items() if sync.needs_snapshot]
    if fault == "repeated":
        assert not broken
        return
    # a hole in the numbers of the connection may have been about any book that spoke later
    assert broken
    assert (rows["flags"] & Flag.STALE).any()
    number = json.loads(frames[-1][1])["message_id"]
    for inst in broken:
        number += 1
        answer = {
            "type": "subscribed", "connection_id": json.loads(frames[-1][1])["connection_id"],
            "message_id": number, "channel": "v3_orderbook", "id": SYMBOLS[inst],
            "contents": {"bids": [{"price": "1", "size": "1", "offset": "1"}], "asks": []},
        }  # fmt: skip
        healed = pipeline.on_frame(frame_of(answer), frames[-1][0])
        assert healed[-1:].view(STATUS)["code"] == StatusCode.RESYNCED
        assert not pipeline.syncs[inst].needs_snapshot


@pytest.mark.parametrize(
    ("path", "dialect", "count"),
    [("dydx_v4", "dydx-v4", {"trade": 3, "liquidation": 1, "book_change": 2, "derivative_ticker": 2}),
     ("dydx_v3", "dydx", {"trade": 2, "book_change": 5})],
)  # fmt: skip
def test_rows_mean_what_another_mapper_says(shared_data, path, dialect, count):
    table = table_of(VENUE, ["AVAX-USD", "BTC-USD", "GRT-USD", "ETH-USD", "1INCH-USD"])
    compared = Counter()
    for raw, expected in pairs_of(shared_data / path / "frames/tardis_mapper_pairs.jsonl", dialect):
        if raw["channel"] == "v3_markets":
            continue  # of v3, books and trades are read
        rows = rows_of(Decoder(table), frame_of(raw))
        trades = iter(rows[rows["kind"] == EventKind.TRADE].view(TRADE))
        funding = iter(rows[rows["kind"] == EventKind.FUNDING].view(FUNDING))
        for theirs in expected:
            kind = theirs["type"]
            compared[kind] += 1
            if kind in ("trade", "liquidation"):
                row = next(trades) if kind == "trade" else rows[rows["kind"] == EventKind.LIQUIDATION].view(TRADE)[0]  # fmt: skip
                assert (row.price, row.qty) == (theirs["price"], theirs["amount"])
                assert row.side == {"buy": 1, "sell": -1}[theirs["side"]]
                assert row.ts_event == us_of(theirs["timestamp"])
            elif kind == "derivative_ticker":
                row = next(funding)
                assert (row.rate, row.open_interest) == (
                    theirs["fundingRate"],
                    theirs["openInterest"],
                )
                assert row.mark_price == theirs["markPrice"]
            else:
                found = {(int(r.side), r.price, r.qty) for r in rows.view(LOB_LEVEL) if r.side}
                assert found == {
                    (side, level["price"], level["amount"])
                    for side, name in ((1, "bids"), (-1, "asks"))
                    for level in theirs[name]
                }
                assert bool(rows["flags"][0] & Flag.START) == theirs["isSnapshot"]
    assert compared == count


def test_frames_of_a_third_project_are_read(shared_data):
    path = shared_data / "dydx_v4/frames/nautilus_test_data.json"
    decoder = Decoder(table_of(VENUE, ["BTC-USD", "ETH-USD"]))
    kinds = Counter()
    for name, data in json.loads(path.read_text()).items():
        if name.startswith("ws_") and name != "ws_error.json":
            kinds.update(rows_of(decoder, data)["kind"].tolist())
    assert kinds[EventKind.TRADE] == 2
    assert kinds[EventKind.LOB] == 6
    assert kinds[EventKind.CANDLE] == 1
    assert kinds[EventKind.FUNDING] == 6
    assert set(decoder.unknown) == {"v4_block_height", "v4_subaccounts"}
