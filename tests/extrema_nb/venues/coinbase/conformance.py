"""Captures and frames of Coinbase for the conformance suite."""

from __future__ import annotations

import json

from tests.conformance.reading import compact
from tests.conformance.spec import Capture, Cases, Frames, Oracle

__all__ = ["CASES"]

FEED = "coinbase/capture_cryptofeed/20210417/COINBASE.ws.28.0.txt.gz"
FRAMES = "coinbase/frames/"
SIDES = {"buy": "bid", "sell": "offer"}


class Today:
    """The messages of one book of the older feed as Advanced Trade sends them, with numbers."""

    def __init__(self, product: str) -> None:
        self._product = product
        self._number = 0

    def __call__(self, frame: bytes) -> bytes | None:
        data = json.loads(frame)
        kind = {"snapshot": "snapshot", "l2update": "update"}.get(data["type"])
        if data.get("product_id") != self._product or kind is None:
            return None
        self._number = 0 if kind == "snapshot" else self._number + 1
        changes = data.get("changes") or [
            (side, *level)
            for side, name in (("buy", "bids"), ("sell", "asks"))
            for level in data[name]
        ]
        updates = [
            {"side": SIDES[side], "price_level": price, "new_quantity": qty}
            for side, price, qty in changes
        ]
        return compact({
            "channel": "l2_data", "timestamp": data.get("time", "2021-04-17T16:43:37Z"),
            "sequence_num": self._number,
            "events": [{"type": kind, "product_id": self._product, "updates": updates}],
        })  # fmt: skip


CASES = Cases(
    symbols=(
        "SKL-USD", "SKL-BTC", "BAND-GBP", "NMR-EUR", "BAND-BTC", "YFI-BTC", "DASH-BTC", "NU-GBP",
        "CRV-EUR", "SKL-GBP", "BTC-USD", "ETH-USD", "ETH-USDT", "ETC-GBP", "BTC-EUR", "BAT-USDC",
        "YFI-USD",
    ),
    captures=(
        # the older feed has no numbers, so nothing can tell that a change is missing
        Capture(FEED, format="cryptofeed", book=False),
        Capture(FEED, format="cryptofeed", adapt=Today("DASH-BTC")),
    ),
    frames=(
        Frames(
            FRAMES + "jkorf_subscriptions.json", format="pushes", least=1,
            only=("Trades", "Heartbeat", "Symbol"), unknown=frozenset({"status"}),
        ),
        Frames(FRAMES + "nautilus_test_data.json", format="values", only=("ws_",), least=3),
        Frames(
            FRAMES + "crypto_msg_parser_coinbase_pro.jsonl", least=3,
            skip={"l2_snapshot": "an answer of REST"},
        ),
    ),
    oracle=Oracle(
        FRAMES + "tardis_mapper_pairs.jsonl", ("coinbase",), least=6,
        differs={6: "a quantity of '0.-10000' is refused with its message, not left out"},
    ),
    samples={
        "market_trades": (
            b'{"channel":"market_trades","timestamp":"2023-04-07T14:30:02.789012Z","events":[{'
            b'"type":"update","trades":[{"trade_id":"995098700","product_id":"BTC-USD",'
            b'"price":"68900.50","size":"0.0015","side":"BUY","time":"2023-04-07T14:30:02.78Z"}]}]}'
        ),
        "ticker": (
            b'{"channel":"ticker","timestamp":"2023-04-07T14:30:02.789012Z","events":[{"type":'
            b'"update","tickers":[{"product_id":"BTC-USD","best_bid":"68900.00",'
            b'"best_bid_quantity":"1.5","best_ask":"68901.00","best_ask_quantity":"0.5"}]}]}'
        ),
        "l2_data": (
            b'{"channel":"l2_data","timestamp":"2023-04-07T14:30:01.456789Z","events":[{"type":'
            b'"update","product_id":"BTC-USD","updates":[{"side":"bid","price_level":"68900.00",'
            b'"new_quantity":"2.0"},{"side":"offer","price_level":"68901.00","new_quantity":"0"}]}]}'
        ),
        "candles": (  # the last time there is, so that no garbled one is later
            b'{"channel":"candles","timestamp":"2023-04-07T14:30:02.789012Z","events":[{"type":'
            b'"update","candles":[{"start":"1099511627775","open":"68900","high":"68950",'
            b'"low":"68850","close":"68920.50","volume":"42.15","product_id":"BTC-USD"}]}]}'
        ),
        "l2update": (
            b'{"type":"l2update","product_id":"BTC-USD","changes":[["buy","37378.26","0.0246"]],'
            b'"time":"2021-06-02T09:02:09.048568Z"}'
        ),
        "match": (
            b'{"type":"match","trade_id":216544,"side":"buy","size":"0.97133855","price":"4.978",'
            b'"product_id":"BTC-USD","time":"2019-08-01T00:00:03.816Z"}'
        ),
    },
)  # fmt: skip
