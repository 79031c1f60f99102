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

from extrema_nb.errors import ConfigError
from extrema_nb.events import LOB_LEVEL, STATUS, EventKind, Flag, StatusCode, empty_events
from extrema_nb.instruments import Instrument
from extrema_nb.store import LogFile, LogWriter, check_recording, list_logs, list_parts
from extrema_nb.testing import book, instrument_table, rows, trade
from recorders.backlog import Spill
from recorders.parquet import ParquetRecorder
from replay.sources import ParquetSource

T0 = 1_700_000_000_000_000


def some(n, first=0, inst=0):
    out = empty_events(n)
    out["kind"], out["inst"], out["flags"] = EventKind.TRADE, inst, 1
    out["ts_recv"] = out["ts_event"] = T0 + np.arange(first, first + n)
    return out


def read(root):
    source = ParquetSource(root)
    source.own_snapshots = True
    return np.concatenate([empty_events(0), *source.batches()])


def until(done, seconds=10.0):
    """Wait for another thread."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.001)


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


def test_a_source_that_can_wait_loses_nothing_to_a_full_queue(open_recorder, tmp_path):
    recorder = open_recorder(queue_rows=20, wait=True)
    for at in range(0, 100, 4):
        recorder.write(some(4, at))
    recorder.write(some(50, 100))
    recorder.close()
    assert recorder.stats.lost == 0
    assert read(tmp_path).tobytes() == some(150).tobytes()


def test_what_finds_no_room_is_counted_and_stands_in_the_recording(open_recorder, tmp_path):
    told = []
    recorder = open_recorder(queue_rows=20)
    recorder.on_lost = lambda: told.append(recorder.stats.lost)
    with recorder._io:  # a disk that takes nothing for a while
        for at in range(0, 40, 4):
            recorder.write(some(4, at))
    recorder.flush()
    recorder.write(some(4, 40))
    recorder.close()
    assert told == [4, 8, 12, 16, 20]
    got = read(tmp_path)
    assert got[:20].tobytes() == some(20).tobytes()
    assert got[21:].tobytes() == some(4, 40).tobytes()
    gap = got[20:21].view(STATUS)[0]
    assert (gap.code, gap.count, gap.inst) == (StatusCode.LAGGED, 20, -1)
    assert (gap.expected, gap.found, gap.ts_recv) == (T0 + 20, T0 + 39, T0 + 40)
    assert recorder.stats.rows == 45
    assert recorder.stats.flushed == 25


def test_rows_lost_at_the_very_end_are_told_too(open_recorder, tmp_path):
    recorder = open_recorder(queue_rows=10)
    with recorder._io:
        recorder.write(some(10))
        recorder.write(some(3, 10))
    recorder.close()
    got = read(tmp_path)
    assert got[:10].tobytes() == some(10).tobytes()
    assert (len(got), got[10:].view(STATUS)["count"][0]) == (11, 3)


def test_a_spill_folder_takes_what_finds_no_room(open_recorder, tmp_path):
    recorder = open_recorder(tmp_path / "rec", queue_rows=100, spill=tmp_path / "spill")
    with recorder._io:
        for at in range(0, 1000, 10):
            recorder.write(some(10, at))
            until(lambda: recorder._backlog.fits(10))
    recorder.close()
    assert recorder.stats.spilled_rows > 500
    assert recorder.stats.lost == 0
    assert read(tmp_path / "rec").tobytes() == some(1000).tobytes()
    assert list((tmp_path / "spill").iterdir()) == []


def test_what_a_killed_recorder_spilled_is_taken_by_the_next(open_recorder, tmp_path):
    spill = Spill(tmp_path / "spill", instrument_table(), "v")
    spill.write(some(30, 5).tobytes())
    first = open_recorder(tmp_path / "rec")
    first.write(some(5))
    first.close()
    recorder = open_recorder(tmp_path / "rec", spill=tmp_path / "spill")
    assert (recorder.stats.recovered, recorder.stats.first_arrival) == (30, 35)
    recorder.write(some(5, 35))
    recorder.close()
    assert read(tmp_path / "rec").tobytes() == some(40).tobytes()


def test_a_disk_that_refuses_for_a_while_costs_nothing(open_recorder, tmp_path, monkeypatch):
    recorder = open_recorder()
    recorder.write(some(5))
    write = LogWriter.write

    def refuse(_self, _rows):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(LogWriter, "write", refuse)
    recorder.flush()
    recorder.write(some(5, 5))
    recorder.flush()
    assert (recorder.stats.refusals, recorder.stats.flushed, recorder.error) == (2, 0, None)
    monkeypatch.setattr(LogWriter, "write", write)
    recorder.write(some(5, 10))
    recorder.close()
    assert recorder.stats.lost == 0
    assert read(tmp_path).tobytes() == some(15).tobytes()


def test_books_are_recorded_from_time_to_time(open_recorder, tmp_path):
    recorder = open_recorder(snapshot_s=1.0, status_s=1.0)
    events = book([(99.0, 1.0)], [(101.0, 2.0)], ts=T0, snapshot=True)
    recorder.write(events)
    changes = [book([(98.0, float(i))], [], ts=T0 + i * 500_000) for i in range(1, 7)]
    for change in changes:
        recorder.write(change)
        recorder.flush()
    recorder.close()
    got = read(tmp_path)
    own = got["flags"] & Flag.SYNTHETIC != 0
    assert recorder.stats.made == own.sum() > 0
    assert got[~own].tobytes() == np.concatenate([events, *changes]).tobytes()
    made = got[own & (got["kind"] == EventKind.LOB)]
    assert set(made.view(LOB_LEVEL)["price"]) == {98.0, 99.0, 101.0}
    assert (got["kind"] == EventKind.STATUS).any()


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
    "change", [{"kind": 0}, {"kind": 99}, {"inst": 2}, {"inst": -7}, {"ts_recv": -5}]
)
def test_rows_that_no_recording_can_hold_are_left_out_and_said(
    open_recorder, tmp_path, change, caplog
):
    bad = some(3)
    for name, value in change.items():
        bad[name][1] = value
    recorder = open_recorder()
    recorder.write(bad)
    recorder.close()
    assert (recorder.stats.rows, recorder.stats.lost, recorder.stats.flushed) == (3, 1, 2)
    assert "1 rows that no recording can hold are left out; the first has kind" in caplog.text
    assert read(tmp_path).tobytes() == bad[[0, 2]].tobytes()


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
sys.dont_write_bytecode = True  # it would be cut off as well
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
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
