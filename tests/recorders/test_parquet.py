"""The recorder keeps every row, says when it cannot, and survives being killed."""

from __future__ import annotations

import contextlib
import errno
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import EventKind, empty_events
from extrema_nb.instruments import Instrument
from extrema_nb.store import LogFile, check_recording, list_logs, list_parts
from extrema_nb.testing import instrument_table, rows, trade
from recorders.parquet import ParquetRecorder
from replay.sources import ParquetSource

T0 = 1_700_000_000_000_000


def some(n, first=0, inst=0):
    out = empty_events(n)
    out["kind"], out["inst"], out["flags"] = EventKind.TRADE, inst, 1
    out["ts_recv"] = out["ts_event"] = T0 + np.arange(first, first + n)
    return out


def read(root):
    return np.concatenate([empty_events(0), *ParquetSource(root).batches()])


@pytest.fixture
def open_recorder(tmp_path):
    """Return a function that opens a recorder whose thread never wakes by itself."""
    opened = []

    def make(root=tmp_path, **options):
        options.setdefault("flush_s", 60.0)
        opened.append(ParquetRecorder(root, instrument_table(), **options))
        return opened[-1]

    yield make
    for recorder in opened:
        with contextlib.suppress(OSError):
            recorder.close()


def test_what_is_written_is_read_back(open_recorder, tmp_path):
    recorder = open_recorder()
    for at in range(0, 1000, 7):
        recorder.write(some(min(7, 1000 - at), at))
    recorder.write(empty_events(0))
    recorder.close()
    recorder.close()
    assert read(tmp_path).tobytes() == some(1000).tobytes()
    assert list_logs(tmp_path) == []
    stats = recorder.progress()
    assert (stats.rows, stats.flushed, stats.rolled, stats.lost) == (1000, 1000, 1000, 0)
    assert stats.parts == 1
    assert stats.parquet_bytes == sum(p.path.stat().st_size for p in list_parts(tmp_path))


def test_rows_can_be_reused_by_the_caller_at_once(open_recorder, tmp_path):
    recorder = open_recorder()
    rows_ = some(3)
    recorder.write(rows_)
    rows_["ts_recv"] = 0
    recorder.close()
    assert read(tmp_path).tobytes() == some(3).tobytes()


def test_a_full_queue_spills_and_loses_nothing(open_recorder, tmp_path):
    recorder = open_recorder(queue_rows=20)
    for at in range(0, 100, 4):
        recorder.write(some(4, at))
    recorder.write(some(50, 100))
    assert recorder.stats.spills > 0
    recorder.close()
    assert read(tmp_path).tobytes() == some(150).tobytes()


def test_rows_in_the_log_can_be_read_while_the_recorder_runs(open_recorder, tmp_path):
    recorder = open_recorder()
    recorder.write(some(5))
    recorder.flush()
    assert len(list_logs(tmp_path)) == 1
    assert read(tmp_path).tobytes() == some(5).tobytes()


def test_the_thread_flushes_without_being_asked(open_recorder, tmp_path):
    recorder = open_recorder(flush_s=0.01)
    recorder.write(some(5))
    deadline = time.monotonic() + 10
    while recorder.stats.flushed < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert read(tmp_path).tobytes() == some(5).tobytes()


def test_a_restart_continues_the_order(open_recorder, tmp_path):
    for start in (0, 10, 20):
        recorder = open_recorder()
        assert recorder.stats.first_arrival == start
        recorder.write(some(10, start))
        recorder.close()
    assert read(tmp_path).tobytes() == some(30).tobytes()
    assert check_recording(tmp_path).problems == []


def test_logs_are_rolled_when_they_are_large(open_recorder, tmp_path):
    recorder = open_recorder(rotate_bytes=10_000, flush_s=0.005)
    for at in range(0, 1000, 10):
        recorder.write(some(10, at))
        recorder.flush()
        if at % 200 == 0:
            time.sleep(0.02)
    recorder.close()
    assert recorder.stats.parts > 1
    assert read(tmp_path).tobytes() == some(1000).tobytes()


