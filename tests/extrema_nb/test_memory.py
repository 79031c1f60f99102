"""Arrays in one block: zeroed, apart from each other, where their addresses say."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import EVENT
from extrema_nb.jit import view_at
from extrema_nb.memory import LINE, zeroed

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
