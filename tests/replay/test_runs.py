"""Folders of runs read back: names, what is missing, what is damaged."""

from __future__ import annotations

import pytest

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import BUY, SELL
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.backtest import Backtest
from replay.results import summary_of, write_run
from replay.runs import read_run, read_runs
from strategies.flow_follow import FlowFollow

SECOND = 1_000_000  # µs


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """One run."""
    parts = [book([(99.9, 9.0)], [(100.1, 9.0)], ts=SECOND, snapshot=True)]
    for i in range(12):
        side = BUY if i % 4 < 2 else SELL
        parts.append(trade(100.1 if side == BUY else 99.9, 2.0, side, ts=(i + 2) * SECOND))
    backtest = Backtest(MemorySource(rows(*parts)), [FlowFollow(threshold=1.0, qty=0.01)])
    result = backtest.run()
    folder = tmp_path_factory.mktemp("runs") / "a"
    return [write_run(folder, backtest, result, summary_of(backtest, result))]


def test_runs_of_the_same_name_get_longer_ones(folders, tmp_path):
    other = tmp_path / "a"
    other.symlink_to(folders[0])
    names = [run.name for run in read_runs([folders[0], other])]
    assert len(set(names)) == 2
    assert all(name.endswith("/a") for name in names)
    with pytest.raises(ConfigError, match="given twice"):
        read_runs([folders[0], folders[0]])


def test_too_few_and_too_many_runs_are_refused(folders):
    with pytest.raises(ConfigError, match="1 runs to compare, expected 2 to 8"):
        read_runs(folders[:1])
    with pytest.raises(ConfigError, match="9 runs"):
        read_runs([folders[0]] * 9)


def test_a_folder_that_is_no_run_says_what_it_lacks(folders, tmp_path):
    with pytest.raises(ConfigError, match="there is no run"):
        read_run(tmp_path / "nothing")
    with pytest.raises(DataError, match=r"it has no summary\.json, orders\.parquet"):
        read_run(tmp_path)
    for name in ("orders", "fills", "account"):
        (tmp_path / f"{name}.parquet").write_bytes((folders[0] / f"{name}.parquet").read_bytes())
    for text in ("{", "[]"):
        (tmp_path / "summary.json").write_text(text)
        with pytest.raises(DataError, match="run the backtest again"):
            read_run(tmp_path)
    (tmp_path / "summary.json").write_text("{}")
    (tmp_path / "orders.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cannot be read"):
        read_run(tmp_path)
