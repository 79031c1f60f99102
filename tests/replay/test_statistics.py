"""Figures of a run against slow obvious twins."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError, DataError
from replay.statistics import (
    HORIZONS_US,
    drawdown,
    mark_outs,
    period_returns,
    sharpe,
    sortino,
    summarize,
    totals,
)

S = 1_000_000  # µs


def account_of(marks):
    """Return marks given as (ts, equity, position)."""
    return pl.DataFrame(
        {
            "ts": [m[0] for m in marks],
            "equity": [m[1] for m in marks],
            "position": [m[2] for m in marks],
        },
        schema={"ts": pl.Int64, "equity": pl.Float64, "position": pl.Float64},
    )


def fills_of(rows):
    """Return fills given as (ts, id, side, price, qty, maker, fee)."""
    schema = {
        "ts_local": pl.Int64, "client_order_id": pl.Int64, "side": pl.Int8, "price": pl.Float64,
        "qty": pl.Float64, "maker": pl.Boolean, "fee": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


NUMBER = st.integers(-1_000, 1_000).map(lambda n: n / 8)
MARKS = st.lists(st.tuples(st.integers(0, 100 * S), NUMBER, NUMBER), min_size=1, max_size=40).map(
    lambda rows: sorted(rows, key=lambda row: row[0])
)
FILLS = st.lists(
    st.tuples(
        st.integers(0, 100 * S), st.integers(1, 5), st.sampled_from([1, -1]),
        st.integers(1, 1_000).map(lambda n: n / 4), st.integers(1, 50).map(lambda n: n / 16),
        st.booleans(), NUMBER,
    ),
    max_size=12,
)  # fmt: skip


def value_at(marks, ts):
    return [m[1] for m in marks if m[0] <= ts][-1]


@given(MARKS, st.sampled_from([0.5, 1.0, 7.0]))
def test_returns_are_changes_of_the_last_known_equity(marks, interval_s):
    found = period_returns(account_of(marks), interval_s=interval_s)
    expected, at, step = [], marks[0][0], int(interval_s * S)
    while at + step <= marks[-1][0]:
        expected.append(value_at(marks, at + step) - value_at(marks, at))
        at += step
    assert found.tolist() == expected


@given(MARKS)
def test_drawdown_equals_the_naive_one(marks):
    high, naive, longest, last_high = -math.inf, [], 0, marks[0][0]
    below = False
    for ts, equity, _ in marks:
        if equity >= high:
            if below:
                longest = max(longest, ts - last_high)
            high, below, last_high = equity, False, ts
        else:
            below = True
            longest = max(longest, ts - last_high)
        naive.append(high - equity)
    fall, fall_s = drawdown(account_of(marks))
    assert fall.tolist() == naive
    assert fall_s == pytest.approx(longest / S)


@given(MARKS, FILLS)
def test_summary_equals_the_naive_one(marks, rows):
    found = summarize(account_of(marks), fills_of(rows), orders=7, capital=1_000.0)
    span = marks[-1][0] - marks[0][0]
    held = inside = 0.0
    for before, after in itertools.pairwise(marks):
        held += abs(before[2]) * (after[0] - before[0])
        inside += (before[2] != 0) * (after[0] - before[0])
    notional = sum(r[3] * r[4] for r in rows)
    maker = sum(r[3] * r[4] for r in rows if r[5])
    profit = marks[-1][1] - marks[0][1]
    expected = {
        "duration_s": span / S,
        "profit": profit,
        "return": profit / 1_000,
        "fees": sum(r[6] for r in rows),
        "fills": len(rows),
        "buys": sum(r[2] == 1 for r in rows),
        "sells": sum(r[2] == -1 for r in rows),
        "fill_ratio": len({r[1] for r in rows}) / 7,
        "volume": sum(r[4] for r in rows),
        "notional": notional,
        "maker_share": maker / notional if rows else None,
        "profit_bps": 1e4 * profit / notional if rows else None,
        "turnover": notional / 1_000 / (span / S / 86_400) if span else None,
        "mean_position": held / span if span else None,
        "time_in_market": inside / span if span else None,
        "max_position": max(abs(m[2]) for m in marks),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)


@given(MARKS, FILLS, st.sampled_from([None, 0, 3]), st.sampled_from([None, 1e-300, 1e9]))
def test_every_figure_is_a_finite_number_or_none(marks, rows, orders, capital):
    found = summarize(account_of(marks), fills_of(rows), orders=orders, capital=capital)
    json.dumps(found, allow_nan=False)
    assert all(value is None or isinstance(value, float | int) for value in found.values())


@pytest.mark.parametrize("frame", [pl.DataFrame(), account_of([])])
def test_an_empty_run_has_a_summary(frame):
    found = summarize(frame, pl.DataFrame())
    assert found["fills"] == 0
    assert found["profit"] == 0.0
    assert found["sharpe"] is None
    json.dumps(found, allow_nan=False)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2), NUMBER, NUMBER), max_size=20))
def test_equities_of_several_instruments_add_up(rows):
    rows = sorted([(0, 0, 0.0, 0.0), (0, 1, 0.0, 0.0), *rows], key=lambda row: row[0])
    frame = pl.DataFrame(
        rows, orient="row", schema={"ts": pl.Int64, "inst": pl.Int64, "equity": pl.Float64,
                                    "position": pl.Float64},
    )  # fmt: skip
    last, inside, expected = {}, {}, {}
    for ts, inst, equity, position in rows:
        last[inst], inside[inst] = equity, position != 0
        expected[ts] = (sum(last.values()), any(inside.values()))
    found = totals(frame)
    assert found["ts"].to_list() == list(expected)
    assert found["equity"].to_list() == [total for total, _ in expected.values()]
    figures = summarize(frame, fills_of([]))
    assert figures["profit"] == expected[rows[-1][0]][0] - expected[0][0]
    assert figures["max_position"] is None
    times = list(expected)
    share = sum(
        (after - before) * expected[before][1] for before, after in itertools.pairwise(times)
    )
    span = times[-1] - times[0]
    assert figures["time_in_market"] == (pytest.approx(share / span) if span else None)


def test_marks_without_a_mid_are_passed_over():
    marks = [(0, math.nan, 0.0), (S, 5.0, 1.0), (2 * S, math.nan, 1.0), (3 * S, 7.0, 1.0)]
    found = summarize(account_of(marks), fills_of([]))
    assert found["profit"] == 2.0
    assert found["duration_s"] == 2.0


def test_sharpe_and_sortino_of_known_returns():
    returns = np.array([1.0, -1.0, 3.0, 1.0])
    year = math.sqrt(365 * 86_400 / 10)
    assert sharpe(returns, 10) == pytest.approx(1.0 / math.sqrt(8 / 3) * year)
    assert sortino(returns, 10) == pytest.approx(1.0 / 0.5 * year)


@pytest.mark.parametrize("returns", [[], [1.0], [0.0, 0.0], [0.1] * 10])
def test_sharpe_without_variance_is_none(returns):
    assert sharpe(np.array(returns), 10) is None


@pytest.mark.parametrize("returns", [[], [1.0], [1.0, 2.0]])
def test_sortino_without_losses_is_none(returns):
    assert sortino(np.array(returns), 10) is None


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
    assert found["edge"].to_list() == [1.0]
    assert found["fills"].to_list() == [2]


def test_a_missing_column_is_named():
    with pytest.raises(DataError, match="account has no column position"):
        summarize(pl.DataFrame({"ts": [1], "equity": [1.0]}), fills_of([]))


def test_marks_that_go_back_in_time_are_refused():
    with pytest.raises(DataError, match="goes back in time"):
        drawdown(account_of([(5, 1.0, 0.0), (4, 1.0, 0.0)]))


def test_nonsense_settings_are_refused():
    with pytest.raises(ConfigError, match="capital"):
        summarize(account_of([]), fills_of([]), capital=0.0)
    with pytest.raises(ConfigError, match="interval_s"):
        period_returns(account_of([(0, 0.0, 0.0)]), interval_s=0.0)
