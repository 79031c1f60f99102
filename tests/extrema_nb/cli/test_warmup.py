"""``extrema-nb warmup``: what it compiles, and that a second time is only loading."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from extrema_nb import cli
from extrema_nb.cli.common import load_object
from extrema_nb.cli.warmup import SHIPPED
from extrema_nb.strategy.spec import Strategy

EMPTY = "strategies.empty:Empty"


def test_every_shipped_strategy_is_in_the_list(project_root):
    named = {path for group in SHIPPED for path in group}
    assert all(issubclass(load_object(path), Strategy) for path in named)
    folder = project_root / "strategies"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "queue_models"}
    assert modules == {path.partition(":")[0].rpartition(".")[2] for path in named}


@pytest.mark.compiled
@pytest.mark.slow
def test_a_second_process_compiles_nothing(project_root):
    # two fresh processes: this one may hold the kernel from a test with a cache of its own
    runs = [
        subprocess.run(
            [sys.executable, "-m", "extrema_nb", "warmup", EMPTY, "--no-backtest", "--json"],
            cwd=project_root, capture_output=True, text=True, check=True, timeout=280,
        )
        for _ in range(2)
    ]  # fmt: skip
    first, second = (json.loads(run.stdout.splitlines()[-1]) for run in runs)
    assert second["cache"] == first["cache"]
    assert [group["compiled"] for group in second["groups"]] == [0]
    assert "[1/1] strategies.empty:Empty … " in runs[1].stderr
    assert "loaded from the cache" in runs[1].stderr


@pytest.mark.compiled
@pytest.mark.slow
def test_a_recorder_that_was_warmed_up_compiles_nothing(project_root):
    def run(*command):
        return subprocess.run(
            [sys.executable, *command], cwd=project_root, capture_output=True, text=True,
            check=True, timeout=280,
        )  # fmt: skip

    run("-m", "extrema_nb", "warmup", "--record")
    again = run("-m", "extrema_nb", "warmup", "--record", "--json")
    assert [group["compiled"] for group in json.loads(again.stdout.splitlines()[-1])["groups"]] == [
        0
    ]
    assert "[1/1] recording … " in again.stderr
    code = (
        "from extrema_nb import jit\n"
        "from extrema_nb.events import empty_events\n"
        "from extrema_nb.feeds.burst import BurstPipeline\n"
        "from extrema_nb.instruments import InstrumentTable\n"
        "from extrema_nb.store import pack_rows\n"
        "from extrema_nb.venues import load\n"
        "import numpy as np\n"
        "BurstPipeline(load('okx'), InstrumentTable()).on_frames([b'{}'], [1], print)\n"
        "pack_rows(empty_events(1), np.zeros(99, np.uint8))\n"
        "print(jit.stats.hits, jit.stats.misses)"
    )
    assert run("-c", code).stdout.split()[-2:] == ["2", "0"]


@pytest.mark.parametrize(
    ("word", "said"),
    [("strategies.empty:Emty", "did you mean 'Empty'"), ("nowhere:A", "no module 'nowhere'")],
)
def test_a_strategy_that_is_not_there_is_one_line(capsys, word, said):
    assert cli.main(["warmup", word]) == 2
    assert said in capsys.readouterr().err
