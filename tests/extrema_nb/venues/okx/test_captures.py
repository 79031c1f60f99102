"""Captured days: every frame decodes, every checksum agrees, three connections make one book."""

from __future__ import annotations

import heapq
import json
import math
import random
import re
from collections import Counter

import pytest

from extrema_nb.channels import Lob, Trades
from extrema_nb.errors import VenueDecodeError
from extrema_nb.events import TRADE, EventKind, StatusCode, empty_events
from extrema_nb.feeds.pipeline import MarketPipeline
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues.okx import VENUE
from tests.extrema_nb.venues.captured import NaiveBook, codes, frames

FILES = {  # file -> frames, book messages
    "20210722/OKEX.ws.1.0.txt.gz": (1616, 1504),
    "20210722/OKEX.ws.2.0.txt.gz": (1559, 1446),
    "20210722/OKEX.ws.3.0.txt.gz": (1534, 1422),
    "20220513/OKX.ws.1.0.txt.gz": (410, 290),
}
THREE = [name for name in FILES if name.startswith("2021")]
SYMBOL = re.compile(rb'"instId": ?"([^"]+)"')


def capture(shared_data, name):
    return list(frames(shared_data / "okx/capture_cryptofeed" / name))


def table_of(lines):
    symbols = {m.decode() for _, frame in lines for m in SYMBOL.findall(frame)}
    return InstrumentTable(
        Instrument(venue="okx", symbol=symbol, name=VENUE.name_of(symbol))
        for symbol in sorted(symbols)
    )


def run(lines):
    """Return (pipeline, naive books, codes of STATUS rows, rows published)."""
    pipeline = MarketPipeline(VENUE, table_of(lines))
    books, said, published = {}, Counter(), []
    for ts, frame in lines:
        rows = pipeline.on_frame(frame, ts)
        said.update(codes(rows))
        if pipeline.slot == VENUE.diff_slot:
            book = books.setdefault(pipeline.inst, NaiveBook())
            book.take(rows)
            assert not book.crossed, (ts, frame)
            published.append(rows[rows["kind"] == EventKind.LOB].copy())
    return pipeline, books, said, published


@pytest.mark.parametrize("name", FILES)
def test_every_frame_decodes_and_every_checksum_agrees(shared_data, name):
    lines = capture(shared_data, name)
    pipeline, books, said, _ = run(lines)
    count, messages = FILES[name]
    assert len(lines) == count
    syncs = pipeline.syncs.values()
    assert sum(sync.checked for sync in syncs) == messages
    assert set(said) == {int(StatusCode.RESYNCED)}
    assert all(sync.mismatches == sync.gaps == sync.duplicates == 0 for sync in syncs)
    assert set(pipeline.unknown) == {"tickers"}
    assert len(books) == (10 if name in THREE else 3)


@pytest.mark.parametrize("name", FILES)
def test_rows_say_what_the_json_says(shared_data, name):
    lines = capture(shared_data, name)
    decoder, out = VENUE.decoder(table_of(lines)), empty_events(4096)
    slots = (VENUE.slot_of(Trades(aggregate=True)), VENUE.slot_of(Lob()))
    for ts, frame in lines:
        n = decoder.decode(frame, ts, out, 0)
        if decoder.slot not in slots:
            assert n == 0
            continue
        rows = out[:n].view(TRADE)  # price and qty stand first in both views
        found = [(int(r.ts_event), int(r.side), float(r.price), float(r.qty)) for r in rows]
        data = json.loads(frame)["data"]
        if decoder.slot == slots[0]:
            expected = [
                (
                    int(d["ts"]) * 1000,
                    1 if d["side"] == "buy" else -1,
                    float(d["px"]),
                    float(d["sz"]),
                )
                for d in data
            ]
        else:
            (d,) = data
            expected = [
                (int(d["ts"]) * 1000, side, float(level[0]), float(level[1]))
                for side, key in ((1, "bids"), (-1, "asks"))
                for level in d[key]
            ]
        if not expected:  # a message without levels
            assert rows["side"].tolist() == [0]
            continue
        assert found == expected
        assert set(rows["ts_recv"].tolist()) == {ts}


