"""Pairs that occur are those that a set would find."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.kernels.distinct import Pairs
from tests.naive.distinct import pairs

PAIRS = Pairs()  # used again, as it is meant to be


@given(
    st.lists(
        st.tuples(st.integers(-1, 40) | st.integers(0, 2**31 - 1), st.integers(-1, 300)),
        max_size=300,
    ).map(lambda found: [(a, max(b, -1 if a < 0 else 0)) for a, b in found])
)
def test_pairs_are_those_of_a_set(found):
    first, second = [a for a, _ in found], [b for _, b in found]
    spare = np.zeros(3, np.int64)
    got = PAIRS.of(
        np.concatenate([np.array(first, np.int64), spare]),
        np.concatenate([np.array(second, np.int64), spare]),
        len(found),
    )
    assert got == pairs(first, second)
