"""Latency models, said slowly: rows are searched one by one, hashes are spelled out."""

from __future__ import annotations

import math


def between(x0, y0, x1, y1, x):
    return y0 + int((y1 - y0) / (x1 - x0) * (x - x0))


def table_entry(rows, ts):
    """Return the entry latency of a list of (request, exchange, response)."""
    before = [row for row in rows if row[0] <= ts]
    after = [row for row in rows if row[0] > ts]
    here = before[-1] if before else None
    following = after[0] if after else None
    if here is None or following is None:
        sent, there, back = here or following
        return -max(back - sent, 1) if there <= 0 else there - sent
    if here[1] <= 0 or following[1] <= 0:
        whole = between(here[0], here[2] - here[0], following[0], following[2] - following[0], ts)
        return -max(whole, 1)
    return between(here[0], here[1] - here[0], following[0], following[1] - following[0], ts)


def table_response(rows, ts):
    """Return the response latency of a list of (request, exchange, response)."""
    pairs = sorted(((there, back) for _, there, back in rows if there > 0), key=lambda row: row[0])
    before = [row for row in pairs if row[0] <= ts]
    after = [row for row in pairs if row[0] > ts]
    if not before or not after:
        there, back = before[-1] if before else after[0]
        return back - there
    (x0, back0), (x1, back1) = before[-1], after[0]
    return between(x0, back0 - x0, x1, back1 - x1, ts)


def feed(factor, offset, feed_latency):
    return max(0, math.floor(factor * feed_latency + offset + 0.5))


def mix(x):
    for shift, times in ((16, 0x21F0AAAD), (15, 0x735A2D97)):
        x = (x ^ x >> shift) * times % 2**32
    return x ^ x >> 15


def draw(spans, keys, number):
    """Return which of `spans` a number draws; `keys` are two words of 32 bits."""
    high, low = divmod(number, 2**32)
    bits = mix((mix(low ^ keys[0]) + high) % 2**32 ^ keys[1])
    return spans[bits * len(spans) // 2**32]
