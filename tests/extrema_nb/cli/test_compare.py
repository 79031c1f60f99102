"""``extrema-nb compare``: what it prints, its page, and mistakes of the user."""

from __future__ import annotations

import json

import pytest

from extrema_nb import cli
from extrema_nb.events import BUY, SELL
from extrema_nb.store import RowWriter
from extrema_nb.testing import book, instrument_table, rows, trade

T0 = 1_700_000_000_000_000  # µs


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three folders: the second run has another latency, the third is the first again."""
    root = tmp_path_factory.mktemp("compare")
    parts = [book([(99.9, 9.0)], [(100.1, 9.0)], ts=T0, snapshot=True)]
    for i in range(1, 20):
        side = BUY if i % 4 < 2 else SELL
        parts.append(trade(100.1 if side == BUY else 99.9, 3.0, side, ts=T0 + i * 1_000_000))
    writer = RowWriter(root / "rec", instrument_table(), "test")
    writer.write(rows(*parts), 0)
    writer.flush()
    common = ["backtest", str(root / "rec"), "--strategy", "strategies.flow_follow:FlowFollow",
              "--param", "threshold=1"]  # fmt: skip
    for name, latency in (("a", "0"), ("b", "5000"), ("c", "0")):
        words = [*common, "--latency-us", latency, "--out", str(root / name), "--json"]
        assert cli.main(words) == 0
    return [str(root / name) for name in "abc"]


def test_json_has_figures_parameters_and_the_first_difference(runs, capsys, tmp_path):
    page = tmp_path / "deep" / "page.html"
    assert cli.main(["compare", *runs, "--json", "--report", str(page)]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["runs"] == ["a", "b", "c"]
    assert told["parameters"]["config.exchange.entry_latency_us"] == [0, 5000, 0]
    assert told["first_differences"]["c"] is None
    assert told["first_differences"]["b"]["columns"] == ["ts_local", "ts_exch"]
    assert "Comparison of a, b, c" in page.read_text(encoding="utf-8")


def test_a_person_reads_where_runs_part(runs, capsys):
    assert cli.main(["compare", *runs]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "a and b part at order event 2 (2023-11-14" in out
    assert "a and c have the same order events" in out
    assert "entry_latency_us" in out


def test_same_is_an_exit_code(runs, capsys):
    assert cli.main(["compare", runs[0], runs[2], "--same"]) == 0
    assert "no parameter differs" in capsys.readouterr().out
    assert cli.main(["compare", runs[0], runs[1], "--same"]) == 1


def test_mistakes_are_one_line_and_exit_2(runs, capsys, tmp_path):
    assert cli.main(["compare", runs[0]]) == 2
    assert "expected 2 to 8" in capsys.readouterr().err
    assert cli.main(["compare", runs[0], str(tmp_path / "none")]) == 2
    assert "there is no run" in capsys.readouterr().err
