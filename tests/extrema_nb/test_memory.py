"""Arrays in one block: zeroed, apart from each other, where their addresses say."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import EVENT
from extrema_nb.jit import view_at
from extrema_nb.memory import CHUNK, LINE, cloned, copied, zeroed

DTYPES = (np.int64, np.float32, np.int8, EVENT)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 3), st.sampled_from(DTYPES)), max_size=6)
)
def test_each_array_has_memory_of_its_own_at_its_address(wanted):
    record, arrays = zeroed(
        [("size", np.int64), *((str(i), np.int64) for i in range(len(wanted)))],
        {str(i): ((rows, columns), dtype) for i, (rows, columns, dtype) in enumerate(wanted)},
    )
    assert record["size"] == 0
    places = {name: int(record[name][0]) for name in arrays}
    for i, (rows, columns, dtype) in enumerate(wanted):
        array = arrays[str(i)]
        assert array.shape == (rows, columns)
        assert array.dtype == np.dtype(dtype)
        assert not array.view(np.uint8).any()
        assert places[str(i)] % LINE == 0
        array.view(np.uint8)[...] = i + 1
    for i, (rows, columns, dtype) in enumerate(wanted):
        if rows:
            seen = view_at(places[str(i)], (rows, columns), dtype)
            assert (np.ascontiguousarray(seen).view(np.uint8) == i + 1).all()


def test_a_length_may_be_a_number():
    _, arrays = zeroed([("few", np.int64)], {"few": (3, np.float64)})
    assert arrays["few"].tolist() == [0.0, 0.0, 0.0]


def test_nothing_asked_for_is_nothing():
    record, arrays = zeroed([("size", np.int64)], {})
    assert record["size"].tolist() == [0]
    assert arrays == {}


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 4))
def test_copies_have_arrays_of_their_own_and_what_was_written_first(few, many, copies):
    record, arrays = zeroed(
        [("size", np.int64), ("first", np.int64), ("second", np.int64)],
        {"first": (few, np.int64), "second": (many, np.float32)},
    )
    record["size"] = few
    arrays["first"][:] = 7
    begin, kept = int(record["first"][0]), int(record["second"][0])
    end = kept + arrays["second"].nbytes
    made = [cloned(record, begin, kept, end) for _ in range(copies)]
    for number, (words, _) in enumerate(made):
        assert words[0] == few
        first, second = view_at(words[1], few, np.int64), view_at(words[2], many, np.float32)
        assert first.tolist() == [7] * few
        assert not second.any()
        assert words[1] % LINE == 0
        assert words[2] % LINE == 0
        first[:] = second[:] = number
    assert arrays["first"].tolist() == [7] * few
    for number, (words, _) in enumerate(made):
        assert (view_at(words[1], few, np.int64) == number).all()
        assert (view_at(words[2], many, np.float32) == number).all()


def test_copies_of_any_size_find_room():
    size = CHUNK // 3
    record, arrays = zeroed([("all", np.int64)], {"all": (size, np.int8)})
    begin = int(record["all"][0])
    made = [cloned(record, begin, begin, begin + size) for _ in range(5)]
    for number, (words, _) in enumerate(made):
        view_at(words[0], size, np.int8)[[0, -1]] = number + 1
    assert [int(block[size - 1]) for _, block in made] == [1, 2, 3, 4, 5]
    large = cloned(record, begin, begin, begin + 2 * CHUNK)[1]
    assert len(large) == 2 * CHUNK
    assert not large[:: 1 << 20].any()
    assert not arrays["all"].any()


def test_a_record_is_copied_byte_by_byte():
    rows = np.zeros(3, EVENT)
    rows["ts_recv"] = (1, 2, 3)
    copy = copied(rows[1:])
    assert copy.dtype == rows.dtype
    assert copy.tobytes() == rows[1:].tobytes()
    rows["ts_recv"] = 9
    assert copy["ts_recv"].tolist() == [2, 3]
