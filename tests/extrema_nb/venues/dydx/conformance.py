"""Captures and frames of dYdX for the conformance suite."""

from __future__ import annotations

import json

from tests.conformance.reading import compact
from tests.conformance.spec import Answer, Capture, Cases, Frames, Oracle

__all__ = ["CASES"]

V3 = "dydx_v3/capture_cryptofeed/20211028/DYDX.ws.1.0.txt.gz"
FRAMES = "dydx_v4/frames/"


class OneBook:
    """The messages of one book of v3 as v4 sends them, numbered by themselves.

    The numbers of a connection count the messages of all its books, so a book that is taken out
    has to be numbered anew for its own faults to be the only ones. Of this one no level came out
    of order, so that the rule of v4, which has no offsets, gives the same book.
    """

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._number = 0

    def __call__(self, frame: bytes) -> bytes | None:
        data = json.loads(frame)
        if data.get("id") != self._symbol or data["channel"] != "v3_orderbook":
            return None
        self._number = self._number + 1 if data["type"] == "channel_data" else 0
        data["contents"].pop("offset", None)
        return compact(data | {"channel": "v4_orderbook", "message_id": self._number})


CASES = Cases(
    symbols=(
        "ETH-USD", "MKR-USD", "LTC-USD", "UMA-USD", "SUSHI-USD", "UNI-USD", "CRV-USD", "BCH-USD",
        "EOS-USD", "XMR-USD", "AVAX-USD", "BTC-USD", "GRT-USD", "SOL-USD",
    ),
    captures=(
        Capture(V3, format="cryptofeed", book=False),
        Capture(V3, format="cryptofeed", adapt=OneBook("EOS-USD")),
    ),
    frames=(
        Frames(
            FRAMES + "nautilus_test_data.json", format="values", only=("ws_",), least=6,
            unknown=frozenset({"v4_block_height", "v4_subaccounts"}),
        ),
    ),
    oracle=Oracle(FRAMES + "tardis_mapper_pairs.jsonl", ("dydx-v4",), least=6),
    answers=(
        Answer("dydx_v4/frames/ccxt_response_dydx.json", "fetchOrderBook", "book"),
        Answer("dydx_v4/frames/ccxt_response_dydx.json", "fetchOHLCV", "candles"),
    ),
    remembers=frozenset({"v4_candles"}),
    samples={
        "v4_trades": (
            b'{"type":"channel_data","id":"BTC-USD","channel":"v4_trades","contents":{"trades":[{'
            b'"id":"0165e5e40000000200000002","size":"0.002","price":"60397","side":"BUY",'
            b'"createdAt":"2023-08-22T23:59:59.851Z","type":"LIMIT"}]}}'
        ),
        "v4_orderbook": (
            b'{"type":"channel_data","id":"BTC-USD","channel":"v4_orderbook","contents":{"bids":[['
            b'"43240.0","2.0"]],"asks":[["43250.0","0.0"],["43252.0","3.0"]]}}'
        ),
        "v4_candles": (
            b'{"type":"channel_data","id":"BTC-USD/1MIN","channel":"v4_candles","contents":{'
            b'"startedAt":"9999-12-31T23:59:00.000Z","resolution":"1MIN","low":"43350.0",'
            b'"high":"43600.0","open":"43400.0","close":"43550.0","baseTokenVolume":"8.765"}}'
        ),
        "v4_markets": (
            b'{"type":"channel_data","channel":"v4_markets","contents":{"oraclePrices":{"BTC-USD":{'
            b'"oraclePrice":"43300.00","effectiveAt":"2023-01-01T00:01:00.000Z"}}}}'
        ),
    },
)  # fmt: skip
