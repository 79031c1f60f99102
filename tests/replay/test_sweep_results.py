"""Files of a sweep: whole, gone on with, never mixed with those of another."""

from __future__ import annotations

import json

import numpy as np
import pytest

from extrema_nb.errors import ConfigError
from replay.exchange.model import MARK
from replay.sweep import Outcome
from replay.sweep_results import SweepFolder, frame_of

SETS = [{"a": 1, "exchange.queue": "log"}, {"a": 2, "exchange.queue": "power"}, {"a": 2.5, "exchange.queue": "log"}]  # fmt: skip


def outcome(number, equity=(0.0, -2.0, 1.0)):
    marks = np.zeros(len(equity), MARK)
    marks["ts"] = np.arange(1, len(equity) + 1) * 10_000_000
    marks["equity"] = equity
    profit = float(equity[-1]) if len(equity) else float("nan")
    return Outcome(number, SETS[number], 4, 2, 10.0, 0.1, 0.2, 0.5, profit, marks, None)


def identity(**changes):
    return {"data": "d", "config": {"seed": 0, "exchange": {"queue": "log"}}, "sets": SETS} | changes  # fmt: skip


def test_figures_of_marks_and_null_where_there_are_none():
    frame = frame_of([outcome(1), outcome(2, ())], SETS)
    assert frame["a"].to_list() == [2, 2.5]
    assert frame["profit"].to_list() == [1.0, None]
    assert frame["max_drawdown"].to_list() == [2.0, None]
    assert frame["sharpe"][1] is None
    assert frame_of([], SETS).schema == frame.schema


def test_parts_in_any_order_make_the_same_file(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    SweepFolder(one, identity()).add([outcome(k) for k in range(3)])
    SweepFolder(two, identity()).add([outcome(2)])
    again = SweepFolder(two, identity())
    assert again.missing() == [0, 1]
    again.add([outcome(0), outcome(1)])
    assert again.missing() == []
    assert (one / "sweep.parquet").read_bytes() == (two / "sweep.parquet").read_bytes()
    assert len(list(two.iterdir())) == 2


@pytest.mark.parametrize(
    ("changes", "needle"),
    [
        ({"data": "e"}, "data is d there, e here"),
        ({"config": {"seed": 1, "exchange": {"queue": "log"}}}, "config.seed is 0 there, 1 here"),
        ({"config": {"seed": 0, "exchange": {"queue": "x"}}}, "config.exchange.queue is log there"),
        ({"sets": SETS[:2]}, "3 sets there, 2 here"),
        ({"sets": [SETS[0], *SETS[:2]]}, "sets: number 1 is"),
    ],
)
def test_another_sweep_is_refused(tmp_path, changes, needle):
    SweepFolder(tmp_path, identity())
    with pytest.raises(ConfigError, match=needle) as told:
        SweepFolder(tmp_path, identity(**changes))
    assert "give another --out" in str(told.value)


def test_broken_files_are_told(tmp_path):
    SweepFolder(tmp_path, identity()).add([outcome(0)])
    kept, about = tmp_path / "sweep.parquet", tmp_path / "sweep.json"
    whole = kept.read_bytes()
    kept.write_bytes(whole[:50])
    with pytest.raises(ConfigError, match="cannot be read"):
        SweepFolder(tmp_path, identity())
    frame_of([outcome(0), outcome(0)], SETS).write_parquet(kept)
    with pytest.raises(ConfigError, match="columns and numbers"):
        SweepFolder(tmp_path, identity())
    kept.write_bytes(whole)
    text = about.read_text()
    for broken, needle in (("{", "is no JSON"), (json.dumps([1]), "is not of a sweep")):
        about.write_text(broken)
        with pytest.raises(ConfigError, match=needle):
            SweepFolder(tmp_path, identity())
    about.unlink()
    with pytest.raises(ConfigError, match=r"has no sweep\.json"):
        SweepFolder(tmp_path, identity())
    about.write_text(text)
    assert SweepFolder(tmp_path, identity()).missing() == [1, 2]


def test_a_parameter_that_is_called_like_a_figure_is_refused():
    with pytest.raises(ConfigError, match=r"write 0\.profit"):
        frame_of([], [{"profit": 1}])