@pytest.mark.slow
def test_three_connections_to_the_same_instruments_make_one_book(shared_data):
    """A frame is used when it comes first, and its copies are told and dropped."""
    lines = list(heapq.merge(*(capture(shared_data, name) for name in THREE)))
    pipeline, books, said, published = run(lines)
    syncs = list(pipeline.syncs.values())
    total = sum(messages for name, (_, messages) in FILES.items() if name in THREE)
    assert set(said) == {int(StatusCode.RESYNCED), int(StatusCode.DUPLICATE)}
    assert sum(sync.duplicates for sync in syncs) == said[StatusCode.DUPLICATE]
    assert sum(sync.checked for sync in syncs) + said[StatusCode.DUPLICATE] == total
    assert all(sync.mismatches == sync.gaps == 0 for sync in syncs)
    alone = [run(capture(shared_data, name)) for name in THREE]
    assert len(published) == total
    unique = {rows["ts_event"][0] * 100 + rows["inst"][0] for rows in published if len(rows)}
    assert len(unique) == sum(len(rows) > 0 for rows in published)  # each message once
    longest = alone[0][1]
    for inst, book in longest.items():
        assert (book.bids, book.asks) == (books[inst].bids, books[inst].asks)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fault", ["lost", "twice", "swapped", "cut"])
def test_faults_at_random_are_noticed_and_healed(shared_data, fault, seed):
    """No wrong book is ever published as good, and a snapshot mends it."""
    lines = capture(shared_data, "20220513/OKX.ws.1.0.txt.gz")
    updates = [i for i, (_, frame) in enumerate(lines) if b'"update"' in frame[:90]]
    snapshots = {
        SYMBOL.search(frame)[1]: frame for _, frame in lines if b'"snapshot"' in frame[:90]
    }
    rng = random.Random(seed)
    hit = set(rng.sample(updates, 20))
    sent = []
    for i, (ts, frame) in enumerate(lines):
        if i not in hit:
            sent.append((ts, frame))
        elif fault == "twice":
            sent += [(ts, frame)] * 2
        elif fault == "swapped":
            symbol = SYMBOL.search(frame)[1]
            at = max(k for k, (_, other) in enumerate(sent) if SYMBOL.search(other)[1] == symbol)
            sent.insert(at, (sent[at][0], frame))
        elif fault == "cut":
            sent.append((ts, frame[: rng.randrange(1, len(frame))]))
    pipeline = MarketPipeline(VENUE, table_of(lines))
    said, refused, truth = Counter(), 0, {}
    for ts, frame in sent:
        try:
            rows = pipeline.on_frame(frame, ts)
        except VenueDecodeError:
            refused += 1
            continue
        said.update(codes(rows))
    syncs = list(pipeline.syncs.values())
    if fault == "twice":
        assert said[StatusCode.DUPLICATE] == 20
        assert not said[StatusCode.GAP]
        return
    assert said[StatusCode.GAP] >= 1
    assert said[StatusCode.GAP] == sum(sync.gaps for sync in syncs) == said[StatusCode.STALE]
    assert refused == (20 if fault == "cut" else 0)
    for symbol, frame in snapshots.items():
        later = json.loads(frame)
        later["data"][0]["ts"] = "1752459225464"
        rows = pipeline.on_frame(json.dumps(later).encode(), sent[-1][0])
        truth[symbol] = codes(rows)
    assert set(map(tuple, truth.values())) == {(int(StatusCode.RESYNCED),)}
    assert not any(sync.needs_snapshot for sync in syncs)


