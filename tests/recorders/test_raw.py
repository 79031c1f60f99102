"""Frames as they came: readable by the same reader, whole after a kill."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time

import pytest

from recorders.raw import RawRecorder, finish_raw
from replay.sources.lines import LineFile

T0 = 1_700_000_000_000_000


def frame(i):
    return b'{"stream":"btcusdt@trade","data":{"i":%d}}' % i


def read(folder):
    files = sorted(folder.rglob("raw-*.gz"))
    return [(line.ts_recv, line.frame) for file in files for line in LineFile(file)]


def expected(n):
    return [(T0 + i, frame(i)) for i in range(n)]


def test_frames_come_back_with_their_times(tmp_path):
    recorder = RawRecorder(tmp_path, "v", flush_s=60.0)
    for i in range(100):
        recorder.write(frame(i), T0 + i)
        if i % 30 == 0:
            recorder.flush()
    recorder.close()
    recorder.close()
    assert read(tmp_path) == expected(100)
    assert (recorder.frames, recorder.lost) == (100, 0)
    assert recorder.bytes == sum(p.stat().st_size for p in tmp_path.rglob("*.gz"))
    assert not list(tmp_path.rglob("*.open"))


def test_a_frame_with_line_ends_stays_one_line(tmp_path):
    recorder = RawRecorder(tmp_path, "v")
    recorder.write(b'{"a":\n1}', T0)
    recorder.close()
    assert read(tmp_path) == [(T0, b'{"a": 1}')]


def test_files_rotate_by_size(tmp_path):
    recorder = RawRecorder(tmp_path, "v", rotate_bytes=1, flush_s=60.0)
    for i in range(5):
        recorder.write(frame(i), T0 + i)
        recorder.flush()
    recorder.close()
    assert len(list(tmp_path.rglob("raw-*.gz"))) == 5
    assert read(tmp_path) == expected(5)


def test_a_full_queue_is_written_by_the_caller(tmp_path):
    recorder = RawRecorder(tmp_path, "v", queue_bytes=100, flush_s=60.0)
    for i in range(10):
        recorder.write(frame(i), T0 + i)
    assert recorder.spills > 0
    recorder.close()
    assert read(tmp_path) == expected(10)


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_a_torn_end_is_cut_off_and_the_file_gets_its_name(tmp_path, cut):
    members = [gzip.compress(b"%d %b\n" % (T0 + i, frame(i))) for i in range(3)]
    path = tmp_path / f"raw-{T0}.gz.open"
    path.write_bytes(b"".join(members)[:-cut])
    assert finish_raw(tmp_path) == len(members[2]) - cut
    assert read(tmp_path) == expected(2)
    assert not path.exists()


def test_a_file_without_a_whole_member_is_removed(tmp_path):
    (tmp_path / "raw-1.gz.open").write_bytes(gzip.compress(b"x" * 100)[:20])
    assert finish_raw(tmp_path) == 20
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_the_same_moment_is_not_overwritten(tmp_path):
    for i in range(2):
        recorder = RawRecorder(tmp_path, "v")
        recorder.write(frame(i), T0)
        recorder.close()
    assert len(read(tmp_path)) == 2


def test_the_thread_writes_by_itself(tmp_path):
    recorder = RawRecorder(tmp_path, "v", flush_s=0.01)
    recorder.write(frame(0), T0)
    deadline = time.monotonic() + 10
    while not recorder.bytes and time.monotonic() < deadline:
        time.sleep(0.01)
    assert recorder.bytes > 0
    recorder.close()


FULL = """
import resource, sys
sys.dont_write_bytecode = True  # it would be cut off as well
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
import random
from recorders.raw import RawRecorder
recorder = RawRecorder(sys.argv[1], "v", flush_s=60)
rng = random.Random(1)
for i in range(20):
    recorder.write(b'{"x":"%x"}' % rng.getrandbits(4000), 1_700_000_000_000_000 + i)
    recorder.flush()
try:
    recorder.close()
except OSError as error:
    print(recorder.written, recorder.lost, error)
"""


def test_a_full_disk_keeps_whole_members(tmp_path, project_root):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)],
        capture_output=True, text=True, check=True, cwd=project_root,
    )  # fmt: skip
    kept, lost = map(int, done.stdout.split()[:2])
    assert "cannot record frames any more (File too large)" in done.stdout
    assert 0 < kept == len(read(tmp_path)) < 20
    assert kept + lost == 20
