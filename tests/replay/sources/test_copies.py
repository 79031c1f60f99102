"""Files of the cache folder: whole or absent, a disk that refuses, a folder that may not be written."""

from __future__ import annotations

import os
import time

import pytest

from extrema_nb.errors import ConfigError
from replay.sources.copies import OLD_S, CopyWriter, make_room, space, used_now

FULL = "/dev/full"  # a file that has no room for anything


def test_a_file_is_there_when_it_is_finished_and_not_before(tmp_path):
    writer = CopyWriter(tmp_path / "deep" / "v1-x.any", 4)
    writer.put(b"body")
    assert not (tmp_path / "deep" / "v1-x.any").exists()
    writer.finish_with(b"head")
    assert (tmp_path / "deep" / "v1-x.any").read_bytes() == b"headbody"
    assert len(list((tmp_path / "deep").iterdir())) == 1


def test_what_is_not_finished_leaves_nothing(tmp_path):
    writer = CopyWriter(tmp_path / "v1-x.any", 4)
    writer.put(b"body")
    writer.close()
    writer.close()  # twice is fine
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.exists(FULL), reason="needs /dev/full")  # noqa: PTH110  # a device
def test_a_disk_without_room_is_told_and_is_no_error(tmp_path, caplog):
    writer = CopyWriter(tmp_path / "v1-x.any", 0)
    writer._file.close()
    writer._file = open(FULL, "wb", buffering=0)  # noqa: PTH123, SIM115  # what the disk would do
    writer.put(b"body")
    writer.put(b"more")
    writer.finish_with(b"head")
    assert writer.failed
    assert caplog.text.count("no copy is kept (No space left on device)") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_not_be_made_is_told_and_is_no_error(tmp_path, caplog):
    (tmp_path / "file").write_bytes(b"")
    writer = CopyWriter(tmp_path / "file" / "v1-x.any", 4)
    writer.put(b"body")
    writer.finish_with(b"head")
    writer.close()
    assert writer.failed
    assert "no copy is kept" in caplog.text


def test_the_longest_unused_copies_of_any_kind_go_first(tmp_path, monkeypatch):
    for at, name in enumerate(("v1-a.npy", "v1-b.tapes", "v1-c.npy")):
        (tmp_path / name).write_bytes(bytes(1000))
        os.utime(tmp_path / name, (at, at))
    used_now(tmp_path / "v1-a.npy")
    used_now(tmp_path / "absent")
    monkeypatch.setenv("EXTREMA_NB_CACHE_GB", "0.000002")
    make_room(tmp_path / "v1-c.npy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v1-a.npy", "v1-c.npy"]
    monkeypatch.setenv("EXTREMA_NB_CACHE_GB", "much")
    with pytest.raises(ConfigError, match="EXTREMA_NB_CACHE_GB is 'much', expected a number"):
        space()


def test_what_killed_processes_left_goes_when_it_is_old(tmp_path):
    for name, age in ((".v1-a.npy.1-f.tmp", 2 * OLD_S), (".v1-b.npy.2-f.tmp", 60.0)):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    (tmp_path / "v1-c.npy").write_bytes(b"x")
    make_room(tmp_path / "v1-c.npy")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".v1-b.npy.2-f.tmp", "v1-c.npy"]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    one, two = CopyWriter(tmp_path / "v1-x.any", 1), CopyWriter(tmp_path / "v1-x.any", 1)
    one.put(b"same")
    two.put(b"same")
    two.finish_with(b"-")
    one.close()
    assert (tmp_path / "v1-x.any").read_bytes() == b"-same"
    assert len(list(tmp_path.iterdir())) == 1
