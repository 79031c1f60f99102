"""Every line of the captured half minute of the older feed decodes; its books never cross."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np

from extrema_nb.events import BBO, LOB_LEVEL, TRADE, EventKind, Flag
from extrema_nb.feeds.pipeline import MarketPipeline
from extrema_nb.venues.coinbase import VENUE, Decoder
from tests.streamed import PlainBook, lines_of, rows_of, table_of, us_of

CAPTURE = "coinbase/capture_cryptofeed/20210417/COINBASE.ws.28.0.txt.gz"
SYMBOLS = ["SKL-USD", "SKL-BTC", "BAND-GBP", "NMR-EUR", "BAND-BTC", "YFI-BTC", "DASH-BTC", "NU-GBP",
           "CRV-EUR", "SKL-GBP"]  # fmt: skip


def expected_of(data):
    """Say what the rows of a message must hold, by way of the standard library's JSON."""
    if data["type"] in ("match", "last_match"):
        side = {"buy": -1, "sell": 1}[data["side"]]
        return [
            (us_of(data["time"]), side, float(data["price"]), float(data["size"]), data["trade_id"])
        ]
    if data["type"] == "ticker":
        return [(us_of(data["time"]), float(data["best_bid"]), float(data["best_ask"]))]
    changes = data.get("changes") or [
        (side, *level) for side, name in (("buy", "bids"), ("sell", "asks")) for level in data[name]
    ]
    found = [
        ({"buy": 1, "sell": -1}[side], float(price), float(qty)) for side, price, qty in changes
    ]
    return sorted(found, key=lambda level: -level[0])


def test_every_line_of_the_capture_decodes_to_what_its_json_says(shared_data):
    decoder, counts = Decoder(table_of(VENUE, SYMBOLS)), Counter()
    for ts, frame in lines_of(shared_data / CAPTURE):
        data = json.loads(frame)
        rows = rows_of(decoder, frame, ts)
        counts[data["type"]] += 1
        if data["type"] == "subscriptions":
            assert not len(rows)
            continue
        if data["type"] in ("match", "last_match"):
            found = [(r.ts_event, r.side, r.price, r.qty, r.trade_id) for r in rows.view(TRADE)]
        elif data["type"] == "ticker":
            found = [(r.ts_event, r.bid_price, r.ask_price) for r in rows.view(BBO)]
        else:
            found = [(r.side, r.price, r.qty) for r in rows.view(LOB_LEVEL)]
        assert found == expected_of(data)
    assert counts == {
        "l2update": 4970, "ticker": 35, "match": 29, "snapshot": 6, "last_match": 6, "subscriptions": 3,
    }  # fmt: skip
    assert not decoder.unknown


def test_rebuilt_books_never_cross(shared_data):
    table = table_of(VENUE, SYMBOLS)
    pipeline = MarketPipeline(VENUE, table)
    out = [pipeline.on_frame(frame, ts).copy() for ts, frame in lines_of(shared_data / CAPTURE)]
    rows = np.concatenate(out)
    books = 0
    for inst in range(len(SYMBOLS)):
        own = rows[(rows["inst"] == inst) & (rows["kind"] == EventKind.LOB)]
        book = PlainBook()
        ends = np.flatnonzero(own["flags"] & Flag.LAST) + 1
        for start, end in zip([0, *ends[:-1]], ends, strict=False):
            book.apply(own[start:end])
            assert not book.crossed
        books += bool(len(own))
    assert books == 6
    assert not (rows["flags"] & Flag.STALE).any()
