"""A first look at captures."""

from __future__ import annotations

import gzip
from decimal import Decimal

import pytest

from extrema_nb.errors import DataError
from replay.local_venue.capture_scan import open_lines, scan, split
from tests.replay.local_venue.captures import DAY, START, snapshot, texts, trade, write


def test_symbols_steps_streams_and_snapshots_are_found(tmp_path):
    found = scan([write(tmp_path / "day", DAY)])
    assert list(found.specs) == ["BTCUSDT"]
    assert found.streams == {"btcusdt@depth@0ms", "btcusdt@trade", "btcusdt@bookTicker"}
    assert found.snapshots == [("BTCUSDT", 3, texts(DAY)[2])]


def test_steps_of_an_unknown_symbol_are_inferred(tmp_path):
    rows = [trade(n, 0.5 + n / 100, 10, symbol="ABCUSDT") for n in range(5)]
    spec = scan([write(tmp_path / "day", rows)]).specs["ABCUSDT"]
    assert (spec.tick, spec.lot) == (Decimal("0.01"), Decimal(10))


def test_the_payload_is_cut_out_unchanged():
    raw = texts([DAY[5]])[0]
    name, payload = split(raw)
    assert name == b"btcusdt@trade"
    assert raw == b'{"stream":"' + name + b'","data":' + payload + b"}"
    assert split(texts([DAY[2]])[0]) is None
    assert split(b'{"stream":"a","other":1}') is None


def test_files_are_merged_by_time(tmp_path):
    one = write(tmp_path / "a", DAY[5:6] * 3, step_us=10)
    two = tmp_path / "b.gz"
    two.write_bytes(gzip.compress(write(tmp_path / "b", DAY[6:7] * 3, step_us=10, start=START + 5)
                                  .read_bytes()))  # fmt: skip
    times = [line.ts_recv for line in open_lines([one, two])]
    assert times == [START + n for n in (0, 5, 10, 15, 20, 25)]


def test_what_is_no_capture_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such capture"):
        scan([tmp_path / "gone"])
    with pytest.raises(DataError, match="no captured USD-M message"):
        scan([write(tmp_path / "other", [{"stream": "x@other", "data": {}}])])
    with pytest.raises(DataError, match="without any book message"):
        scan([write(tmp_path / "alone", [snapshot(1, [(1, 1)], [(2, 1)])])])
