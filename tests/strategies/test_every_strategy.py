"""What every shipped strategy must pass: both lanes, any batching, replayed twice."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from extrema_nb.events import EventKind
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.testing import MemorySource
from tests.conftest import ROOT
from tests.strategies import runs

NAMES = list(runs.cases())
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def capture():
    """Return the capture to run on, or None where there is none: then rows are generated."""
    path = ROOT.parent / "shared" / "data" / runs.CAPTURE
    return path if path.is_file() else None


@pytest.fixture(scope="module")
def data(capture):
    return runs.read_rows(capture)


@pytest.fixture(scope="module")
def compiled(data):
    """Return the results of a first run of each strategy."""
    return {name: runs.run(case, MemorySource(*data)) for name, case in runs.cases().items()}


@pytest.fixture(scope="module")
def uncompiled(capture, tmp_path_factory):
    """Return the journals of the same runs, in a process without the compiler."""
    out = tmp_path_factory.mktemp("runs") / "journals.npz"
    subprocess.run(
        [sys.executable, "-m", "tests.strategies.runs", str(capture or ""), str(out)],
        cwd=ROOT, env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, check=True,
    )  # fmt: skip
    with np.load(out) as journals:
        return dict(journals)


@pytest.mark.compiled
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("name", NAMES)
def test_compiled_and_uncompiled_runs_are_equal_byte_for_byte(name, compiled, uncompiled):
    assert compiled[name].journal.tobytes() == uncompiled[name].tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_second_run_is_equal_byte_for_byte(name, compiled, data):
    again = runs.run(runs.cases()[name], MemorySource(*data))
    assert again.journal.tobytes() == compiled[name].journal.tobytes()
    assert again.marks.tobytes() == compiled[name].marks.tobytes()
    assert again.logs == compiled[name].logs


@pytest.mark.parametrize("name", NAMES)
def test_no_batching_changes_a_run(name, compiled, data, monkeypatch):
    monkeypatch.setattr("replay.scan.KEEP_ROWS", 0)
    cut = runs.run(runs.cases()[name], runs.Cut(*data))
    assert cut.journal.tobytes() == compiled[name].journal.tobytes()
    assert cut.marks.tobytes() == compiled[name].marks.tobytes()
    assert (cut.logs, cut.counters) == (compiled[name].logs, compiled[name].counters)


def stepped(strategies, rows, table, cuts):
    """Return all that a group emits when it gets `rows` in pieces."""
    group = KernelGroup(strategies, table, seed=3)
    parts = [group.step(rows[a:b].copy()) for a, b in zip([0, *cuts], [*cuts, len(rows)])]  # noqa: B905
    return (
        b"".join(p.intents.tobytes() for p in parts),
        [(f.module, f.model, f.ts, f.values.tobytes()) for p in parts for f in p.features],
        b"".join(p.targets.tobytes() for p in parts),
        [line for p in parts for line in p.logs],
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_live_group_decides_the_same_however_its_rows_come(name, data):
    rows, table = data
    rows = rows[:6_000]
    rng = np.random.default_rng(11)
    whole = stepped(runs.cases()[name], rows, table, [])
    for pieces in (3, 400):
        cuts = sorted(rng.integers(0, len(rows), pieces).tolist())
        assert stepped(runs.cases()[name], rows, table, cuts) == whole


@pytest.mark.parametrize("name", NAMES)
def test_no_report_is_odd(name, compiled):
    assert compiled[name].counters["odd_reports"] == 0


@pytest.mark.parametrize("name", sorted(runs.LIVELY))
def test_a_strategy_acts_on_the_data_that_it_is_tested_with(name, compiled):
    """A run in which nothing happens would pass everything else."""
    kinds = compiled["together" if name == "FlowSignal" else name].journal["kind"]
    assert (kinds == EventKind.FILL).any()


@pytest.mark.parametrize("cls", runs.classes(), ids=lambda cls: cls.__name__)
def test_a_strategy_can_be_made_with_its_defaults_and_says_what_it_is(cls):
    strategy = cls()
    assert cls.__doc__
    assert strategy.path == f"{cls.__module__}:{cls.__name__}"
    assert cls.handlers


@pytest.mark.parametrize(
    "path",
    [p for p in sorted((ROOT / "strategies").glob("[!_]*.py")) if p.stem != "queue_models"],
    ids=lambda p: p.stem,
)
def test_a_file_of_the_folder_holds_a_strategy(path):
    assert any(cls.__module__ == f"strategies.{path.stem}" for cls in runs.classes())
