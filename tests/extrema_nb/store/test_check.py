"""Whatever is done to a recording, `check_recording` notices."""

from __future__ import annotations

import gzip
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.errors import DataError
from extrema_nb.events import EventKind
from extrema_nb.store import (
    MANIFEST,
    LogWriter,
    RowWriter,
    check,
    check_recording,
    describe_part,
    edit_manifest,
    list_parts,
    log_folder,
    part_path,
    write_part,
)
from extrema_nb.testing import bbo, instrument_table, rows, trade

TABLE = instrument_table()


def some(n, first=0):
    return rows(
        *(
            bbo(1.0, 1.0, 2.0, 1.0, ts=i) if i % 3 == 0 else trade(9.0, 1.0, ts=i, inst=i % 2)
            for i in range(first, first + n)
        )
    )


def write(root, n, first=0):
    writer = RowWriter(root, TABLE, "v")
    writer.write(some(n, first), first)
    writer.flush()


def write_log(root, n, first):
    log = LogWriter(log_folder(root) / f"rows-{first:012d}.log", TABLE, "v", first)
    log.write(some(n, first))
    log.close()
    return log.path


@pytest.fixture
def root(tmp_path):
    write(tmp_path, 30)
    write(tmp_path, 12, 30)
    return tmp_path


def test_a_whole_recording_is_whole(root):
    write_log(root, 8, 42)
    found = check_recording(root)
    assert found.problems == []
    assert found.notes == []
    assert (found.rows, found.rows_in_logs, found.logs) == (42, 8, 1)
    assert found.parts == len(list_parts(root))
    assert found.bytes == sum(part.path.stat().st_size for part in list_parts(root))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_changed_byte_of_any_part_is_noticed(data, tmp_path_factory):
    root = tmp_path_factory.mktemp("recording")
    write(root, 12)
    parts = list_parts(root)
    path = data.draw(st.sampled_from(parts)).path
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    (problem,) = check_recording(root).problems
    assert str(path.relative_to(root)) in problem
    assert "SHA-256" in problem


def first(root):
    return list_parts(root)[0].path


def cut(root):
    first(root).write_bytes(first(root).read_bytes()[:-10])


def lose(root):
    first(root).unlink()


def forget(root):
    with edit_manifest(root) as manifest:
        manifest.parts = manifest.parts[1:]


def lie_about_rows(root):
    with edit_manifest(root) as manifest:
        entry = manifest.parts[0]
        raw = {name: getattr(entry, name) for name in entry.__struct_fields__}
        manifest.parts[0] = type(entry)(**{**raw, "rows": entry.rows + 1})


def twice(root):
    part = list_parts(root)[0]
    copy = part.path.with_name("part-000000000000-1.parquet")
    shutil.copy(part.path, copy)
    with edit_manifest(root) as manifest:
        manifest.parts.append(describe_part(root, copy))


def misplace(root):
    date = first(root).parent
    moved = date.with_name("date=2000-01-01")
    date.rename(moved)
    with edit_manifest(root) as manifest:
        manifest.parts = [
            describe_part(root, p) for p in sorted(root.glob("venue=*/*/*/*/*.parquet"))
        ]


def disorder(root):
    path = part_path(root, "v", "BTC_USDT_PERP", EventKind.TRADE, "1970-01-01", 42)
    events = rows(*(trade(1.0, 1.0, ts=i) for i in range(3)))
    import numpy as np

    write_part(
        path, events, np.array([43, 42, 44]), EventKind.TRADE, venue="v", instrument=TABLE[0]
    )
    with edit_manifest(root) as manifest:
        manifest.parts.append(describe_part(root, path))
        manifest.next_arrival = 45


def skip_in_logs(root):
    write_log(root, 5, 50)


