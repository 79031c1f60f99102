"""Every line of the captured days decodes, counts as published, and says what plain JSON says."""

from __future__ import annotations

import gzip
import json
from collections import Counter

import pytest

from extrema_nb.events import (
    LOB_LEVEL,
    Flag,
    empty_events,
)
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues.binance_usdm import VENUE

DAYS = {
    "btcusdt_20230404.dat.gz": 1000,  # local time: units a µs
    "btcusdt_20230405.dat.gz": 1000,
    "btcusdt_20240808.gz": 1,
    "ethusdt_20240718.gz": 1,
    "ethusdt_20240719.gz": 1,
}
SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "BTCUSDT_210625", "ETHUSDT_210625", "ETHUSDT_220624",
           "BTCUSDT_220624")  # fmt: skip


def table():
    return InstrumentTable(
        Instrument(venue="binance-usdm", symbol=symbol, name=VENUE.name_of(symbol))
        for symbol in SYMBOLS
    )


def lines_of(shared_data, name):
    """Return (ts_recv µs, frame) of a captured day."""
    path = shared_data / "binance_usdm/capture" / name
    if not path.is_file():
        pytest.skip(f"needs {name} in the captured data")
    with gzip.open(path) as file:
        for line in file:
            stamp, _, frame = line.rstrip().partition(b" ")
            yield int(stamp) // (1 if DAYS[name] == 1000 else 1000), frame


def expected_of(data):
    """Say what the rows of a message must hold, by way of the standard library's JSON."""
    kind = data["e"]
    if kind == "trade":
        return [(data["T"] * 1000, -1 if data["m"] else 1, float(data["p"]), float(data["q"]))]
    if kind == "markPriceUpdate":
        return [(data["E"] * 1000, 0, float(data["r"]), float(data["p"]))]
    if kind == "bookTicker":
        return [(data["T"] * 1000, 0, float(data["b"]), float(data["B"]))]
    levels = [(1, level) for level in data["b"]] + [(-1, level) for level in data["a"]]
    return [(data["T"] * 1000, side, float(price), float(qty)) for side, (price, qty) in levels]


@pytest.mark.slow
@pytest.mark.parametrize("name", DAYS)
def test_every_line_of_a_day_decodes(shared_data, name):
    decoder = VENUE.decoder(table())
    out = empty_events(4096)
    counts, flags, snapshots, lines = Counter(), Counter(), 0, 0
    last = None
    for ts, frame in lines_of(shared_data, name):
        lines += 1
        if VENUE.is_snapshot(frame):
            snapshots += 1
            assert len(VENUE.decode_snapshot(frame, 0, ts)) == 2000
            continue
        n = decoder.decode(frame, ts, out, 0)
        counts[decoder.slot] += 1
        if decoder.slot < 0:
            continue
        rows = out[:n]
        flags[int(rows["flags"][-1])] += 1
        if decoder.slot == VENUE.diff_slot:
            level = rows.view(LOB_LEVEL)[0]
            assert last is None or level["prev_seq"] == last  # the day has no gap
            last = level["seq"]
        if lines % 50 == 0:
            data = json.loads(frame)["data"]
            expected = expected_of(data)
            found = rows.view(LOB_LEVEL)  # price and qty stand first in all three views
            assert [
                (int(r["ts_event"]), int(r["side"]), float(r["price"]), float(r["qty"]))
                for r in found
            ] == expected
            assert set(rows["ts_recv"].tolist()) == {ts}
    assert not decoder.unknown
    assert sum(counts.values()) + snapshots == lines
    assert snapshots == (name in {"btcusdt_20230404.dat.gz", "btcusdt_20240808.gz",
                                  "ethusdt_20240718.gz"})  # fmt: skip
    if name == "btcusdt_20240808.gz":
        assert lines == 93_954
        trades, bbo, depth = (VENUE.slot_of(c) for c in channels())
        assert (counts[bbo], counts[trades], counts[depth]) == (66_089, 21_313, 6_551)
    assert flags[Flag.LAST | Flag.OFF_BOOK] == (name == "btcusdt_20230405.dat.gz")


def channels():
    from extrema_nb.channels import Lob, Trades

    return Trades(), Lob("bbo"), Lob()


def test_two_days_continue_each_other(shared_data):
    ends = []
    for name in ("ethusdt_20240718.gz", "ethusdt_20240719.gz"):
        ids = [
            (data["pu"], data["u"])
            for _, frame in lines_of(shared_data, name)
            if b'"depthUpdate"' in frame[:120]
            for data in [json.loads(frame)["data"]]
        ]
        ends.append((ids[0][0], ids[-1][1]))
    assert ends[1][0] == ends[0][1]
