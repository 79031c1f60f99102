"""Every line of the captured minute decodes; frames of others mean what they say."""

from __future__ import annotations

import json
import math
from collections import Counter

from extrema_nb.events import BBO, FUNDING, LOB_LEVEL, TRADE, EventKind
from extrema_nb.feeds.pipeline import MarketPipeline
from extrema_nb.venues.hyperliquid import VENUE, Decoder
from tests.streamed import NOW, PlainBook, frame_of, lines_of, pairs_of, rows_of, table_of, us_of

CAPTURE = "hyperliquid/capture/btcusd_20250126.gz"


def test_every_line_of_the_capture_decodes_to_what_its_json_says(shared_data):
    decoder = Decoder(table_of(VENUE, ["BTC"]))
    counts = Counter()
    for ts, frame in lines_of(shared_data / CAPTURE):
        data = json.loads(frame)
        rows = rows_of(decoder, frame, ts)
        counts[data["channel"]] += 1
        if data["channel"] == "trades":
            found = [(r.ts_event, r.side, r.price, r.qty, r.trade_id) for r in rows.view(TRADE)]
            expected = [
                (t["time"] * 1000, 1 if t["side"] == "B" else -1, float(t["px"]), float(t["sz"]), t["tid"])
                for t in data["data"]
            ]  # fmt: skip
        else:
            book = data["data"]
            found = [(r.ts_event, r.side, r.price, r.qty) for r in rows.view(LOB_LEVEL)]
            expected = [
                (book["time"] * 1000, side, float(level["px"]), float(level["sz"]))
                for side, levels in zip((1, -1), book["levels"], strict=True)
                for level in levels
            ]
        assert found == expected
        assert set(rows["ts_recv"].tolist()) == {ts}
    assert counts == {"l2Book": 46, "trades": 9}
    assert not decoder.unknown


def test_the_rebuilt_book_is_the_venues_and_never_crosses(shared_data):
    pipeline, book = MarketPipeline(VENUE, table_of(VENUE, ["BTC"])), PlainBook()
    pushes = 0
    for ts, frame in lines_of(shared_data / CAPTURE):
        rows = pipeline.on_frame(frame, ts)
        if pipeline.slot != VENUE.diff_slot:
            continue
        pushes += 1
        book.apply(rows[rows["kind"] == EventKind.LOB])
        bids, asks = json.loads(frame)["data"]["levels"]
        assert book.sides[1] == {float(x["px"]): float(x["sz"]) for x in bids}
        assert book.sides[-1] == {float(x["px"]): float(x["sz"]) for x in asks}
        assert not book.crossed
    assert pushes == 46
    assert pipeline.syncs[0].gaps == pipeline.syncs[0].superseded == 0


def test_rows_mean_what_another_mapper_says(shared_data):
    pairs = pairs_of(shared_data / "hyperliquid/frames/tardis_mapper_pairs.jsonl", "hyperliquid")
    table = table_of(VENUE, ["FXS", "BTC", "SHIA", "MOODENG", "@162"])
    compared = Counter()
    for raw, expected in pairs:
        rows = rows_of(Decoder(table), frame_of(raw))
        for theirs in expected:
            compared[theirs["type"]] += 1
            assert table[int(rows["inst"][0])].symbol == theirs["symbol"]
            assert rows["ts_event"][0] == us_of(theirs["timestamp"])
            if theirs["type"] == "trade":
                (row,) = rows.view(TRADE)
                assert (row.price, row.qty) == (theirs["price"], theirs["amount"])
                assert row.side == {"buy": 1, "sell": -1}[theirs["side"]]
                assert row.trade_id == int(theirs["id"])
            elif theirs["type"] == "book_ticker":
                (row,) = rows.view(BBO)
                assert (row.bid_price, row.bid_qty) == (theirs["bidPrice"], theirs["bidAmount"])
                assert math.isnan(row.ask_price) == ("askPrice" not in theirs)
                assert row.ask_qty == theirs.get("askAmount", 0)
            elif theirs["type"] == "derivative_ticker":
                (row,) = rows.view(FUNDING)
                assert (row.rate, row.mark_price, row.index_price, row.open_interest) == tuple(
                    theirs[k] for k in ("fundingRate", "markPrice", "indexPrice", "openInterest")
                )
            else:
                assert theirs["isSnapshot"]
                assert (rows["side"] == 0).all()  # an empty book
    assert compared == {"trade": 2, "book_ticker": 2, "derivative_ticker": 1, "book_change": 1}


def test_pushes_of_a_third_project_are_read(shared_data):
    path = shared_data / "hyperliquid/frames/jkorf_subscriptions.json"
    decoder = Decoder(table_of(VENUE, ["HYPE", "BTC"]))
    kinds = Counter()
    for messages in json.loads(path.read_text()).values():
        for message in messages:
            if message["dir"] != "client_sends":
                kinds.update(rows_of(decoder, message["frame"])["kind"].tolist())
    assert kinds == {EventKind.CANDLE: 1, EventKind.LOB: 4, EventKind.TRADE: 1}
    assert decoder.unknown == {"allMids": 1, "user": 1}
    assert decoder.acks == 5
    fixtures = json.loads((shared_data / "hyperliquid/frames/nautilus_test_data.json").read_text())
    rows = rows_of(decoder, {"channel": "l2Book", "data": fixtures["ws_book_data.json"]}, NOW)
    assert len(rows) == 10
