"""Views in kernels: read and written as arrays are, cut into ordinary ones."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb import jit
from extrema_nb.events import EVENT


def made(function):
    return jit.kernel(function, cache=False)


@made
def swapped(at, i, j):
    table = jit.view_at(at, (2, 3), np.int64)
    table[i, j], table[j, i] = table[j, i], table[i, j]
    row = jit.view_at(at, 6, np.int64)
    row[np.int32(5)] += np.int8(1)
    return row[np.uint8(1)]


@made
def ends(at, back):
    row = jit.view_at(at, 6, np.int64)
    part = row[1:5]  # an ordinary array: any index may count from its end
    return part[back], row[2:][-1]


@made
def chosen(at, own):
    row = jit.view_at(at, 3, np.float64)
    other = np.zeros(3)
    numbers = row if own else other
    total = 0.0
    for number in numbers:
        total += number
    return total + numbers.sum()


@made
def written(at, place, kind):
    rows = jit.view_at(at, 2, EVENT)
    rows[place].kind = kind
    rows[1 - place] = rows[place]
    return int(rows[1 - place].kind)


def test_places_are_read_and_written_by_every_type_of_index():
    table = np.arange(6, dtype=np.int64)
    assert swapped(table.ctypes.data, 0, 1) == 3
    assert table.tolist() == [0, 3, 2, 1, 4, 6]


def test_slices_count_from_the_end():
    row = np.arange(10, 16, dtype=np.int64)
    assert ends(row.ctypes.data, -2) == (13, 15)


@pytest.mark.parametrize(("own", "total"), [(True, 12.0), (False, 0.0)])
def test_a_view_may_stand_where_an_array_does(own, total):
    row = np.array([1.0, 2.0, 3.0])
    assert chosen(row.ctypes.data, own) == total


def test_records_are_written_whole_and_by_field():
    rows = np.zeros(2, EVENT)
    assert written(rows.ctypes.data, 1, 4) == 4
    assert rows["kind"].tolist() == [4, 4]


@pytest.mark.compiled
def test_an_index_is_not_asked_whether_it_counts_from_the_end():
    def read(at, i):
        return jit.view_at(at, 8, np.int64)[i]

    kernel = made(read)
    row = np.arange(8, dtype=np.int64)
    assert kernel(row.ctypes.data, 3) == 3
    (code,) = kernel.inspect_llvm().values()
    body = code[code.index("define") :]
    assert "icmp slt" not in body[: body.index("\n}")]
