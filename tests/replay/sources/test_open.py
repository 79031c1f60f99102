"""Opening: what a path holds is found by looking at it."""

from __future__ import annotations

import pytest

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.store import RowWriter, list_parts
from extrema_nb.testing import instrument_table, rows, trade
from replay.sources import CaptureSource, ParquetSource, open_source
from tests.replay.sources.captures import SYNCED, write


@pytest.fixture
def recording(tmp_path):
    writer = RowWriter(tmp_path / "rec", instrument_table(), "v")
    writer.write(rows(*(trade(1.0, 1.0, ts=i + 1) for i in range(5))), 0)
    writer.flush()
    return tmp_path / "rec"


def test_a_folder_and_its_files_are_recordings(recording):
    assert isinstance(open_source(recording), ParquetSource)
    assert isinstance(open_source(str(list_parts(recording)[0].path)), ParquetSource)
    assert isinstance(open_source([recording], "parquet"), ParquetSource)


@pytest.mark.parametrize("zipped", [False, True])
def test_lines_with_a_time_are_a_capture(tmp_path, zipped):
    path = write(tmp_path / "x", SYNCED, zipped=zipped)
    assert isinstance(open_source(path), CaptureSource)
    assert isinstance(open_source([path, path]), CaptureSource)


def test_filters_reach_the_source(recording):
    source = open_source(recording, None, ["BTCUSDT"], 2, 4, ["trade"])
    assert [row["ts_recv"] for batch in source.batches() for row in batch] == [2, 3]


def test_a_copy_is_kept_in_the_cache_folder_when_asked_for(recording, tmp_path, monkeypatch):
    monkeypatch.setenv("EXTREMA_NB_CACHE_DIR", str(tmp_path / "cache"))
    list(open_source(recording, cache=True).batches())
    assert len(list((tmp_path / "cache" / "rows").iterdir())) == 1
    list(open_source(recording, cache=tmp_path / "mine").batches())
    assert len(list((tmp_path / "mine").iterdir())) == 1


def test_what_cannot_be_opened_is_said(tmp_path, recording):
    with pytest.raises(DataError, match="no such file or folder"):
        open_source(tmp_path / "nothing")
    (tmp_path / "x").write_text("price,qty\n1,2\n")
    with pytest.raises(DataError, match=r"begins with b'price,qty.*--format"):
        open_source(tmp_path / "x")
    with pytest.raises(ConfigError, match=r"unknown format 'parket'.*did you mean 'parquet'"):
        open_source(recording, "parket")
    with pytest.raises(DataError, match="unknown kind of rows 'trades'"):
        open_source(recording, kinds=["trades"])
    with pytest.raises(ConfigError, match="2 recordings given, expected one folder"):
        open_source([recording, recording])
    with pytest.raises(ConfigError, match="no file to read"):
        open_source([])
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(DataError, match="empty file, expected lines"):
        open_source(tmp_path / "empty")
