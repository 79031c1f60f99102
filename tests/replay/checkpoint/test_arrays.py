"""Records of addresses: what hangs on them, and taking it over."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.books.l2 import grow, make_books
from replay.checkpoint.arrays import arrays_of, forget_nothing, nested_in, put_arrays, sizes_of
from tests.replay.exchange.scripted import table


def books(**kwargs):
    memory = []
    return make_books(table().specs(), memory, window=128, **kwargs), memory


def test_every_array_of_a_record_is_found_with_its_shape():
    some, memory = books(far=64)
    found = arrays_of(some)
    assert found["qty"].shape == (2, 2, 128)
    assert found["far_key"].shape == (2, 64)
    assert sizes_of(some, memory) == {"n": 2, "window": 128, "blocks": 2, "capacity": 64}
    assert nested_in(some, memory) == {}
    forget_nothing([some], memory)


def test_contents_are_taken_over_also_those_that_have_grown():
    full, memory = books(far=64)
    full.qty[1, 0, 3] = 2.5
    grow(full, memory)
    full.far_key[1, 127] = 77
    saved = {name: array.copy() for name, array in arrays_of(full).items()}
    fresh, own = books(far=64)
    before = len(own)
    put_arrays(fresh, saved, sizes_of(full, memory), own)
    assert fresh.hub["capacity"] == 128
    assert {name: array.tobytes() for name, array in arrays_of(fresh).items()} == {
        name: array.tobytes() for name, array in saved.items()
    }
    assert len(own) == before
    forget_nothing([fresh], own)


def test_what_no_view_shows_is_an_error():
    some, memory = books()
    with pytest.raises(AssertionError, match=r"\(3,\) int64"):
        forget_nothing([some], [*memory, np.zeros(3, np.int64)])
