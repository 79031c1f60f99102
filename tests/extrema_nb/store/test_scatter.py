"""Columns into rows at places: the same as filling rows and moving them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import EVENT, VIEWS, empty_events
from extrema_nb.store import FrameRows, put_rows, to_frame


@pytest.mark.parametrize("kind", list(VIEWS))
@given(raw=st.binary(min_size=256, max_size=256), inst=st.integers(-1, 2**31 - 1), data=st.data())
def test_rows_land_where_they_belong_bit_for_bit(kind, raw, inst, data):
    rows = np.frombuffer(raw, EVENT).copy()
    rows["kind"], rows["inst"] = kind, inst
    at = np.array(data.draw(st.permutations(range(6)))[:4])
    out = empty_events(6)
    frame = to_frame(rows, np.arange(4), kind)
    pieces = pl.concat([frame[:3], frame[3:]], rechunk=False)
    columns = FrameRows(frame if data.draw(st.booleans()) else pieces, kind, inst)
    cut = data.draw(st.integers(0, 4))
    columns.put(0, cut, out, at[:cut])
    columns.put(cut, 4, out, at[cut:])
    assert out[at].tobytes() == rows.tobytes()
    assert not np.delete(out, at).tobytes().strip(b"\0")


def test_rows_that_are_rows_are_copied_to_their_places():
    rows = empty_events(4)
    rows["ts_recv"] = [1, 2, 3, 4]
    out = empty_events(5)
    put_rows(rows[::2], out, np.array([4, 0]))
    assert out["ts_recv"].tolist() == [3, 0, 0, 0, 1]
