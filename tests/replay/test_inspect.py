"""inspect: recordings and captures, with what they cost on disk."""

from __future__ import annotations

import numpy as np

from extrema_nb.store import RowWriter
from extrema_nb.testing import instrument_table, trade
from replay.inspect import inspect_path
from tests.replay.sources.captures import SYNCED, depth, write

T0 = 1_700_000_000_000_000


def test_a_recording_is_told_with_its_sizes(tmp_path):
    writer = RowWriter(tmp_path, instrument_table(), "v")
    writer.write(np.concatenate([trade(1.0, 1.0, ts=T0 + ts) for ts in (0, 9, 4, 11)]), 0)
    writer.flush()
    told = []
    report = inspect_path(tmp_path, tell=told.append)
    assert (report["rows"], sum(told), report["out_of_order"]) == (4, 4, 1)
    assert report["bytes_per_row"] == report["bytes"] / 4
    assert report["source"]["path"] == str(tmp_path)
    assert inspect_path(tmp_path, kinds=["bbo"])["rows"] == 0


def test_a_capture_is_told_with_its_counts(tmp_path):
    report = inspect_path(write(tmp_path / "x.gz", SYNCED))
    assert (report["gaps"], report["crossed"]) == (0, 0)
    assert report["capture"]["lines"] == 6
    assert report["status"] == {"RESYNCED": 1}
    assert "bytes" not in report
    broken = inspect_path([write(tmp_path / "y.gz", [*SYNCED, depth(40, 30)])])
    assert (broken["status"]["GAP"], broken["books"]["BTC_USDT_PERP"]["gaps"]) == (1, 1)
