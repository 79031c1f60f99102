"""``extrema-nb sweep``: equal to single runs, gone on with after an interruption, mistakes told."""

from __future__ import annotations

import json
import math

import polars as pl
import pytest

from extrema_nb import cli
from tests.extrema_nb.cli.test_backtest import GRID, market, write

AXES = ("--grid", "half_spread=1,2,3", "--grid", "qty=0.01:0.02:0.01")
FIXED = ("--strategy", GRID, "--param", "step=1")


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A recording of the first 1.2 s of a small market; uncompiled runs read it, too."""
    return write(tmp_path_factory.mktemp("sweep") / "rec", market()[: 8 * 25])


def run(capsys, *words, command="sweep"):
    """Run the command with ``--json`` and return its object."""
    assert cli.main([command, *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def refused(capsys, *words):
    """Return the one line of a command that must refuse."""
    assert cli.main(["sweep", *map(str, words), "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    told = [line for line in err.splitlines() if line.startswith("extrema-nb: ")]
    assert len(told) == 1, err
    return told[0]


@pytest.mark.slow
def test_each_row_is_what_a_backtest_of_its_own_says(recording, tmp_path, capsys):
    out = tmp_path / "out"
    rest = ("--latency", "constant:5000,4000", "--partial", "--queue", "log")
    told = run(capsys, recording, *FIXED, *AXES, *rest, "--out", out)
    assert (told["sets"], told["ran"], told["kept"]) == (6, 6, 0)
    frame = pl.read_parquet(out / "sweep.parquet")
    assert frame["number"].to_list() == list(range(6))
    assert frame["half_spread"].to_list() == [1, 1, 2, 2, 3, 3]
    for number, half_spread, qty in ((1, 1, 0.02), (2, 2, 0.01)):
        one = run(
            capsys, recording, *FIXED, *rest, "--param", f"half_spread={half_spread}",
            "--param", f"qty={qty}", command="backtest",
        )  # fmt: skip
        row = frame.row(number, named=True)
        assert (row["half_spread"], row["qty"]) == (half_spread, qty)
        for name in ("orders", "fills", "volume", "fees", "profit"):
            assert row[name] == one[name], name
        assert row["position"] == sum(one["position"].values())
        assert row["max_drawdown"] == one["statistics"]["max_drawdown"]
        assert row["sharpe"] == one["statistics"]["sharpe"]
        assert one["config"]["exchange"]["latency"]["entry_us"] == 5000
        assert one["config"]["exchange"]["partial"] is True
    assert told["best"]["profit"] == frame["profit"].max()
    assert told["settled_in"] == ["USDT"]
    assert told["worst"]["profit"] == frame["profit"].min()


@pytest.mark.slow
def test_a_second_start_runs_only_what_is_missing(recording, tmp_path, capsys, monkeypatch):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    words = (recording, *FIXED, *AXES)
    run(capsys, *words, "--out", whole)
    from replay.sweep import Sweep

    passes = []
    honest = Sweep.run

    def stopped(self, numbers=None):
        if passes:
            raise KeyboardInterrupt
        passes.append(numbers)
        return honest(self, numbers)

    monkeypatch.setattr(Sweep, "run", stopped)
    assert cli.main(["sweep", *map(str, words), "--at-once", "2", "--out", str(parts)]) == 130
    capsys.readouterr()
    monkeypatch.undo()
    assert pl.read_parquet(parts / "sweep.parquet")["number"].to_list() == [0, 1]
    told = run(capsys, *words, "--out", parts)
    assert (told["ran"], told["kept"]) == (4, 2)
    for name in ("sweep.json", "sweep.parquet"):
        assert (parts / name).read_bytes() == (whole / name).read_bytes()
    assert sorted(path.name for path in parts.iterdir()) == ["sweep.json", "sweep.parquet"]
    assert run(capsys, *words, "--out", parts)["ran"] == 0


def test_another_sweep_in_the_folder_is_refused(recording, tmp_path, capsys):
    words = (recording, *FIXED, "--grid", "half_spread=1", "--out", tmp_path / "out")
    run(capsys, *words)
    told = refused(capsys, *words, "--latency-us", 7)
    assert "config.exchange.entry_latency_us is 0 there, 7 here; give another --out" in told
    told = refused(capsys, *words, "--grid", "qty=1")
    assert "holds another sweep" in told


def test_assumptions_can_be_swept(recording, tmp_path, capsys):
    out = tmp_path / "out"
    axes = ("--grid", "exchange.queue=risk_averse,log", "--grid", "exchange.latency_us=0")
    told = refused(capsys, recording, *FIXED, *axes, "--out", out)
    assert "unknown assumption exchange.latency_us; there are: exchange.queue" in told
    table = tmp_path / "sets.toml"
    table.write_text(
        '[[set]]\nexchange.latency = "constant:0"\nexchange.partial = false\n'
        '[[set]]\nexchange.latency = "constant:400000"\nexchange.partial = true\n'
    )
    run(capsys, recording, *FIXED, "--param", "half_spread=1", "--table", table, "--out", out)
    frame = pl.read_parquet(out / "sweep.parquet")
    assert frame["exchange.partial"].to_list() == [False, True]
    assert frame["fills"][0] != frame["fills"][1]


@pytest.mark.parametrize(
    ("words", "needle"),
    [
        (["--grid", "half_spred=1"], "half_spred"),
        (["--grid", "half_spread=a"], "expected numbers such as"),
        (["--grid", "half_spread"], "no axis of a grid"),
        (["--grid", "step=1"], "step is both swept and given by --param"),
        (["--grid", "qty=1", "--grid", "qty=2"], "--grid qty is given twice"),
        (["--grid", "qty=1", "--threads", "0"], "--threads must be 1 or more"),
        (["--grid", "qty=1", "--table", "x.csv"], "--grid NAME=VALUES"),
        (["--table", "nowhere.csv"], "nowhere.csv is no file"),
        ([], "--grid NAME=VALUES"),
        (["--grid", "qty=1", "--latency", "constant:1", "--latency-us", "1"], "give one of them"),
        (["--grid", "qty=1", "--self-trade", "cancel_oldes"], "unknown self-trade rule"),
        (["--grid", "exchange.queue_n=1,2"], "no set has a queue model with an exponent"),
        (["--grid", "exchange.partial=maybe"], "partial is 'maybe', expected true or false"),
        (["--grid", "exchange.entry_latency_us=1.5"], "expected whole µs"),
    ],
)
def test_mistakes_are_told_before_any_work(recording, tmp_path, capsys, words, needle):
    assert needle in refused(capsys, recording, *FIXED, *words, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_report_holds_every_set(recording, tmp_path, capsys):
    page = tmp_path / "deep" / "sweep.html"
    run(capsys, recording, *FIXED, *AXES, "--out", tmp_path / "out", "--report", page)
    text = page.read_text(encoding="utf-8")
    data = text.partition('<script id="sweep-data" type="application/json">')[2]
    held = json.loads(data.partition("</script>")[0])
    assert len(held["rows"]) == 6
    assert held["varying"] == ["half_spread", "qty"]
    assert all(math.isfinite(row[held["columns"].index("profit")]) for row in held["rows"])


def test_a_person_reads_a_table(recording, tmp_path, capsys):
    words = [str(recording), *FIXED, "--grid", "half_spread=1,2", "--out", str(tmp_path / "out")]
    assert cli.main(["sweep", *words]) == 0
    out = capsys.readouterr().out
    assert "2 run now, 0 before" in out
    assert "half_spread" in out


def test_a_sweep_takes_the_tapes_that_a_backtest_kept(recording, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("replay.sources.open.default_folder", lambda: tmp_path / "rows")
    words = (recording, *FIXED, "--grid", "half_spread=1,2")
    run(capsys, *words, "--out", tmp_path / "plain")
    run(capsys, recording, *FIXED, "--cache", command="backtest")
    (kept,) = (tmp_path / "rows").glob("v*.tapes")
    monkeypatch.setattr("replay.prepared.stretches", None)  # nothing is made any more
    run(capsys, *words, "--cache", "--out", tmp_path / "kept")
    assert list((tmp_path / "rows").glob("v*.tapes")) == [kept]
    for name in ("sweep.parquet", "sweep.json"):
        assert (tmp_path / "kept" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