def test_frames_of_the_independent_mapper_mean_the_same(shared_data):
    """Raw messages with another project's normalized result."""
    compared = Counter()
    for line in (shared_data / "okx/frames/tardis_mapper_pairs.jsonl").read_text().splitlines():
        pair = json.loads(line)
        raw, wanted = pair["raw"], pair["expected_normalized"]
        channel = raw.get("arg", {}).get("channel", "")
        if "table" in raw or channel.startswith("sprd") or raw["arg"].get("generated"):
            continue  # the API before v5, spreads, and messages that project made itself
        frame = json.dumps(raw).encode()
        table = table_of([(0, frame)])
        decoder, out = VENUE.decoder(table), empty_events(50)
        n = decoder.decode(frame, 0, out, 0)
        compared[channel, bool(n)] += compare(out[:n], wanted, decoder)
    assert compared["trades", True] == 1
    assert compared["trades-all", True] == 1
    assert compared["books-l2-tbt", True] == 4
    assert compared["bbo-tbt", True] == 1
    assert compared["mark-price", True] == 3
    assert compared["open-interest", True] == 2
    assert compared["funding-rate", True] == 1


def compare(rows, wanted, decoder):
    """Assert that rows hold what the expected messages say; return how many were compared."""
    count = 0
    for message in wanted:
        if message["type"] == "trade":
            (row,) = rows.view(TRADE)
            assert (row.price, row.qty) == (message["price"], message["amount"])
            assert (str(row.trade_id), row.side) == (
                message["id"], 1 if message["side"] == "buy" else -1,
            )  # fmt: skip
        elif message["type"] == "book_change":
            levels = [(1, x) for x in message["bids"]] + [(-1, x) for x in message["asks"]]
            assert [(int(r.side), float(r.price), float(r.qty)) for r in rows.view(TRADE)] == [
                (side, x["price"], x["amount"]) for side, x in levels
            ]
            assert bool(rows["flags"][0] & 2) == message["isSnapshot"]
        elif message["type"] == "book_ticker" and len(rows):
            assert rows.view("<f8").reshape(-1, 8)[0, 3:7].tolist() == [
                message["bidPrice"], message["bidAmount"], message["askPrice"],
                message["askAmount"],
            ]  # fmt: skip
        elif message["type"] == "derivative_ticker" and len(rows):
            said = rows.view("<f8").reshape(-1, 8)[0, 3:7].tolist()
            names = ("fundingRate", "markPrice", "indexPrice", "openInterest")
            mine = {k: v for k, v in zip(names, said, strict=True) if not math.isnan(v)}
            assert mine
            assert mine.items() <= message.items()
        else:
            continue
        count += 1
    return count


def test_frames_of_other_projects_decode_or_are_counted(shared_data):
    folder = shared_data / "okx/frames"
    raws = [json.loads(line)["raw"] for line in open_lines(folder / "crypto_msg_parser_okx.jsonl")]
    raws += [json.loads(line) for line in open_lines(folder / "gct_wsAllTrades.jsonl")]
    found = json.loads((folder / "nautilus_test_data.json").read_bytes())
    raws += [v for key, v in found.items() if key.startswith("ws_") and "arg" in v]
    for steps in json.loads((folder / "jkorf_subscriptions.json").read_bytes()).values():
        raws += [s["frame"] for s in steps if s["dir"] in ("server_acks", "server_pushes")]
    slots = Counter()
    for raw in raws:
        if (
            not isinstance(raw, dict)
            or not {"arg", "event"} & set(raw)
            or raw.get("event") == "login"
        ):
            continue  # the API before v5, REST answers, private logins
        frame = json.dumps(raw).encode()
        decoder = VENUE.decoder(table_of([(0, frame)]))
        decoder.decode(frame, 0, empty_events(100), 0)
        slots[decoder.slot] += 1
    assert slots[VENUE.diff_slot] == 7
    assert len(slots) >= 8


def open_lines(path):
    return path.read_text().splitlines()
