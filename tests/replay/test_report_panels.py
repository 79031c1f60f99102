"""Series for the time charts: thinned, rounded, of one instrument each."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from extrema_nb.errors import DataError
from replay.report_panels import MAX_POINTS, fall, instruments, line, only, panel, price_panel

ACCOUNT = pl.DataFrame(
    {
        "ts": [1_000_000, 2_000_000, 2_000_000, 3_000_000],
        "inst": [0, 0, 1, 0],
        "mid": [1.0, math.nan, 5.0, 3.0],
        "equity": [0.0, 2.0, 7.0, 1.0],
    }
)


def test_a_series_leaves_out_what_is_not_known_and_keeps_times_apart():
    found = line("Mid", ACCOUNT, "mid", "c1")
    assert (found["y"], found["of"]) == ([1.0, 5.0, 3.0], 3)
    assert np.all(np.diff(found["x"]) > 0)


def test_a_fall_is_measured_from_the_high():
    assert fall("F", only(ACCOUNT, 0), "c1", "area")["y"] == [0.0, 0.0, -1.0]


def test_instruments_are_those_of_the_frame_with_their_names():
    assert instruments(ACCOUNT, {0: "A"}) == [(0, "A"), (1, "instrument 1")]
    assert instruments(ACCOUNT.drop("inst"), {}) == [(None, "")]
    assert only(ACCOUNT, None).equals(ACCOUNT)
    assert only(ACCOUNT, 1)["mid"].to_list() == [5.0]


def test_a_panel_says_which_series_are_thinned():
    long = pl.DataFrame({"ts": np.arange(3 * MAX_POINTS), "mid": np.arange(3.0 * MAX_POINTS)})
    found = panel("P", "u", [line("Mid", long, "mid", "c1")])
    assert len(found["series"][0]["x"]) <= MAX_POINTS
    assert "mid drawn with" in found["note"]


def test_fills_lie_on_the_price_by_side():
    fills = pl.DataFrame({"ts_local": [5, 6], "side": [1, -1], "price": [2.0, 3.0], "qty": [1, 2]})
    _, buys, sells = price_panel("P", ACCOUNT, fills, "USDT")["series"]
    assert (buys["y"], sells["y"], sells["maker"]) == ([2.0], [3.0], [True])


def test_a_missing_column_is_named():
    with pytest.raises(DataError, match="needs the column nothing, found only ts"):
        line("X", ACCOUNT, "nothing", "c1")
