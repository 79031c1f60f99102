"""Captures of the cryptofeed recorder as (ts_recv, frame) and (url, ts_recv, answer)."""

from __future__ import annotations

import gzip
import re

import numpy as np
import pytest

from extrema_nb.events import LOB_LEVEL, EventKind, Flag

ANSWER = re.compile(rb"(https?://\S+) -> ([0-9.]+): ")


def opened(path):
    if not path.is_file():
        pytest.skip(f"needs {path.name} in the captured data")
    return gzip.open(path)


def frames(path):
    """Yield (ts_recv µs, frame) of what the server sent."""
    with opened(path) as file:
        for line in file:
            if line.startswith(b"ws"):  # connection opened, or the client's words
                continue
            stamp, _, frame = line.rstrip(b"\n").partition(b": ")
            yield round(float(stamp) * 1e6), frame


def answers(path):
    """Yield (url, ts_recv µs, body) of REST answers."""
    with opened(path) as file:
        for line in file:
            found = ANSWER.match(line)
            if found:
                yield (
                    found[1].decode(),
                    round(float(found[2]) * 1e6),
                    line[found.end() :].rstrip(b"\n"),
                )


class NaiveBook:
    """Price -> quantity of each side; the slow obvious book."""

    def __init__(self):
        self.bids, self.asks = {}, {}

    def take(self, rows):
        for row in rows.view(LOB_LEVEL):
            if row["kind"] != EventKind.LOB:
                continue
            if row["flags"] & Flag.START:
                self.bids.clear()
                self.asks.clear()
            side = {1: self.bids, -1: self.asks, 0: {}}[int(row["side"])]
            if row["qty"]:
                side[float(row["price"])] = float(row["qty"])
            else:
                side.pop(float(row["price"]), None)

    @property
    def crossed(self):
        return bool(self.bids and self.asks) and max(self.bids) >= min(self.asks)


def codes(rows):
    """Return the codes of the STATUS rows."""
    status = rows[rows["kind"] == EventKind.STATUS]
    return status["w0"].astype(np.int64).tolist()
