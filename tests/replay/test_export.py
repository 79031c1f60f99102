"""Rows into files of other programs, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.testing import bbo, rows, trade
from replay.export import export
from replay.sources import CaptureSource, open_source
from tests.replay.sources.captures import SYNCED, write
from tests.replay.writers.given import Given


def test_a_capture_becomes_csv_that_can_be_opened(tmp_path):
    source = CaptureSource([write(tmp_path / "x.gz", SYNCED)])
    told = []
    report = export(source, tmp_path / "out", "csv", tell=told.append)
    assert report["read"] == report["rows"] == told[-1] == 12
    assert report["bytes"] > 0
    back = open_source(report["files"])
    assert sum(len(batch) for batch in back.batches()) == 12


def test_a_folder_with_files_needs_leave(tmp_path):
    source = Given(rows(trade(1.0, 1.0, ts=5)))
    export(source, tmp_path / "out", "npz")
    with pytest.raises(ConfigError, match=r"out holds .*npz; give another --out, or --replace"):
        export(source, tmp_path / "out", "npz")
    export(source, tmp_path / "out", "npz", replace=True)
    assert len(np.load(next((tmp_path / "out").iterdir()))["data"]) == 1


def test_nothing_to_write_is_said(tmp_path):
    with pytest.raises(DataError, match=r"given: none of its 1 rows can be written as npz .*bbo"):
        export(Given(rows(bbo(1.0, 2.0, 1.5, 3.0, ts=1))), tmp_path / "out", "npz")
    with pytest.raises(ConfigError, match=r"unknown format 'npy' to write.*did you mean 'npz'"):
        export(Given(), tmp_path / "b", "npy")
