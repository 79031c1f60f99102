"""Mark-outs against a slow obvious twin."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.statistics import (
    HORIZONS_US,
    mark_outs,
)
from tests.replay.statistics.samples import FILLS, S, fills_of


def naive_mark_outs(rows, mids, horizons):
    found = []
    for horizon in horizons:
        earned = held = notional = count = 0
        for row in rows:
            at = row[0] + horizon
            before = [mid for ts, mid in mids if ts <= at]
            if not before or at > mids[-1][0]:
                continue
            earned += row[2] * (before[-1] - row[3]) * row[4]
            held, notional, count = held + row[4], notional + row[3] * row[4], count + 1
        found.append(
            (horizon, count, earned / held if held else None,
             1e4 * earned / notional if notional else None)
        )  # fmt: skip
    return found


@given(
    FILLS,
    st.lists(st.tuples(st.integers(0, 150 * S), st.integers(1, 1_000).map(float)), max_size=30),
)
def test_mark_outs_equal_the_naive_ones(rows, mids):
    mids = sorted(mids, key=lambda row: row[0])
    frame = pl.DataFrame(mids, schema={"ts": pl.Int64, "mid": pl.Float64}, orient="row")
    found = mark_outs(fills_of(rows), frame).rows()
    for got, expected in zip(found, naive_mark_outs(rows, mids, HORIZONS_US), strict=True):
        assert got == pytest.approx(expected)


def test_mark_outs_take_the_mid_of_their_own_instrument():
    fills = fills_of([(0, 1, 1, 10.0, 1.0, True, 0.0), (0, 2, -1, 20.0, 1.0, True, 0.0)])
    fills = fills.with_columns(inst=pl.Series([0, 1]))
    mids = pl.DataFrame({"ts": [0, 0, S, S], "mid": [10.0, 20.0, 11.0, 19.0], "inst": [0, 1, 0, 1]})
    found = mark_outs(fills, mids, horizons_us=[S])
    assert found["edge"].to_list() == [None]  # units of two instruments do not add up
    assert found["edge_bps"].to_list() == [pytest.approx(1e4 * 2 / 30)]
    assert found["fills"].to_list() == [2]
