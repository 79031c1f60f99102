"""``extrema-nb latency``: what it prints and writes."""

from __future__ import annotations

import json

import pytest

from extrema_nb import cli
from extrema_nb.events import BUY, SELL
from extrema_nb.store import RowWriter
from extrema_nb.testing import book, instrument_table, rows, trade
from replay.exchange.latency_table import read_latency_table

T0 = 1_700_000_000_000_000  # µs


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a backtest with known latencies."""
    root = tmp_path_factory.mktemp("latency")
    parts = [book([(99.9, 9.0)], [(100.1, 9.0)], ts=T0, snapshot=True)]
    for i in range(1, 20):
        side = BUY if i % 4 < 2 else SELL
        parts.append(trade(100.1 if side == BUY else 99.9, 3.0, side, ts=T0 + i * 1_000_000))
    writer = RowWriter(root / "rec", instrument_table(), "test")
    writer.write(rows(*parts), 0)
    writer.flush()
    words = ["backtest", str(root / "rec"), "--strategy", "strategies.flow_follow:FlowFollow",
             "--param", "threshold=1", "--latency-us", "5000", "--response-us", "3000",
             "--out", str(root / "run"), "--json"]  # fmt: skip
    assert cli.main(words) == 0
    return root / "run"


def test_the_latencies_of_a_run_are_those_that_it_was_given(run, tmp_path, capsys):
    out = tmp_path / "table.parquet"
    assert cli.main(["latency", str(run), "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(told["entry_us"].values()) == {5000}
    assert set(told["response_us"].values()) == {3000}
    assert len(read_latency_table(out).request) == told["answered"] > 10


def test_a_person_reads_a_table(run, capsys):
    assert cli.main(["latency", str(run)]) == 0
    out = capsys.readouterr().out
    assert "to the exchange" in out
    assert "8,000" in out


def test_a_folder_that_is_no_run_is_refused(tmp_path, capsys):
    assert cli.main(["latency", str(tmp_path)]) == 2
    assert "is no run" in capsys.readouterr().err
