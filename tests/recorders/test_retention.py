"""What is too old or too much goes, whole parts, the oldest first."""

from __future__ import annotations

import os

import pytest

from extrema_nb.store import RowWriter, check_recording, list_parts, read_manifest
from extrema_nb.testing import instrument_table, rows, trade
from recorders.retention import DAY_US, expire


@pytest.fixture
def root(tmp_path):
    """Return a recording of days 10 to 14, 5 rows each."""
    at = 0
    for day in range(10, 15):
        writer = RowWriter(tmp_path, instrument_table(), "v")
        writer.write(rows(*(trade(1.0, 1.0, ts=day * DAY_US + i) for i in range(5))), at)
        writer.flush()
        at += 5
    return tmp_path


def days(root):
    return [part.date[-2:] for part in list_parts(root)]


@pytest.mark.parametrize(
    ("keep_days", "left"),
    [(0.0, 5), (100.0, 5), (4.0, 5), (3.999, 4), (2.0, 3), (0.001, 1)],
)  # fmt: skip
def test_dates_go_when_their_end_is_old_enough(root, keep_days, left):
    now = 15 * DAY_US
    removed = expire(root, now, keep_days=keep_days)
    assert (len(days(root)), removed.parts, removed.rows) == (left, 5 - left, 5 * (5 - left))
    found = check_recording(root)
    assert (found.problems, found.removed_rows) == ([], removed.rows)


def test_the_oldest_go_until_the_rest_is_small_enough(root):
    sizes = [entry.bytes for entry in read_manifest(root).parts]
    removed = expire(root, 0, max_bytes=sum(sizes[-2:]))
    assert (removed.parts, removed.bytes) == (3, sum(sizes[:3]))
    assert check_recording(root).problems == []
    assert expire(root, 0, max_bytes=sum(sizes[-2:])).parts == 0


def test_what_may_not_go_stays(root):
    kept = read_manifest(root).parts[1]
    expire(root, 15 * DAY_US, keep_days=2.0, may_go=lambda entry: entry != kept)
    assert days(root) == ["12", "13", "14", "15"]


def test_files_can_stay_for_readers(root):
    path = list_parts(root)[0].path
    expire(root, 15 * DAY_US, keep_days=3.0, keep_s=1000.0)
    assert not path.exists()
    assert len(list(path.parent.iterdir())) == 1


def test_raw_frames_go_with_their_time(root):
    folder = root / "raw" / "venue=v"
    folder.mkdir(parents=True)
    for day in (10, 14):
        file = folder / f"raw-{day * DAY_US}.gz"
        file.write_bytes(b"x")
        os.utime(file, (0, day * DAY_US / 1e6))
    assert expire(root, 15 * DAY_US, keep_days=2.0).raw_files == 1
    assert [file.name for file in folder.iterdir()] == [f"raw-{14 * DAY_US}.gz"]