def test_an_instrument_that_is_added_later_is_recorded_under_its_name(open_recorder, tmp_path):
    recorder = open_recorder()
    recorder.write(some(3))
    recorder.flush()
    recorder._table.add(Instrument(venue="binance-usdm", symbol="NEWUSDT", name="NEW_USDT_PERP"))
    recorder.write(some(3, 3, inst=2))
    recorder.close()
    assert {part.inst for part in list_parts(tmp_path)} == {"BTC_USDT_PERP", "NEW_USDT_PERP"}
    assert len(read(tmp_path)) == 6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": 0}, "row 1 to be recorded has kind 0 and instrument 0"),
        ({"inst": 2}, "kind 1 and instrument 2; expected a kind above 0 and an id of the table"),
        ({"ts_recv": -5}, "no ts_recv"),
    ],
)
def test_rows_that_no_recording_can_hold_are_refused(open_recorder, change, said):
    bad = some(2)
    for name, value in change.items():
        bad[name][1] = value
    recorder = open_recorder()
    with pytest.raises(DataError, match=said):
        recorder.write(bad)
    assert recorder.stats.rows == 0


def test_a_second_recorder_on_the_folder_is_refused(open_recorder, tmp_path):
    first = open_recorder()
    with pytest.raises(ConfigError, match="another recorder writes here"):
        open_recorder()
    first.close()
    open_recorder()


CHILD = """
import sys, time
import numpy as np
from extrema_nb.testing import instrument_table
from recorders.parquet import ParquetRecorder
from tests.recorders.test_parquet import some
recorder = ParquetRecorder(sys.argv[1], instrument_table(), flush_s=0.05, rotate_bytes=50_000)
at = int(sys.argv[2])
print("ready", flush=True)
while True:
    recorder.write(some(20, at))
    at += 20
    print(at, flush=True)
    time.sleep(0.001)
"""


@pytest.mark.slow
def test_a_killed_recorder_leaves_all_but_the_last_flush(tmp_path, project_root):
    done = 0
    for _ in range(2):  # killed, continued, killed again
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), str(done)],
            stdout=subprocess.PIPE, text=True, cwd=project_root,
        )  # fmt: skip
        with child:
            assert child.stdout.readline() == "ready\n"
            seen = []
            started = time.monotonic()
            while time.monotonic() - started < 0.7:
                seen.append((time.monotonic(), int(child.stdout.readline())))
            child.send_signal(signal.SIGKILL)
            killed = time.monotonic()
        got = read(tmp_path)
        assert got.tobytes() == some(len(got)).tobytes()  # a prefix: nothing lost in between
        # what was written half a second before was flushed ten times over, even on a busy machine
        assert len(got) >= max(rows for at, rows in seen if at < killed - 0.5)
        for part in list_parts(tmp_path):
            assert part.path.stat().st_size > 0
        done = len(got)
    recorder = ParquetRecorder(tmp_path, instrument_table())
    assert recorder.stats.first_arrival == done
    recorder.write(some(10, done))
    recorder.close()
    assert read(tmp_path).tobytes() == some(done + 10).tobytes()
    assert list_logs(tmp_path) == []


FULL = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
from extrema_nb.testing import instrument_table
from recorders.parquet import ParquetRecorder
from tests.recorders.test_parquet import some
recorder = ParquetRecorder(sys.argv[1], instrument_table(), flush_s=60)
for at in range(0, 2000, 100):
    recorder.write(some(100, at))
    recorder.flush()
try:
    recorder.close()
except OSError as error:
    print(json.dumps([recorder.stats.flushed, recorder.stats.lost, str(error), error.errno]))
"""


def test_a_full_disk_keeps_what_is_written_and_says_so_once(tmp_path, project_root):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)],
        capture_output=True, text=True, check=True, cwd=project_root,
    )  # fmt: skip
    flushed, lost, said, number = json.loads(done.stdout)
    assert (flushed + lost, number) == (2000, errno.EFBIG)
    assert flushed >= 500
    assert "cannot record any more (File too large)" in said
    assert f"{flushed} rows are kept and readable; free some space" in said
    assert done.stderr.count("cannot record any more") == 1
    assert read(tmp_path).tobytes() == some(flushed).tobytes()
    assert not list(tmp_path.rglob("*.tmp"))
    recorder = ParquetRecorder(tmp_path, instrument_table())  # there is space again
    recorder.write(some(10, flushed))
    recorder.close()
    assert read(tmp_path).tobytes() == some(flushed + 10).tobytes()


def test_nothing_is_left_open(tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        recorder = ParquetRecorder(tmp_path, instrument_table(), flush_s=0.01)
        recorder.write(some(1, recorder.stats.first_arrival))
        recorder.close()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1


def test_other_kinds_and_instruments_share_one_order(open_recorder, tmp_path):
    events = rows(*(trade(1.0, 1.0, ts=T0 + i, inst=i % 2) for i in range(20)))
    recorder = open_recorder()
    recorder.write(events)
    recorder.close()
    assert read(tmp_path).tobytes() == events.tobytes()
    assert sum(LogFile(path).count() for path in list_logs(tmp_path)) == 0
