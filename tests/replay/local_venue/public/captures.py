"""Small captures of spot, made by hand."""

from __future__ import annotations

import json

START = 1_700_000_000_000_000  # µs


def depth(first, last, bids=(), asks=(), symbol="BTCUSDT"):
    return {
        "stream": f"{symbol.lower()}@depth@100ms",
        "data": {
            "e": "depthUpdate", "E": 1_700_000_000_000 + last, "s": symbol, "U": first, "u": last,
            "b": list(bids), "a": list(asks),
        },
    }  # fmt: skip


def trade(number, price="100.00", symbol="BTCUSDT"):
    return {
        "stream": f"{symbol.lower()}@trade",
        "data": {
            "e": "trade", "E": 1_700_000_000_000, "s": symbol, "t": number, "p": price,
            "q": "0.500", "T": 1_700_000_000_000, "m": False, "M": True,
        },
    }  # fmt: skip


def book(last, bids, asks):
    return {"lastUpdateId": last, "bids": bids, "asks": asks}


DAY = [
    {"result": None, "id": 1},
    depth(1, 4, bids=[("99.00", "1.000")]),
    book(3, [("98.00", "1.000"), ("99.00", "2.000")], [("101.00", "3.000")]),
    trade(1),
    depth(5, 6, asks=[("101.00", "0.000"), ("100.50", "1.500")]),
    trade(2),
    trade(3),
    depth(7, 8, bids=[("98.00", "0.000")]),
]


def write(path, messages=DAY):
    """Write messages as a collector capture, a millisecond apart."""
    lines = [
        f"{START + 1000 * number} {json.dumps(message, separators=(',', ':'))}\n"
        for number, message in enumerate(messages)
    ]
    path.write_text("".join(lines))
    return path
