"""convert: the rows of a capture, bit for bit, in a recording that can be made again."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import EventKind, empty_events
from replay.convert import convert
from replay.inspect import inspect_path
from replay.sources import CaptureSource, ParquetSource
from tests.replay.sources.captures import SYNCED, trade, write


def read(source):
    return np.concatenate([empty_events(0), *source.batches()])


@pytest.fixture
def capture(tmp_path):
    return write(tmp_path / "x.gz", SYNCED)


def test_a_recording_holds_the_rows_of_the_capture(capture, tmp_path):
    told = []
    out = tmp_path / "rec"
    report = convert(CaptureSource([capture]), out, tell=lambda *done: told.append(done))
    rows = read(CaptureSource([capture]))
    assert read(ParquetSource(out)).tobytes() == rows.tobytes()
    assert (report["rows"], report["files"], report["capture"]["gaps"]) == (len(rows), 3, 0)
    assert report["instruments"][0]["tick_size"] == 0.1
    assert told[-1] == (1.0, len(rows))


def test_the_same_capture_may_be_converted_again(capture, tmp_path):
    out = tmp_path / "rec"
    for _ in range(2):
        convert(CaptureSource([capture]), out)
    assert read(ParquetSource(out)).tobytes() == read(CaptureSource([capture])).tobytes()


def test_another_recording_is_not_overwritten_unless_asked(capture, tmp_path):
    out = tmp_path / "rec"
    convert(CaptureSource([capture]), out)
    other = write(tmp_path / "y.gz", [trade(9)], [10_000])
    with pytest.raises(ConfigError, match=r"holds another recording.*--append.*--replace"):
        convert(CaptureSource([other]), out)
    convert(CaptureSource([other]), out, append=True)
    assert len(read(ParquetSource(out))) == len(read(CaptureSource([capture]))) + 1
    convert(CaptureSource([other]), out, replace=True)
    assert len(read(ParquetSource(out))) == 1
    with pytest.raises(ConfigError, match="is a file, expected a folder"):
        convert(CaptureSource([other]), other)


def test_a_capture_without_rows_is_said(tmp_path):
    mark = '{"e":"trade","E":1,"s":"BTCUSDT","t":1,"p":"1","q":"1","m":true}'
    source = CaptureSource([write(tmp_path / "x.gz", [mark])], kinds=[EventKind.CANDLE])
    with pytest.raises(DataError, match="no rows in it"):
        convert(source, tmp_path / "rec")


@pytest.mark.slow
def test_a_real_capture_comes_back_and_is_whole(shared_data, tmp_path):
    path = shared_data / "binance_usdm" / "capture" / "btcusdt_20240808.gz"
    report = convert(CaptureSource([path]), tmp_path)
    assert report["bytes_per_row"] <= 9.8
    assert read(ParquetSource(tmp_path)).tobytes() == read(CaptureSource([path])).tobytes()
    told = inspect_path(tmp_path)
    assert (told["gaps"], told["crossed"], told["locked"], told["duplicates"]) == (0, 0, 0, 0)
    assert told["rows_by_kind"] == {"trade": 21313, "lob": 445262, "bbo": 66089, "status": 1}
    assert "ahead by 1.272 s" in told["clock"]["said"]
