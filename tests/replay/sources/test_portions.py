"""What files hold together stays within a bound, whatever their number and sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.store import ROW_GROUP
from replay.sources.portions import FEW_ROWS, HELD_ROWS, LEAST_ROWS, MANY, portion_rows


@given(rows=st.lists(st.integers(0, 10**9), max_size=1500))
def test_the_bound_holds_and_row_groups_are_not_cut_askew(rows):
    got = portion_rows(rows)
    assert len(got) == len(rows)
    held = HELD_ROWS if len(rows) <= MANY else 4 * HELD_ROWS
    assert sum(got) <= held + LEAST_ROWS * len(rows)
    for portion in got:
        assert portion >= LEAST_ROWS
        assert portion % ROW_GROUP == 0 or ROW_GROUP % portion == 0


def test_a_large_file_gets_more_than_a_small_one():
    assert portion_rows([80_000_000, 1_000_000, 100]) == [4 * ROW_GROUP, ROW_GROUP // 2, LEAST_ROWS]
    assert portion_rows([]) == []


@pytest.mark.parametrize("count", [600, 1500])
def test_hundreds_of_files_hold_a_hundred_bytes_of_each_row_at_most(count):
    assert sum(portion_rows([1_000_000] * count)) <= max(4 * HELD_ROWS, LEAST_ROWS * count)


def test_who_wants_the_memory_holds_fewer_rows():
    for rows in ([80_000_000], [80_000_000, 1_000_000, 100], [5_000] * 40):
        few, many = portion_rows(rows, held_rows=FEW_ROWS), portion_rows(rows)
        assert sum(few) <= sum(many)
        assert all(LEAST_ROWS <= count <= ROW_GROUP * 4 for count in few)
    assert sum(portion_rows([80_000_000], held_rows=FEW_ROWS)) == FEW_ROWS
