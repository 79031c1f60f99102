"""Captures and frames of Hyperliquid for the conformance suite."""

from __future__ import annotations

from tests.conformance.spec import Answer, Capture, Cases, Frames, Oracle

__all__ = ["CASES"]

FRAMES = "hyperliquid/frames/"
LAST_MS = b"9007199254740991"  # the last time there is, so that no garbled one is later

CASES = Cases(
    symbols=("BTC", "HYPE", "FXS", "SHIA", "MOODENG", "@162"),
    captures=(
        # every push is a whole book: there is no sequence for a fault to break
        Capture("hyperliquid/capture/btcusd_20250126.gz", book=False),
    ),
    frames=(
        Frames(FRAMES + "jkorf_subscriptions.json", format="pushes", least=3),
        Frames(
            FRAMES + "nautilus_test_data.json", format="values", only=("ws_all", "ws_user"), least=0
        ),
    ),
    oracle=Oracle(FRAMES + "tardis_mapper_pairs.jsonl", ("hyperliquid",), least=5),
    answers=(
        Answer(
            "hyperliquid/frames/ccxt_response_hyperliquid.json",
            "fetchOHLCV",
            "candles",
            interval="1h",
        ),
        *(
            Answer("hyperliquid/frames/ccxt_response_hyperliquid.json", "fetchOHLCV", "candles", i)
            for i in (1, 2, 3)
        ),
    ),
    remembers=frozenset({"candle"}),
    samples={
        "trades": (
            b'{"channel":"trades","data":[{"coin":"BTC","side":"B","px":"63405.40","sz":"0.125",'
            b'"time":1680563843113,"tid":987654321}]}'
        ),
        "l2Book": (
            b'{"channel":"l2Book","data":{"coin":"BTC","time":1680540000123,"levels":[[{"px":'
            b'"63900.0","sz":"1.25"}],[{"px":"63901.0","sz":"0.75"}]]}}'
        ),
        "bbo": (
            b'{"channel":"bbo","data":{"coin":"BTC","time":1680540000456,"bbo":[{"px":"63899.0",'
            b'"sz":"0.5"},{"px":"63900.0","sz":"0.8"}]}}'
        ),
        "candle": (
            b'{"channel":"candle","data":{"t":' + LAST_MS + b',"s":"HYPE","i":"1d","o":"34.668",'
            b'"c":"34.868","h":"36.219","l":"34.251","v":"3495670.84"}}'
        ),
        "activeAssetCtx": (
            b'{"channel":"activeAssetCtx","data":{"coin":"BTC","ctx":{"funding":"0.00004863",'
            b'"openInterest":"18617460.0","oraclePx":"0.1995","markPx":"0.19963"}}}'
        ),
    },
    unknown=frozenset({"allMids", "allDexsAssetCtxs", "user"}),
)
