"""Small captures for the tests, made of a script of messages."""

from __future__ import annotations

import json

START = 1_723_161_255_000_000  # µs


def depth(u, bids=(), asks=(), symbol="BTCUSDT", prev=None):
    """Return a depth message; `prev` defaults to the update before."""
    pairs = [[[f"{p:.2f}", f"{q:.3f}"] for p, q in side] for side in (bids, asks)]
    return {"stream": f"{symbol.lower()}@depth@0ms", "data": {
        "e": "depthUpdate", "E": 5, "T": START // 1000 + u, "s": symbol, "U": u, "u": u,
        "pu": u - 1 if prev is None else prev, "b": pairs[0], "a": pairs[1]}}  # fmt: skip


def trade(number, price, qty, *, sell=False, symbol="BTCUSDT"):
    """Return a trade message."""
    return {"stream": f"{symbol.lower()}@trade", "data": {
        "e": "trade", "E": 5, "T": START // 1000 + number, "s": symbol, "t": number,
        "p": f"{price:.2f}", "q": f"{qty:.3f}", "X": "MARKET", "m": sell}}  # fmt: skip


def ticker(u, bid, bid_qty, ask, ask_qty, symbol="BTCUSDT"):
    """Return a bookTicker message."""
    return {"stream": f"{symbol.lower()}@bookTicker", "data": {
        "e": "bookTicker", "u": u, "s": symbol, "b": f"{bid:.2f}", "B": f"{bid_qty:.3f}",
        "a": f"{ask:.2f}", "A": f"{ask_qty:.3f}", "T": START // 1000 + u, "E": 5}}  # fmt: skip


def snapshot(u, bids, asks):
    """Return a REST snapshot as it stands in a capture."""
    pairs = [[[f"{p:.2f}", f"{q:.3f}"] for p, q in side] for side in (bids, asks)]
    return {"lastUpdateId": u, "E": 5, "T": 6, "bids": pairs[0], "asks": pairs[1]}


def texts(messages):
    """Return messages as a capture holds them."""
    return [json.dumps(m, separators=(",", ":")).encode() for m in messages]


def write(path, messages, *, step_us=1_000, start=START):
    """Write a capture with one message every `step_us`; return the path."""
    lines = [b"%d %s\n" % (start + i * step_us, raw) for i, raw in enumerate(texts(messages))]
    path.write_bytes(b"".join(lines))
    return path


DAY = [
    depth(1, bids=[(59_990, 1)]),
    ticker(1, 59_999.9, 2, 60_000, 1),
    snapshot(3, [(59_999.9, 2), (59_999.8, 5)], [(60_000, 1), (60_000.5, 4)]),
    depth(2, bids=[(59_999.7, 9)], prev=1),  # older than the snapshot
    depth(3, bids=[(59_999.8, 6)], prev=2),
    trade(1, 60_000, 0.4),
    depth(4, asks=[(60_000, 0.6)], prev=3),
    ticker(4, 59_999.9, 2, 60_000, 0.6),
    trade(2, 59_999.9, 1, sell=True),
    depth(5, bids=[(59_999.9, 1), (59_990, 0)], prev=4),
    ticker(5, 59_999.9, 1, 60_000, 0.6),
]