def damage_raw(root):
    folder = root / "raw" / "venue=v"
    folder.mkdir(parents=True)
    (folder / "raw-1.gz").write_bytes(gzip.compress(b"1 {}\n" * 100)[:-9])


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (cut, "bytes long, the manifest says"),
        (lose, "is missing, with"),
        (forget, "parts are missing from the manifest"),
        (lie_about_rows, "its manifest says"),
        (twice, "overlaps"),
        (misplace, "not its date"),
        (disorder, "arrivals do not rise"),
        (skip_in_logs, "begins with row 50, expected 42"),
        (damage_raw, "raw-1.gz"),
    ],
)
def test_what_is_wrong_is_said(root, harm, said):
    harm(root)
    found = check_recording(root)
    assert any(said in problem for problem in found.problems), found.problems


def test_places_that_are_held_twice_and_never_are_noticed(tmp_path):
    """The count is right, and still row 3 is missing: row 4 is there as another kind too."""
    import numpy as np

    write(tmp_path, 3)
    events = rows(trade(1.0, 1.0, ts=4))
    for inst in (0, 1):
        path = part_path(tmp_path, "v", TABLE[inst].name, EventKind.TRADE, "1970-01-01", 4)
        write_part(path, events, np.array([4]), EventKind.TRADE, venue="v", instrument=TABLE[inst])
        with edit_manifest(tmp_path) as manifest:
            manifest.parts.append(describe_part(tmp_path, path))
            manifest.next_arrival = 5
    assert check_recording(tmp_path).problems == ["places 0 to 4 are not held by one row each"]


def test_what_is_worth_knowing_is_a_note(root):
    log = write_log(root, 8, 42)
    log.write_bytes(log.read_bytes() + b"torn")
    (log.parent / "rows-000000000099.log").write_bytes(b"")
    first(root).with_name("part-000000000098.parquet").write_bytes(b"x")
    found = check_recording(root)
    assert found.problems == []
    assert found.torn_bytes == 4
    text = "\n".join(found.notes)
    for said in ("4 bytes behind its last whole frame", "before its first row", "does not name"):
        assert said in text


def test_rows_that_are_in_parts_and_still_in_a_log_are_counted_once(root):
    write_log(root, 12, 30)
    found = check_recording(root)
    assert (found.problems, found.rows, found.rows_in_logs) == ([], 42, 0)
    assert "is in the parts already" in found.notes[0]


def test_a_log_that_is_rolled_meanwhile_is_missed_nowhere(root, monkeypatch):
    """The log is there when the check begins, and in the parts when it reads the manifest."""
    path = write_log(root, 8, 42)
    real = check.read_manifest

    def late(folder):
        if path.exists():
            write(folder, 8, 42)
            path.unlink()
        return real(folder)

    monkeypatch.setattr(check, "read_manifest", late)
    found = check_recording(root)
    assert (found.problems, found.rows, found.rows_in_logs) == ([], 50, 0)


def test_a_folder_without_a_manifest_is_read_and_said(root):
    (root / MANIFEST).unlink()
    found = check_recording(root)
    assert (found.problems, found.rows) == ([], 42)
    assert "no manifest" in found.notes[0]


def test_removed_rows_are_not_missed(root):
    with edit_manifest(root) as manifest:
        gone = manifest.parts.pop(0)
        manifest.removed_rows += gone.rows
    (root / gone.path).unlink()
    found = check_recording(root)
    assert (found.problems, found.removed_rows) == ([], gone.rows)


def test_raw_frames_of_several_members_are_whole(root):
    folder = root / "raw" / "venue=v"
    folder.mkdir(parents=True)
    (folder / "raw-1.gz").write_bytes(gzip.compress(b"1 {}\n" * 100) + gzip.compress(b"2 {}\n"))
    (folder / "raw-2.gz.open").write_bytes(b"being written")
    found = check_recording(root)
    assert (found.problems, found.raw_files) == ([], 1)


def test_a_place_without_a_recording_is_an_error(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DataError, match="no recording"):
            check_recording(path)
