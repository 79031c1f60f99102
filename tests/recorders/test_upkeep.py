"""Work behind the recorder's back: in another process, in order, and without harm when it fails."""

from __future__ import annotations

import errno
import shutil

import numpy as np
import pytest

from extrema_nb.errors import DataError
from extrema_nb.events import empty_events
from extrema_nb.store import LogWriter, check_recording, list_logs, list_parts, log_folder
from extrema_nb.testing import instrument_table, rows, trade
from recorders import upkeep
from recorders.upkeep import Job, Upkeep, do, start
from replay.sources import ParquetSource

T0 = 1_700_000_000_000_000


def some(n, first=0):
    return rows(*(trade(1.0, 1.0, ts=T0 + i) for i in range(first, first + n)))


def write_logs(root, sizes):
    at, out = 0, []
    for n in sizes:
        log = LogWriter(log_folder(root) / f"rows-{at:012d}.log", instrument_table(), "v", at)
        log.write(some(n, at))
        log.close()
        out.append(str(log.path))
        at += n
    return out


def job(root, logs, **options):
    return Job(root=str(root), logs=logs, upkeep=Upkeep(**options))


def read(root):
    return np.concatenate([empty_events(0), *ParquetSource(root).batches()])


@pytest.mark.slow
def test_another_process_rolls_joins_copies_and_deletes(tmp_path):
    pytest.importorskip("fsspec")
    root = tmp_path / "rec"
    there = tmp_path / "there"
    out = start(
        job(root, write_logs(root, [10, 20, 30]), join_at=3, reader_s=0.0, copy_to=str(there))
    )
    assert (out.error, out.troubles) == ("", [])
    assert [rolled.rows for rolled in out.rolled] == [10, 20, 30]
    assert (out.joined, out.copied.parts) == (3, 1)
    assert len(list_parts(root)) == 1
    assert read(there).tobytes() == read(root).tobytes() == some(60).tobytes()
    out = start(job(root, [], keep_days=1.0, reader_s=0.0, copy_to=str(there)))
    assert out.removed.rows == 60
    assert check_recording(there).problems == []


def test_a_process_that_dies_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(upkeep.sys, "executable", shutil.which("false"))
    out = start(job(tmp_path, write_logs(tmp_path, [5])))
    assert "upkeep ended with code 1" in out.error
    assert len(list_logs(tmp_path)) == 1


def test_rolling_ends_at_the_first_log_that_fails_and_the_rest_is_done(tmp_path, monkeypatch):
    logs = write_logs(tmp_path, [5, 6, 7])
    roll, told = upkeep.roll_log, []

    def refuse(root, path):
        told.append(path.name)
        if len(told) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return roll(root, path)

    monkeypatch.setattr(upkeep, "roll_log", refuse)
    out = do(job(tmp_path, logs))
    assert ([r.rows for r in out.rolled], out.errno) == ([5], errno.ENOSPC)
    assert len(told) == 2
    monkeypatch.undo()
    assert [r.rows for r in do(job(tmp_path, logs)).rolled] == [6, 7]
    assert read(tmp_path).tobytes() == some(18).tobytes()


def test_a_log_that_cannot_be_read_is_told(tmp_path):
    logs = write_logs(tmp_path, [5])
    log_folder(tmp_path).joinpath("rows-000000000000.log").write_bytes(b"x" * 100)
    assert "no log of rows" in do(job(tmp_path, logs)).error


@pytest.mark.parametrize(
    "error", [OSError(5, "Input/output error"), DataError("damaged"), RuntimeError("whatever")]
)
def test_trouble_with_the_rest_is_told_and_costs_no_row(tmp_path, monkeypatch, error):
    def refuse(*_args, **_options):
        raise error

    for name in ("compact", "copy_recording", "expire"):
        monkeypatch.setattr(upkeep, name, refuse)
    out = do(job(tmp_path, write_logs(tmp_path, [5]), copy_to="memory://x", keep_days=1.0))
    assert len(out.troubles) == 3
    assert [r.rows for r in out.rolled] == [5]
    assert read(tmp_path).tobytes() == some(5).tobytes()


def test_what_was_copied_is_dropped_here_where_that_is_wanted(tmp_path):
    pytest.importorskip("fsspec")
    root, there = tmp_path / "rec", tmp_path / "there"
    options = {"copy_to": str(there), "drop_copied": True, "reader_s": 0.0}
    out = do(job(root, write_logs(root, [10, 20]), **options))
    assert (out.removed.rows, out.troubles) == (30, [])
    assert list_parts(root) == []
    assert read(there).tobytes() == some(30).tobytes()
    out = do(job(root, [], **options))
    assert (out.copied.parts, read(there).tobytes()) == (0, some(30).tobytes())


def test_what_could_not_be_copied_is_not_deleted(tmp_path, monkeypatch):
    def refuse(*_args):
        raise OSError(111, "Connection refused")

    monkeypatch.setattr(upkeep, "copy_recording", refuse)
    out = do(
        job(
            tmp_path,
            write_logs(tmp_path, [5]),
            copy_to="memory://x",
            keep_days=0.1,
            drop_copied=True,
        )
    )
    assert out.removed.rows == 0
    assert read(tmp_path).tobytes() == some(5).tobytes()
