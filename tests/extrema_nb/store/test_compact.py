"""Joining parts: same rows, fewer files, and a crash at any instant costs nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.store import (
    RowWriter,
    check_recording,
    compact,
    edit_manifest,
    find_own,
    hold,
    list_files,
    list_parts,
    parts,
    read_info,
    read_part,
    sweep,
)
from extrema_nb.store.compact import LOCK
from extrema_nb.testing import bbo, instrument_table, rows, trade

TABLE = instrument_table()
compact_module = sys.modules["extrema_nb.store.compact"]  # the package has a function of this name


def some(n, first=0):
    """Return rows of two instruments and two kinds."""
    return rows(
        *(
            bbo(1.0, 1.0, 2.0, 1.0, ts=i) if i % 3 == 0 else trade(9.0, 1.0, ts=i, inst=i % 2)
            for i in range(first, first + n)
        )
    )


def write(root, sizes):
    at = 0
    for n in sizes:
        writer = RowWriter(root, TABLE, "v")
        writer.write(some(n, at), at)
        writer.flush()
        at += n
    return some(at)


def read(root):
    found = [read_part(part.path) for part in list_parts(root)]
    order = np.argsort(np.concatenate([arrival for _, arrival in found]))
    return np.concatenate([part for part, _ in found])[order]


@settings(max_examples=20, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    target=st.sampled_from([1, 9000, 1 << 20]),
)
def test_the_rows_are_the_same_and_the_files_fewer(sizes, target, tmp_path_factory):
    root = tmp_path_factory.mktemp("recording")
    wanted = write(root, sizes)
    before = len(list_parts(root))
    done = compact(root, target_bytes=target)
    assert read(root).tobytes() == wanted.tobytes()
    assert check_recording(root).problems == []
    after = len(list_parts(root))
    assert (done.parts_before, done.parts_after) == (before, after)
    assert len(list_files(root)) == after  # nothing is left beside them
    if target > 100_000:
        assert after == len({part.path.parent for part in list_parts(root)})
    if target == 1:
        assert after == before


def test_it_can_be_done_again_and_the_recording_goes_on(tmp_path):
    write(tmp_path, [5, 5])
    compact(tmp_path)
    writer = RowWriter(tmp_path, TABLE, "v")
    writer.write(some(5, 10), 10)
    writer.flush()
    compact(tmp_path)
    assert compact(tmp_path).joined == 0
    assert read(tmp_path).tobytes() == some(15).tobytes()


def test_names_of_retired_parts_do_not_come_again(tmp_path):
    write(tmp_path, [4])
    for at in range(4, 24, 4):
        writer = RowWriter(tmp_path, TABLE, "v")
        writer.write(some(4, at), at)
        writer.flush()
        compact(tmp_path, keep_s=1000.0)
        assert check_recording(tmp_path).problems == []
        assert read(tmp_path).tobytes() == some(at + 4).tobytes()


def test_few_small_parts_can_be_left_alone(tmp_path):
    write(tmp_path, [9, 9])
    assert compact(tmp_path, at_least=3).joined == 0
    assert compact(tmp_path, part_rows=3).joined == 0


def test_a_part_that_was_changed_is_not_joined(tmp_path):
    write(tmp_path, [9, 9])
    path = list_parts(tmp_path)[0].path
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(DataError, match=r"its SHA-256 is .* the manifest says"):
        compact(tmp_path)


def test_a_part_that_is_missing_is_named(tmp_path):
    write(tmp_path, [9, 9])
    list_parts(tmp_path)[0].path.unlink()
    with pytest.raises(DataError, match=r"missing, with \d+ rows"):
        compact(tmp_path)


def test_the_estimated_clock_offset_survives(tmp_path):
    write(tmp_path, [9, 9])
    part = list_parts(tmp_path)[0]
    assert read_info(part.path).clock_offset_us is None
    compact(tmp_path)
    assert read_info(list_parts(tmp_path)[0].path).clock_offset_us is None


def test_two_at_a_time_are_refused_and_sweeping_waits(tmp_path):
    write(tmp_path, [9, 9])
    stray = list_parts(tmp_path)[0].path.with_name("part-000000000077.parquet")
    stray.write_bytes(b"half of something")
    with hold(tmp_path, LOCK):
        with pytest.raises(ConfigError, match="another compaction"):
            compact(tmp_path)
        assert sweep(tmp_path) == 0
    assert sweep(tmp_path) == 1
    assert not stray.exists()


def test_parts_that_vanish_meanwhile_are_not_replaced(tmp_path, monkeypatch):
    write(tmp_path, [9, 9])
    module = compact.__globals__
    join = module["_join"]

    def late(root, group, number, **options):
        entry = join(root, group, number, **options)
        with edit_manifest(root) as manifest:
            manifest.parts = [part for part in manifest.parts if part not in group]
            manifest.removed_rows += sum(part.rows for part in group)
        return entry

    monkeypatch.setitem(module, "_join", late)
    assert compact(tmp_path).joined == 0
    assert list_parts(tmp_path) == []


class Killed(BaseException):
    """The process is dead from here on."""


def test_a_crash_at_any_instant_leaves_the_old_or_the_new(tmp_path, monkeypatch):
    """Every call that changes the disk is the last one, once."""
    names = [(Path, "replace"), (Path, "rename"), (Path, "unlink"), (os, "fsync"), (Path, "open")]
    real = {name: getattr(owner, name) for owner, name in names}
    state = {"left": 0}

    def dying(name):
        def call(*args, **options):
            if state["left"] <= 0:
                raise Killed
            state["left"] -= 1
            return real[name](*args, **options)

        return call

    crashes = 0
    for step in range(500):
        root = tmp_path / str(step)
        wanted = write(root, [4, 4])
        state["left"] = step
        with monkeypatch.context() as patch:
            for owner, name in names:
                patch.setattr(owner, name, dying(name))
            try:
                compact(root)
                done = True
            except Killed:
                done = False
        assert read(root).tobytes() == wanted.tobytes()
        assert check_recording(root).problems == []
        crashes += not done
        sweep(root)
        compact(root)
        assert read(root).tobytes() == wanted.tobytes()
        assert {p.path for p in list_files(root)} == {p.path for p in list_parts(root)}
        if done:
            break
    assert crashes > 10
    assert done


@pytest.mark.parametrize("many", [3, 4])
def test_what_is_joined_beside_many_others_has_small_row_groups(tmp_path, monkeypatch, many):
    wanted = write(tmp_path, [30, 30])  # three instruments and kinds
    monkeypatch.setattr(compact_module, "MANY", many - 1)
    monkeypatch.setattr(parts, "SMALL_GROUP", 8)
    compact(tmp_path)
    bounds = [find_own(part.path).bounds.tolist() for part in list_parts(tmp_path)]
    assert bounds == [[0, 8, 16, 20] if many == 3 else [0, 20]] * 3
    assert read(tmp_path).tobytes() == wanted.tobytes()
    assert check_recording(tmp_path).problems == []
