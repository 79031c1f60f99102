"""Runs beside each other: what differs is found, what is the same is said to be."""

from __future__ import annotations

import json
import math
import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import DataError
from extrema_nb.events import BUY, SELL
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.backtest import Backtest
from replay.compare import compare_runs, first_difference, parameters, write_page_of
from replay.results import summary_of, write_run
from replay.runs import Run, read_runs
from strategies.flow_follow import FlowFollow

SECOND = 1_000_000  # µs


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Three runs: the second has another parameter, the third is the first again."""
    parts = [book([(99.9, 9.0)], [(100.1, 9.0)], ts=SECOND, snapshot=True)]
    for i in range(12):
        side = BUY if i % 4 < 2 else SELL
        parts.append(trade(100.1 if side == BUY else 99.9, 2.0, side, ts=(i + 2) * SECOND))
    source = MemorySource(rows(*parts))
    root = tmp_path_factory.mktemp("runs")
    found = []
    for name, qty in (("a", 0.01), ("b", 0.02), ("c", 0.01)):
        backtest = Backtest(source, [FlowFollow(threshold=1.0, qty=qty)])
        result = backtest.run()
        found.append(write_run(root / name, backtest, result, summary_of(backtest, result)))
    return found


def test_the_same_run_twice_differs_in_nothing(folders):
    found = compare_runs(read_runs([folders[0], folders[2]]))
    assert found["identical"]
    assert found["first_differences"] == {"c": None}
    assert found["parameters"] == {}
    assert found["settled_in"] == [["USDT"], ["USDT"]]
    assert all(first == second for first, second in found["statistics"].values())


def test_another_parameter_is_named_with_the_first_event_that_it_changed(folders):
    found = compare_runs(read_runs(folders[:2]))
    json.dumps(found, allow_nan=False)
    assert not found["identical"]
    assert found["parameters"] == {"strategies.0.params.qty": [0.01, 0.02]}
    difference = found["first_differences"]["b"]
    assert (difference["index"], difference["columns"]) == (0, ["qty"])
    assert (difference["first"]["qty"], difference["second"]["qty"]) == (0.01, 0.02)
    assert difference["events"] == (24, 24)
    assert found["statistics"]["volume"] == pytest.approx([0.12, 0.24])
    assert list(found["statistics"])[:2] == ["duration_s", "profit"]  # as they were written


def test_the_page_has_the_figures_the_difference_and_every_run(folders, tmp_path):
    runs = read_runs(folders)
    page = write_page_of(tmp_path / "c.html", runs, compare_runs(runs)).read_text(encoding="utf-8")
    assert re.findall("<h2>([^<]*)</h2>", page) == [
        "First order event that differs, a and b", "First order event that differs, a and c",
        "Parameters that differ", "Money", "Figures",
    ]  # fmt: skip
    assert "strategies.0.params.qty" in page
    assert "<th scope=row>settled in</th><td>USDT</td><td>USDT</td><td>USDT</td>" in page
    data = json.loads(re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)[1])
    equity = data["panels"][0]["series"]
    assert [series["name"] for series in equity] == ["a", "b", "c"]
    assert "dash" not in equity[0]
    assert equity[1]["dash"] != equity[2]["dash"]


VALUE = st.none() | st.sampled_from([0.0, 1.0, math.nan])
EVENTS = st.lists(st.tuples(st.integers(0, 2), VALUE, VALUE), max_size=8)
SCHEMA = {"ts_local": pl.Int64, "price": pl.Float64, "leaves": pl.Float64}


def same(a, b):
    return a == b or (a is not None and b is not None and a != a and b != b)  # noqa: PLR0124  # NaN


@given(EVENTS, EVENTS, st.booleans())
def test_the_first_difference_is_that_of_a_walk_through_both(first, second, begin):
    if begin:  # random logs part at once; these begin alike
        second = first + second
    one, other = (pl.DataFrame(log, schema=SCHEMA, orient="row") for log in (first, second))
    walk = [
        i for i in range(min(len(first), len(second)))
        if not all(map(same, first[i], second[i]))
    ]  # fmt: skip
    found = first_difference(one, other)
    if walk:
        columns = [
            name for name, a, b in zip(SCHEMA, first[walk[0]], second[walk[0]], strict=True)
            if not same(a, b)
        ]  # fmt: skip
        assert (found.index, found.columns) == (walk[0], columns)
    elif len(first) == len(second):
        assert found is None
    else:
        assert found.index == min(len(first), len(second))
        assert (found.first is None) == (len(first) < len(second))
        assert (found.second is None) == (len(second) < len(first))


def test_a_digest_is_cut_short_in_a_table(tmp_path):
    nothing = pl.DataFrame(schema=SCHEMA)
    account = pl.DataFrame(schema={"ts": pl.Int64, "equity": pl.Float64, "position": pl.Float64})
    runs = [
        Run(name, None, {"kernel_digest": name * 64, "statistics": {}}, nothing, nothing, account)
        for name in "ab"
    ]
    page = write_page_of(tmp_path / "c.html", runs, compare_runs(runs)).read_text("utf-8")
    assert f"<td>{'a' * 16}…</td>" in page
    assert "b" * 17 not in page


def test_logs_of_other_versions_are_refused():
    log = pl.DataFrame({"ts_local": [1]})
    with pytest.raises(DataError, match="only one of the two order logs has code"):
        first_difference(log, log.with_columns(code=1))


def test_what_a_run_was_given_is_told_apart_from_what_came_out():
    summary = {
        "profit": 1.0, "capital": None, "strategies": [{"name": "A", "params": {"x": 1}}],
        "config": {"timers": [[1, 0.5]], "exchange": {"queue": "log"}},
    }  # fmt: skip
    assert parameters(summary) == {
        "strategies.0.name": "A", "strategies.0.params.x": 1, "config.timers": [[1, 0.5]],
        "config.exchange.queue": "log", "capital": None,
    }  # fmt: skip


def test_a_run_without_orders_equals_another_without():
    nothing = pl.DataFrame(schema=SCHEMA)
    runs = [Run(name, None, {}, nothing, nothing, nothing) for name in "ab"]
    assert compare_runs(runs)["identical"]
