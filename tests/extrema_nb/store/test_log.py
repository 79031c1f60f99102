"""The framed log: what was written whole is read whole, wherever the file ends."""

from __future__ import annotations

import resource
import struct
import subprocess
import sys
import zlib

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import DataError
from extrema_nb.events import EventKind, empty_events
from extrema_nb.store import LogFile, LogWriter, pack_rows
from extrema_nb.store.log import LogHeader
from extrema_nb.testing import instrument_table

TABLE = instrument_table()
SIZES = [3, 1, 7]


def some(n, first=0):
    out = empty_events(n)
    out["kind"] = EventKind.STATUS
    out["ts_recv"] = np.arange(first, first + n)
    return out


def write_log(path, sizes=SIZES):
    writer, at = LogWriter(path, TABLE, "v", 100), 0
    for size in sizes:
        writer.write(some(size, at))
        at += size
    writer.close()
    writer.close()
    return path


def frame_sizes():
    """Bytes of each frame: a head, and the rows, packed."""
    at, sizes = 0, []
    for size in SIZES:
        sizes.append(20 + pack_rows(some(size, at), np.zeros(1000, np.uint8)))
        at += size
    return sizes


def plain_log(path, sizes=SIZES):
    """Write a log as versions before did, rows as they are."""
    body = msgspec.json.encode(
        LogHeader(first_arrival=100, venue="v", instruments=TABLE.to_json().decode())
    )
    raw, at = struct.pack("<8sII", b"XNBROWS1", len(body), zlib.crc32(body)) + body, 0
    for size in sizes:
        rows = some(size, at).tobytes()
        head = struct.pack("<4sII", b"ROWS", size, zlib.crc32(rows))
        raw += head + struct.pack("<I", zlib.crc32(head)) + rows
        at += size
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("write", [write_log, plain_log])
def test_frames_come_back_in_order(tmp_path, write):
    log = LogFile(write(tmp_path / "x.log"))
    assert [frame["ts_recv"].tolist() for frame in log.frames()] == [
        [0, 1, 2], [3], [4, 5, 6, 7, 8, 9, 10],
    ]  # fmt: skip
    assert (log.count(), log.torn_bytes) == (11, 0)
    assert (log.header.first_arrival, log.header.venue) == (100, "v")
    assert list(log.table()) == list(TABLE)


@given(data=st.data())
def test_wherever_it_is_cut_the_whole_frames_before_are_read(data, tmp_path_factory):
    path = write_log(tmp_path_factory.mktemp("log") / "x.log")
    whole = path.read_bytes()
    frames = frame_sizes()
    head = len(whole) - sum(frames)
    cut = data.draw(st.integers(head, len(whole)))
    path.write_bytes(whole[:cut])
    fits = sum(cut >= head + sum(frames[: i + 1]) for i in range(len(frames)))
    log = LogFile(path)
    assert [len(frame) for frame in log.frames()] == SIZES[:fits]
    assert log.torn_bytes == cut - head - sum(frames[:fits])
    assert log.count() == sum(SIZES[:fits])


@given(data=st.data())
def test_a_flipped_bit_never_gives_wrong_rows(data, tmp_path_factory):
    path = write_log(tmp_path_factory.mktemp("log") / "x.log")
    whole = bytearray(path.read_bytes())
    start = len(whole) - sum(frame_sizes())
    at = data.draw(st.integers(start, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(whole)
    got = np.concatenate([empty_events(0), *LogFile(path).frames()])
    assert got.tobytes() == some(11)[: len(got)].tobytes()
    assert len(got) < 11


@given(cut=st.integers(1, 700))
def test_a_log_of_before_is_read_as_far_as_it_goes(cut, tmp_path_factory):
    path = plain_log(tmp_path_factory.mktemp("log") / "x.log")
    path.write_bytes(path.read_bytes()[:-cut])
    log = LogFile(path)
    left = 752 - cut
    fits = sum(left >= end for end in (208, 288, 752))
    assert [len(frame) for frame in log.frames()] == SIZES[:fits]
    assert log.count() == sum(SIZES[:fits])


def test_a_frame_whose_rows_are_fewer_than_it_says_ends_the_log(tmp_path):
    path = write_log(tmp_path / "x.log", [4])
    raw = path.read_bytes()
    start = len(raw) - 20 - pack_rows(some(4), np.zeros(1000, np.uint8))
    body = raw[start + 20 :]
    head = struct.pack("<4sIII", b"PACK", 9, len(body), zlib.crc32(body))
    path.write_bytes(raw[:start] + head + struct.pack("<I", zlib.crc32(head)) + body)
    log = LogFile(path)
    assert list(log.frames()) == []
    assert log.torn_bytes == len(raw) - start


def test_rows_stay_readable_after_the_file_is_deleted(tmp_path):
    path = write_log(tmp_path / "x.log")
    log = LogFile(path)
    path.unlink()
    assert sum(len(frame) for frame in log.frames()) == 11


def test_a_second_writer_does_not_overwrite(tmp_path):
    path = write_log(tmp_path / "x.log")
    with pytest.raises(FileExistsError):
        LogWriter(path, TABLE, "v", 0)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "killed before its first row"),
        (b"something else than a log", "no log of rows"),
    ],
)
def test_what_is_no_log_is_said(tmp_path, raw, said):
    path = tmp_path / "x.log"
    path.write_bytes(raw)
    with pytest.raises(DataError, match=said):
        LogFile(path)


def test_another_schema_version_is_said(tmp_path, monkeypatch):
    path = write_log(tmp_path / "x.log")
    monkeypatch.setattr("extrema_nb.store.log.SCHEMA_VERSION", 99)
    with pytest.raises(DataError, match="schema version 1, expected 99"):
        LogFile(path)


FULL = """
import resource, sys
from pathlib import Path
sys.dont_write_bytecode = True  # it would be cut off as well
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
from extrema_nb.events import empty_events
from extrema_nb.store import LogWriter
from extrema_nb.testing import instrument_table
writer = LogWriter(Path(sys.argv[1]), instrument_table(), "v", 0)
try:
    for _ in range(1000):
        writer.write(empty_events(7))
except OSError as error:
    print(type(error).__name__, writer.rows, writer.size)
"""


def test_a_disk_that_refuses_leaves_whole_frames(tmp_path):
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    path = tmp_path / "x.log"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True
    )
    name, rows, size = done.stdout.split()
    assert name == "OSError"
    assert path.stat().st_size == int(size) <= 4096
    log = LogFile(path)
    assert sum(len(frame) for frame in log.frames()) == int(rows) > 0
    assert log.torn_bytes == 0
