"""The manifest says what is in a recording: whole, one change at a time, old or new."""

from __future__ import annotations

import os

import pytest

from extrema_nb.errors import DataError
from extrema_nb.store import (
    MANIFEST,
    LogWriter,
    RowWriter,
    compact,
    describe_part,
    edit_manifest,
    hash_file,
    hold,
    list_files,
    list_parts,
    log_folder,
    manifest,
    purge,
    read_info,
    read_manifest,
    read_part,
    remove_recording,
    retire,
    retired_name,
)
from extrema_nb.testing import instrument_table, rows, trade

TABLE = instrument_table()


def some(n, first=0):
    return rows(*(trade(100.0, 1.0, ts=first + i) for i in range(n)))


def write(root, n, first):
    writer = RowWriter(root, TABLE, "v")
    writer.write(some(n, first), first)
    writer.flush()


def test_each_part_stands_in_it_with_rows_span_and_hash(tmp_path):
    write(tmp_path, 5, 0)
    write(tmp_path, 3, 5)
    found = read_manifest(tmp_path)
    assert (found.next_arrival, found.generation, len(found.parts)) == (8, 3, 2)
    last = found.parts[1]
    assert (last.rows, last.first_arrival, last.last_arrival) == (3, 5, 7)
    assert (last.first_ts_recv, last.last_ts_recv) == (5, 7)
    path = tmp_path / last.path
    assert (last.bytes, last.sha256) == (path.stat().st_size, hash_file(path))
    assert last == describe_part(tmp_path, path)


def test_a_file_that_it_does_not_name_is_no_part(tmp_path):
    write(tmp_path, 5, 0)
    (part,) = list_parts(tmp_path)
    part.path.with_name("part-000000000099.parquet").write_bytes(b"of a crash")
    assert list_parts(tmp_path) == [part]


def test_a_folder_without_one_is_taken_as_it_lies_and_gets_one_at_the_first_change(tmp_path):
    write(tmp_path, 5, 0)
    (tmp_path / MANIFEST).unlink()
    assert [part.first_arrival for part in list_parts(tmp_path)] == [0]
    write(tmp_path, 3, 5)
    assert [entry.rows for entry in read_manifest(tmp_path).parts] == [5, 3]


def test_files_of_a_log_that_is_still_there_are_not_adopted(tmp_path):
    write(tmp_path, 5, 0)
    write(tmp_path, 3, 5)  # its manifest was lost, its log was not deleted
    (tmp_path / MANIFEST).unlink()
    log = LogWriter(log_folder(tmp_path) / "rows-000000000005.log", TABLE, "v", 5)
    log.write(some(3, 5))
    log.close()
    with edit_manifest(tmp_path) as found:
        assert (found.next_arrival, [entry.first_arrival for entry in found.parts]) == (5, [0])


def test_a_change_that_fails_changes_nothing(tmp_path, monkeypatch):
    write(tmp_path, 5, 0)
    before = (tmp_path / MANIFEST).read_bytes()

    def harm():
        with edit_manifest(tmp_path) as found:
            found.parts.clear()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        harm()
    assert (tmp_path / MANIFEST).read_bytes() == before

    def refuse(_fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(manifest.os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"), edit_manifest(tmp_path) as found:
        found.parts.clear()
    assert (tmp_path / MANIFEST).read_bytes() == before
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_change_of_nothing_writes_nothing(tmp_path):
    write(tmp_path, 5, 0)
    before = os.stat(tmp_path / MANIFEST).st_mtime_ns  # noqa: PTH116 - the raw time
    with edit_manifest(tmp_path):
        pass
    assert os.stat(tmp_path / MANIFEST).st_mtime_ns == before  # noqa: PTH116


@pytest.mark.parametrize(
    ("raw", "said"),
    [(b"", "damaged"), (b'{"version":1,"par', "damaged"), (b'{"version":7}', "version 7, expected 1")],
)  # fmt: skip
def test_one_that_cannot_be_read_is_named(tmp_path, raw, said):
    (tmp_path / MANIFEST).write_bytes(raw)
    with pytest.raises(DataError, match=said) as caught:
        list_parts(tmp_path)
    assert str(tmp_path / MANIFEST) in str(caught.value)


def test_a_retired_part_is_hidden_stays_readable_and_goes_in_time(tmp_path):
    write(tmp_path, 5, 0)
    write(tmp_path, 3, 5)
    part = list_parts(tmp_path)[0]
    with edit_manifest(tmp_path) as found:
        retire(found, found.parts[:1], 60.0)
    assert purge(tmp_path) == 0
    assert [p.first_arrival for p in list_files(tmp_path)] == [5]
    assert read_info(part.path).rows == 5  # a reader that had listed it before
    assert read_part(part.path)[0].size == 5
    with edit_manifest(tmp_path) as found:
        found.retired = [manifest.Retired(entry.path, 0) for entry in found.retired]
    assert purge(tmp_path) == 1
    assert not retired_name(part.path).exists()
    assert read_manifest(tmp_path).retired == []
    with pytest.raises(DataError, match="no such file"):
        read_info(part.path)


def test_a_lock_is_held_by_one(tmp_path):
    with hold(tmp_path, ".lock") as ours, hold(tmp_path, ".lock", wait=False) as also:
        assert (ours, also) == (True, False)
    with hold(tmp_path, ".lock", wait=False) as ours:
        assert ours


def test_removing_leaves_raw_frames_and_strangers(tmp_path):
    write(tmp_path, 5, 0)
    (tmp_path / "raw").mkdir()
    (tmp_path / "note.txt").write_text("mine")
    remove_recording(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["note.txt", "raw"]


def test_missing_files_are_left_out_and_said(tmp_path, caplog):
    write(tmp_path, 5, 0)
    write(tmp_path, 3, 5)
    first, last = list_parts(tmp_path)
    first.path.unlink()
    assert list_parts(tmp_path) == [last]
    assert "1 files are missing and left out, such as venue=binance-usdm/" in caplog.text


def test_parts_that_are_joined_while_they_are_listed_are_listed_again(tmp_path, monkeypatch):
    write(tmp_path, 5, 0)
    write(tmp_path, 3, 5)
    old = read_manifest(tmp_path)
    compact(tmp_path)
    seen = [old]
    monkeypatch.setattr(
        manifest, "read_manifest", lambda root: seen.pop() if seen else read_manifest(root)
    )
    (part,) = list_parts(tmp_path)
    assert read_info(part.path).rows == 8
