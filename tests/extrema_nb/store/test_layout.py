"""Paths of a recording say what is in them."""

from __future__ import annotations

import pytest

from extrema_nb.errors import DataError
from extrema_nb.events import EventKind
from extrema_nb.store import date_of, list_logs, list_parts, log_folder, part_path


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_a_path_comes_back_as_what_it_says(tmp_path):
    path = touch(part_path(tmp_path, "a/b", "BTC_USDT_PERP", EventKind.LOB, "2024-08-08", 42))
    (found,) = list_parts(tmp_path)
    assert found == (path, "a/b", "BTC_USDT_PERP", EventKind.LOB, "2024-08-08", 42)
    assert path.relative_to(tmp_path).parts[1:] == (
        "inst=BTC_USDT_PERP", "kind=lob", "date=2024-08-08", "part-000000000042.parquet",
    )  # fmt: skip


def test_parts_come_in_order_of_arrival(tmp_path):
    for first in (30, 4, 200):
        touch(part_path(tmp_path, "v", "X", EventKind.BBO, "2024-08-08", first))
    assert [part.first_arrival for part in list_parts(tmp_path)] == [4, 30, 200]


def test_unfinished_files_are_not_listed(tmp_path):
    path = part_path(tmp_path, "v", "X", EventKind.BBO, "2024-08-08", 0)
    touch(path.with_name(f".{path.name}.1.parquet"))
    assert list_parts(tmp_path) == []


@pytest.mark.parametrize(
    "name", ["kind=lob/date=2024-08-08/old.parquet", "kind=x/date=d/part-1.parquet"]
)
def test_a_stranger_among_the_files_is_named(tmp_path, name):
    path = touch(tmp_path / "venue=v" / "inst=X" / name)
    with pytest.raises(DataError, match="move it out of the recording") as caught:
        list_parts(tmp_path)
    assert str(path) in str(caught.value)


def test_dates_are_utc():
    assert date_of(1_723_161_599_999_999) == "2024-08-08"
    assert date_of(1_723_161_600_000_000) == "2024-08-09"


def test_logs_come_oldest_first(tmp_path):
    for number in (5, 1):
        touch(log_folder(tmp_path) / f"rows-{number:012d}.log")
    assert [log.stem for log in list_logs(tmp_path)] == ["rows-000000000001", "rows-000000000005"]
