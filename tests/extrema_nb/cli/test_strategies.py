"""Strategies, parameters, limits, timers and models from the words of a command line."""

from __future__ import annotations

import argparse
import math

import pytest

from extrema_nb.cli import strategies
from extrema_nb.errors import ConfigError, ExtremaError

GRID, EMPTY = "strategies.grid_maker:GridMaker", "strategies.empty:Empty"


def parsed(*words):
    parser = argparse.ArgumentParser(exit_on_error=False)
    strategies.add_source_arguments(parser)
    strategies.add_strategy_arguments(parser)
    return parser.parse_args(["rec", *words])


def test_parameters_reach_their_strategy():
    (grid,) = strategies.load_strategies(parsed("--strategy", GRID, "--param", "qty=0.5"))
    assert grid.param_values()["qty"] == 0.5
    words = ["--strategy", GRID, "--strategy", GRID, "--param", "1.levels=3"]
    first, second = strategies.load_strategies(parsed(*words))
    assert (first.param_values()["levels"], second.param_values()["levels"]) == (10, 3)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--strategy", GRID, "--strategy", EMPTY, "--param", "qty=1"], "write K.NAME=VALUE"),
        (["--strategy", GRID, "--param", "1.qty=1"], "1 strategies are given"),
        (["--strategy", GRID, "--param", "=1"], "expected NAME=VALUE"),
        (["--strategy", GRID, "--param", "qty=1e"], "is no number"),
        (["--strategy", "math:pi"], "is no strategy"),
        (["--strategy", GRID, "--param", "qyt=1"], "did you mean 'qty'"),
    ],
)
def test_what_fits_no_strategy_is_refused(words, said):
    with pytest.raises(ConfigError, match=said):
        strategies.load_strategies(parsed(*words))


def test_limits_have_names():
    limits = strategies.risk_limits(parsed("--strategy", GRID, "--risk", "max_position=2"))
    assert limits.max_position == 2
    assert math.isinf(limits.max_order_qty)
    with pytest.raises(ConfigError, match="did you mean 'max_position'"):
        strategies.risk_limits(parsed("--strategy", GRID, "--risk", "max_positon=2"))


def test_timers_are_numbered_from_one():
    assert strategies.timers(parsed("--strategy", GRID)) == ((1, 0.1),)
    words = ["--strategy", GRID, "--timer", "1", "--timer", "0.5"]
    assert strategies.timers(parsed(*words)) == ((1, 1.0), (2, 0.5))


@pytest.mark.parametrize("word", ["1", "a=x.onnx", "1="])
def test_a_model_has_a_number_and_a_target(word):
    with pytest.raises(ConfigError, match=r"expected ID=PATH\.onnx or ID=zmq:PORT"):
        strategies.load_models([word])


def test_a_model_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(ConfigError, match="is not a file"):
        strategies.load_models([f"1={tmp_path / 'none.onnx'}"])
    assert strategies.load_models([]) == {}


def test_a_recording_that_is_missing_is_named(tmp_path):
    args = parsed("--strategy", GRID)
    args.path = [str(tmp_path / "none")]
    with pytest.raises(ExtremaError, match="no such file"):
        strategies.open_arguments(args)
