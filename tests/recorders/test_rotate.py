"""Rolling logs into Parquet: in the background, after a crash, twice."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from extrema_nb.errors import DataError
from extrema_nb.events import EventKind, empty_events
from extrema_nb.store import LogWriter, list_logs, list_parts, log_folder
from extrema_nb.testing import instrument_table
from recorders import rotate
from recorders.rotate import Roller, Rotation, disk_error, recover, roll_log
from replay.sources import ParquetSource

T0 = 1_700_000_000_000_000


def some(n, first=0):
    out = empty_events(n)
    out["kind"] = EventKind.BBO
    out["ts_recv"] = T0 + np.arange(first, first + n)
    return out


def write_log(root, n=10, first=0):
    path = log_folder(root) / f"rows-{first:012d}.log"
    log = LogWriter(path, instrument_table(), "v", first)
    log.write(some(n, first))
    log.close()
    return path


def read(root):
    return np.concatenate([empty_events(0), *ParquetSource(root).batches()])


def test_a_log_becomes_parquet_and_is_gone(tmp_path):
    rolled = roll_log(tmp_path, write_log(tmp_path))
    assert (rolled.rows, rolled.parts, rolled.torn_bytes) == (10, 1, 0)
    assert rolled.parquet_bytes == list_parts(tmp_path)[0].path.stat().st_size
    assert list_logs(tmp_path) == []
    assert read(tmp_path).tobytes() == some(10).tobytes()


def test_a_crash_between_parquet_and_the_deletion_of_the_log_changes_nothing(tmp_path):
    path = write_log(tmp_path)
    raw = path.read_bytes()
    roll_log(tmp_path, path)
    path.write_bytes(raw)
    assert read(tmp_path).tobytes() == some(10).tobytes()  # each row once, though it is in both
    assert recover(tmp_path).rows == 10
    assert read(tmp_path).tobytes() == some(10).tobytes()
    assert list_logs(tmp_path) == []


def test_recovery_says_what_it_found(tmp_path, caplog):
    path = write_log(tmp_path)
    path.write_bytes(path.read_bytes() + b"torn frame")
    write_log(tmp_path, 5, 10)
    with caplog.at_level(logging.WARNING):
        found = recover(tmp_path)
    assert (found.rows, found.torn_bytes) == (15, 10)
    assert "recovered 15 rows of an unfinished recording, dropped 10 bytes" in caplog.text
    assert read(tmp_path).tobytes() == some(15).tobytes()


def test_recovery_clears_what_was_never_finished(tmp_path):
    roll_log(tmp_path, write_log(tmp_path))
    folder = list_parts(tmp_path)[0].path.parent
    (folder / ".part-000000000000.parquet.123.tmp").write_bytes(b"half")
    (log_folder(tmp_path) / "rows-000000000099.log").write_bytes(b"")
    recover(tmp_path)
    assert [file.name for file in folder.iterdir()] == ["part-000000000000.parquet"]
    assert list_logs(tmp_path) == []


def test_a_log_that_is_none_stops_recovery_with_its_name(tmp_path):
    path = log_folder(tmp_path) / "rows-000000000000.log"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"something else, long enough to be a head")
    with pytest.raises(DataError, match="no log of rows") as caught:
        recover(tmp_path)
    assert str(path) in str(caught.value)
    assert path.exists()


def test_a_roller_that_fails_keeps_the_logs(tmp_path, monkeypatch):
    def refuse(_root, _path):
        raise OSError(28, "No space left on device")

    first, second = write_log(tmp_path), write_log(tmp_path, 5, 10)
    roller = Roller(tmp_path)
    monkeypatch.setattr(rotate, "roll_log", refuse)
    roller.roll(first)
    roller.roll(second)
    roller.close()
    roller.close()
    assert roller.error.errno == 28
    assert list_logs(tmp_path) == [first, second]
    assert read(tmp_path).tobytes() == some(15).tobytes()


def test_rotation_is_due_by_size_or_by_age(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(rotate.time, "monotonic", lambda: now)
    rotation = Rotation(60.0, 1_000)
    assert not rotation.due(999)
    assert rotation.due(1_000)
    now += 60.0
    assert rotation.due(1)
    rotation.begin()
    assert not rotation.due(1)
    assert not Rotation(0.0, 1_000).due(999)


def test_a_disk_error_keeps_its_number_and_says_only_the_text():
    error = disk_error(OSError(28, "No space left on device"), "no room")
    assert (error.errno, str(error)) == (28, "no room")
