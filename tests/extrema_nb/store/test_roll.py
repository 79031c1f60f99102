"""Rows into parts: one file a group, small ones grow, twice is once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import DataError
from extrema_nb.events import EventKind, StatusCode, empty_events
from extrema_nb.store import (
    LogWriter,
    RowWriter,
    find_own,
    list_parts,
    log_folder,
    next_arrival,
    parts,
    read_info,
    read_part,
    roll,
    split_rows,
)
from extrema_nb.testing import bbo, instrument_table, row, rows, trade
from tests.generators import event_arrays

TABLE = instrument_table()
DAY = 86_400_000_000


def some(n, first=0, inst=0):
    return rows(*(trade(100.0, 1.0, ts=first + i, inst=inst) for i in range(n)))


def write(root, events, first=0, **options):
    writer = RowWriter(root, TABLE, "v", **options)
    writer.write(events, first)
    writer.flush()
    return writer


def read(root):
    found = [read_part(part.path) for part in list_parts(root)]
    order = np.argsort(np.concatenate([arrival for _, arrival in found]))
    return np.concatenate([part for part, _ in found])[order]


@given(events=event_arrays(min_size=1))
def test_what_goes_in_comes_out_in_order(events, tmp_path_factory):
    events["inst"] = np.minimum(events["inst"], 1)
    root = tmp_path_factory.mktemp("recording")
    write(root, events)
    assert read(root).tobytes() == events.tobytes()
    assert next_arrival(root) == len(events)


def test_each_instrument_kind_and_date_has_its_file(tmp_path):
    events = rows(
        trade(1.0, 1.0, ts=DAY - 1), bbo(1.0, 1.0, 2.0, 1.0, ts=DAY - 1), trade(1.0, 1.0, ts=DAY),
        trade(1.0, 1.0, ts=DAY, inst=1), row(EventKind.STATUS, DAY, code=1, inst=-1),
    )  # fmt: skip
    write(tmp_path, events)
    assert [(p.inst, p.kind.name, p.date, p.first_arrival) for p in list_parts(tmp_path)] == [
        ("BTC_USDT_PERP", "TRADE", "1970-01-01", 0),
        ("BTC_USDT_PERP", "TRADE", "1970-01-02", 2),
        ("BTC_USDT_PERP", "BBO", "1970-01-01", 1),
        ("ETH_USDT_PERP", "TRADE", "1970-01-02", 3),
        ("_", "STATUS", "1970-01-02", 4),
    ]


def test_what_was_rolled_is_never_changed(tmp_path):
    write(tmp_path, some(5))
    before = list_parts(tmp_path)[0].path.read_bytes()
    write(tmp_path, some(5, 5), first=5)
    assert [part.first_arrival for part in list_parts(tmp_path)] == [0, 5]
    assert list_parts(tmp_path)[0].path.read_bytes() == before
    assert read(tmp_path).tobytes() == some(10).tobytes()


def test_rows_enter_the_recording_together_or_not_at_all(tmp_path):
    write(tmp_path, some(2))
    writer = RowWriter(tmp_path, TABLE, "v", part_rows=3)
    writer.write(some(7, 2), 2)
    assert len(writer.parts) == 1  # on disk, and in no manifest
    assert len(list_parts(tmp_path)) == 1
    assert next_arrival(tmp_path) == 2
    again = RowWriter(tmp_path, TABLE, "v")  # the first one was killed
    again.write(some(7, 2), 2)
    again.flush()
    assert read(tmp_path).tobytes() == some(9).tobytes()


def test_only_what_is_new_of_overlapping_rows_is_written(tmp_path):
    write(tmp_path, some(5))
    write(tmp_path, some(8, 2), first=2)
    assert read(tmp_path).tobytes() == some(10).tobytes()


def test_rows_of_other_venues_tasks_lie_under_their_venue(tmp_path):
    events = rows(
        row(EventKind.STATUS, 1, code=1, inst=-1, task=1),
        row(EventKind.STATUS, 2, code=StatusCode.CLOCK, found=700, inst=-1, task=2),
        row(EventKind.STATUS, 3, code=1, inst=-1, task=-1),
    )
    writer = write(tmp_path, events, tasks={1: "binance-usdm", 2: "okx"})
    assert {(p.venue, read_info(p.path).rows) for p in list_parts(tmp_path)} == {
        ("binance-usdm", 1), ("okx", 1), ("v", 1),
    }  # fmt: skip
    assert {info.venue: info.clock_offset_us for info in writer.parts.values()} == {
        "binance-usdm": None, "okx": 700, "v": None,
    }  # fmt: skip
    assert read(tmp_path).tobytes() == events.tobytes()


def test_writing_the_same_rows_again_changes_nothing(tmp_path):
    write(tmp_path, some(10))
    before = list_parts(tmp_path)[0].path.read_bytes()
    write(tmp_path, some(10))
    write(tmp_path, some(4), first=0)
    (part,) = list_parts(tmp_path)
    assert part.path.read_bytes() == before


def test_rows_are_written_before_too_many_are_held(tmp_path):
    writer = RowWriter(tmp_path, TABLE, "v", hold_rows=10)
    writer.write(some(8), 0)
    assert not writer.parts
    writer.write(some(4, 8, inst=1), 8)
    assert len(writer.parts) == 1
    writer = RowWriter(tmp_path / "other", TABLE, "v", part_rows=3)
    writer.write(some(3), 0)
    assert len(writer.parts) == 1


def test_a_row_of_no_kind_is_refused(tmp_path):
    with pytest.raises(DataError, match="row 0 has kind 0, which no recording can hold"):
        RowWriter(tmp_path, TABLE, "v").write(empty_events(1), 0)


def test_the_next_place_counts_rows_that_are_still_in_a_log(tmp_path):
    assert next_arrival(tmp_path) == 0
    write(tmp_path, some(5))
    log = LogWriter(log_folder(tmp_path) / "rows-000000000005.log", TABLE, "v", 5)
    log.write(some(7, 5))
    log.close()
    assert next_arrival(tmp_path) == 12


@given(order=st.permutations(range(6)))
def test_groups_keep_their_order(order):
    events = np.concatenate([some(1, i, inst=i % 2) for i in order])
    for (inst, kind, day), group, arrival in split_rows(events, np.arange(6)):
        assert (set(group["inst"]), kind, day) == ({inst}, EventKind.TRADE, 0)
        assert (np.diff(arrival) > 0).all()
        assert events[arrival].tobytes() == group.tobytes()


@pytest.mark.parametrize("many", [1, 2])
def test_beside_many_others_a_part_has_small_row_groups(tmp_path, monkeypatch, many):
    monkeypatch.setattr(roll, "MANY", many)
    monkeypatch.setattr(parts, "SMALL_GROUP", 16)
    events = np.concatenate([some(40), some(40, 40, inst=1)])
    write(tmp_path, events)
    bounds = [find_own(part.path).bounds.tolist() for part in list_parts(tmp_path)]
    assert bounds == [[0, 16, 32, 40] if many == 1 else [0, 40]] * 2
    assert read(tmp_path).tobytes() == events.tobytes()
