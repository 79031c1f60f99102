"""Parameter sets of grids and of tables, and what is none."""

from __future__ import annotations

import polars as pl
import pytest

from extrema_nb.errors import ConfigError
from replay.sweep_sets import read_grid, read_table

ROWS = [{"qty": 0.5, "step": 1, "exchange.queue": "log"}, {"qty": 1, "step": 2, "exchange.queue": "power"}]  # fmt: skip


def test_a_grid_is_every_combination_and_whole_numbers_stay_whole():
    sets = read_grid(["a=1,2", "b=0.5:1:0.5", "exchange.queue=log"])
    assert sets[0] == {"a": 1, "b": 0.5, "exchange.queue": "log"}
    assert [(row["a"], row["b"]) for row in sets] == [(1, 0.5), (1, 1), (2, 0.5), (2, 1)]
    assert type(sets[0]["a"]) is int
    assert read_grid(["exchange.partial=true,false"])[1] == {"exchange.partial": False}


@pytest.mark.parametrize(
    ("words", "needle"),
    [
        (["a"], "no axis"),
        (["a=x"], "expected numbers"),
        (["a=1", "a=2"], "given twice"),
        (["a=1:2000:1", "b=1:2000:1"], "4,000,000 parameter sets"),
    ],
)
def test_a_grid_that_is_none_is_refused(words, needle):
    with pytest.raises(ConfigError, match=needle):
        read_grid(words)


def test_every_kind_of_table_gives_the_same_sets(tmp_path):
    frame = pl.DataFrame([{**row, "qty": float(row["qty"])} for row in ROWS])
    frame.write_csv(tmp_path / "t.csv")
    frame.write_parquet(tmp_path / "t.parquet")
    (tmp_path / "t.toml").write_text(
        '[[set]]\nqty = 0.5\nstep = 1\nexchange.queue = "log"\n'
        '[[set]]\nqty = 1\nstep = 2\nexchange = { queue = "power" }\n'
    )
    for name in ("t.csv", "t.parquet", "t.toml"):
        assert read_table(tmp_path / name) == ROWS, name


@pytest.mark.parametrize(
    ("name", "text", "needle"),
    [
        ("t.csv", "qty\n", "no parameter sets"),
        ("t.csv", "", "cannot be read as csv"),
        ("t.csv", "qty,step\n1,\n", "set 1 has step = None"),
        ("t.csv", "qty\nmuch\n", "set 1 has qty = 'much'"),
        ("t.csv", "qty\nNaN\n", "set 1 has qty"),
        ("t.parquet", "qty", "cannot be read as parquet"),
        ("t.txt", "qty", "ends in '.txt'"),
        ("t.toml", "[[set]]\nqty = 1\n[[set]]\nstep = 1\n", "differ in qty, step"),
        ("t.toml", "qty = 1\n", r"expected \[\[set\]\] entries only"),
        ("t.toml", "qty =", "cannot be read as toml"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, name, text, needle):
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=needle):
        read_table(tmp_path / name)


def test_a_table_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match="is no file"):
        read_table(tmp_path / "t.csv")


def test_queue_models_of_ones_own_are_words_of_a_grid():
    sets = read_grid(["exchange.queue=power,strategies.queue_models:pro_rata"])
    assert [row["exchange.queue"] for row in sets] == ["power", "strategies.queue_models:pro_rata"]


def test_a_value_of_a_grid_that_is_given_twice_is_tried_once_and_told(caplog):
    assert read_grid(["a=1,1.0,2"]) == [{"a": 1}, {"a": 2}]
    assert "parameter a has 1 more than once" in caplog.text


def test_a_set_of_a_table_that_is_there_again_is_tried_once_and_told(tmp_path, caplog):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n2,2\n1,2\n1.0,2\n")
    assert read_table(path) == [{"a": 1, "b": 2}, {"a": 2, "b": 2}]
    assert "set 3 is set 1 again (2 such sets)" in caplog.text
