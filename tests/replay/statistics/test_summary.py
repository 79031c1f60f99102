"""Figures of a run against slow obvious twins."""

from __future__ import annotations

import itertools
import json
import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError, DataError
from replay.statistics import (
    period_returns,
    summarize,
    totals,
)
from tests.replay.statistics.samples import FILLS, MARKS, NUMBER, S, account_of, fills_of


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


def test_funding_is_what_was_paid_until_the_last_mark_of_each_instrument():
    frame = account_of([(0, 0.0, 1.0), (S, -1.0, 1.0)])
    assert summarize(frame, pl.DataFrame())["funding"] is None  # marks of an older run
    both = pl.concat(
        [
            frame.with_columns(inst=pl.lit(inst), funding=pl.Series([0.0, paid]))
            for inst, paid in ((0, 1.5), (1, -0.25))
        ]
    ).sort("ts")
    assert summarize(both, pl.DataFrame())["funding"] == 1.25


@pytest.mark.parametrize("frame", [pl.DataFrame(), account_of([])])
def test_an_empty_run_has_a_summary(frame):
    found = summarize(frame, pl.DataFrame())
    assert found["fills"] == 0
    assert found["profit"] is None
    assert found["max_drawdown"] is None
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


def test_a_missing_column_is_named():
    with pytest.raises(DataError, match="account has no column position"):
        summarize(pl.DataFrame({"ts": [1], "equity": [1.0]}), fills_of([]))


def test_nonsense_settings_are_refused():
    with pytest.raises(ConfigError, match="capital"):
        summarize(account_of([]), fills_of([]), capital=0.0)
    with pytest.raises(ConfigError, match="interval_s"):
        period_returns(account_of([(0, 0.0, 0.0)]), interval_s=0.0)
