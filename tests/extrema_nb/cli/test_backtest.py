"""``extrema-nb backtest``: figures, files that are the same twice, and mistakes of the user."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import polars as pl
import pytest

from extrema_nb import cli, jit
from extrema_nb.events import BUY, SELL
from extrema_nb.store import RowWriter
from extrema_nb.testing import bbo, book, instrument_table, rows, trade
from replay.sources import ParquetSource

T0 = 1_700_000_000_000_000  # µs
GRID = "strategies.grid_maker:GridMaker"
STEPS = 400 if jit.ENABLED else 160  # one round of the mid and more
FILES = {"orders.parquet", "fills.parquet", "account.parquet", "funding.parquet", "summary.json"}


def market(steps=STEPS):
    """Return rows of a book around 100 whose mid goes up and down, with trades on both sides."""
    parts = []
    for i in range(steps):
        mid = 100.0 + 0.1 * ((i // 20) % 8)
        ts = T0 + i * 50_000
        bids = [(round(mid - 0.1 * k, 1), 1.0) for k in range(1, 4)]
        asks = [(round(mid + 0.1 * k, 1), 1.0) for k in range(1, 4)]
        parts.append(book(bids=bids, asks=asks, ts=ts, snapshot=True))
        parts.append(trade(asks[1][0], 3.0, BUY, ts=ts + 10_000))
        parts.append(trade(bids[1][0], 3.0, SELL, ts=ts + 20_000))
    return rows(*parts)


def write(folder, events, table=None):
    writer = RowWriter(folder, table or instrument_table(), "test")
    writer.write(events, 0)
    writer.flush()
    return folder


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A recording of `market`."""
    return write(tmp_path_factory.mktemp("backtest") / "rec", market())


def run(capsys, *words, code=0):
    """Run the command with ``--json`` and return its object."""
    assert cli.main(["backtest", *map(str, words), "--json"]) == code
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def refused(capsys, *words, code=2):
    """Return the one line of a command that must refuse."""
    assert cli.main(["backtest", *map(str, words), "--json"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    told = [line for line in err.splitlines() if line.startswith("extrema-nb: ")]
    assert len(told) == 1, err
    assert "Traceback" not in err
    return told[0]


GRID_WORDS = ("--strategy", GRID, "--param", "half_spread=1", "--param", "step=1")


def test_a_maker_trades_and_the_summary_says_what_it_did(recording, capsys):
    told = run(capsys, recording, *GRID_WORDS)
    assert told["orders"] > 0
    assert told["fills"] > 0
    assert told["rows"] == len(market())
    assert told["rows_per_second"] > 0
    assert told["bought"] - told["sold"] == pytest.approx(sum(told["position"].values()), abs=1e-9)
    assert told["strategies"][0]["params"]["half_spread"] == 1.0


def test_the_same_run_writes_the_same_bytes(recording, tmp_path, capsys):
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        run(capsys, recording, *GRID_WORDS, "--out", folder)
    assert {path.name for path in folders[0].iterdir()} == FILES
    for name in FILES:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
    orders = pl.read_parquet(folders[0] / "orders.parquet")
    fills = pl.read_parquet(folders[0] / "fills.parquet")
    summary = json.loads((folders[0] / "summary.json").read_text())
    assert (orders["event"] == "submit").sum() == summary["orders"]
    assert len(fills) == summary["fills"] == (orders["event"] == "trade").sum()


def test_latency_and_the_queue_change_what_is_filled(recording, capsys):
    fast = run(capsys, recording, *GRID_WORDS)
    slow = run(capsys, recording, *GRID_WORDS, "--latency-us", 400_000)
    assert slow["config"]["exchange"]["entry_latency_us"] == 400_000
    assert slow["fills"] != fast["fills"]


def test_a_report_is_written_beside_nothing_else(recording, tmp_path, capsys):
    path = tmp_path / "deep" / "report.html"
    told = run(capsys, recording, *GRID_WORDS, "--report", path)
    assert told["report"] == str(path)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [one.name for one in path.parent.iterdir()] == ["report.html"]


def test_without_json_a_person_reads_a_table(recording, capsys):
    assert cli.main(["backtest", str(recording), *GRID_WORDS]) == 0
    out = capsys.readouterr().out
    assert "profit" in out
    assert "rows a second" in out


def test_orders_that_limits_keep_from_leaving_are_told(recording, capsys):
    words = ["backtest", str(recording), *GRID_WORDS]
    assert cli.main(words) == 0
    assert "not sent" not in capsys.readouterr().out
    assert cli.main([*words, "--risk", "max_order_qty=0.001"]) == 0
    assert re.search(r"not sent\D+[\d,]+ by max_order_qty", capsys.readouterr().out)


def test_rows_without_a_book_give_a_run_without_orders(tmp_path, capsys):
    quotes = rows(*(bbo(99.9, 1.0, 100.1, 1.0, ts=T0 + i * 100_000) for i in range(50)))
    told = run(capsys, write(tmp_path / "rec", quotes), *GRID_WORDS)
    assert (told["rows"], told["orders"], told["fills"]) == (50, 0, 0)


def test_two_instruments_are_told_apart(tmp_path, capsys):
    one, other = market(STEPS // 2), market(STEPS // 2)
    other["inst"] = 1
    folder = write(tmp_path / "rec", rows(one, other, sort=True))
    told = run(capsys, folder, *GRID_WORDS, "--param", "inst=1")
    assert list(told["position"]) == ["ETH_USDT_PERP"]
    assert told["data"]["instruments"] == ["BTC_USDT_PERP", "ETH_USDT_PERP"]
    alone = run(capsys, folder, *GRID_WORDS, "--instruments", "ETH_USDT_PERP")
    assert (alone["orders"], alone["fills"]) == (told["orders"], told["fills"])
    assert alone["rows"] == told["rows"] / 2


BROKEN = """
import extrema_nb as xnb


class Field(xnb.Strategy):
    def on_trade(ctx, p, s, trade):
        ctx.cancel(trade.pricee)


class Method(xnb.Strategy):
    def on_trade(ctx, p, s, trade):
        ctx.buyy(0, 1.0, 1.0)
"""


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """Stand in a folder with strategies that cannot be compiled or imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "broken_ones.py").write_text(BROKEN)
    (tmp_path / "no_python.py").write_text("def (")
    (tmp_path / "no_handler.py").write_text(
        "import extrema_nb as xnb\n\n\nclass A(xnb.Strategy):\n"
        "    def on_trad(ctx, p, s, trade):\n        pass\n"
    )


@pytest.mark.usefixtures("broken")
@pytest.mark.compiled
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Field", ["broken_ones.py:7: ", "pricee", "did you mean 'price'"]),
        ("Method", ["broken_ones.py:12: ", "buyy"]),
    ],
)
def test_a_handler_that_cannot_be_compiled_is_named_with_file_and_line(
    recording, capsys, name, words
):
    line = refused(capsys, recording, "--strategy", f"broken_ones:{name}")
    assert all(word in line for word in words), line


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("no_python:A", "no_python cannot be imported: invalid syntax"),
        ("no_handler:A", "no_handler.py:5: A has unknown handler 'on_trad'"),
        ("nowhere:A", "no module 'nowhere'"),
        ("strategies.grid_maker", "expected 'module:name'"),
        ("json:loads", "is no strategy"),
    ],
)
def test_a_strategy_that_is_none_is_one_line(recording, capsys, path, said):
    assert said in refused(capsys, recording, "--strategy", path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--param", "levels=many"], "'many' is no number"),
        (["--param", "levels"], "expected NAME=VALUE"),
        (["--param", "1.levels=3"], "1 strategies are given"),
        (["--risk", "max_pos=1"], "did you mean 'max_position'"),
        (["--risk", "max_position=-1"], "expected a positive number"),
        (["--timer", "0"], "a timer has a period of 0.0 s"),
        (["--queue", "lifo"], "unknown queue model 'lifo'"),
        (["--queue", "fifo"], "fifo needs single orders (MBO rows) and the data has none"),
        (["--latency-us", "-5"], "not negative"),
        (["--candles", "0"], "candle interval of 0.0 s"),
        (["--start", "yesterday"], "'yesterday' is no time"),
        (["--start", "2030-01-01"], "check the time window"),
        (["--start", "2023-11-15", "--end", "2023-11-14"], "check the time window"),
        (["--instruments", "BTC_USDT_PREP"], "did you mean 'BTC_USDT_PERP'"),
        (["--model", "one=x.onnx"], "is no model"),
        (["--model", "1=nowhere.onnx"], "'nowhere.onnx' is not a file"),
        (["--model-latency-us", "5"], "is given without --model"),
        (["--base-latency-us", "-5"], "base_latency_us is -5, expected µs from 0 on"),
        (["--queue-n", "3"], "does nothing with --queue risk_averse"),
        (["--self-trade", "cancel_both"], "consume is off"),
        (["--book-from", "orders"], "the data has none of these"),
        (["--tick", "0.5"], "tick 0.5 is for files of other formats"),
        (["--out", "/proc/nowhere"], "/proc/nowhere cannot be made"),
        (["--report", "/proc/nowhere/r.html"], "/proc/nowhere cannot be made"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line(recording, capsys, words, said):
    assert said in refused(capsys, recording, *GRID_WORDS, *words)


def test_a_file_in_place_of_the_folder_is_left_alone(recording, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert "is a file" in refused(capsys, recording, *GRID_WORDS, "--out", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_latency_model_is_given_in_one_word_and_told_in_the_summary(recording, tmp_path, capsys):
    common = [recording, "--strategy", GRID]
    constant = run(capsys, *common, "--latency-us", 5000)
    assert run(capsys, *common, "--latency", "constant:5000")["profit"] == constant["profit"]
    table = tmp_path / "table.csv"
    table.write_text(f"req_ts,exch_ts,resp_ts\n{T0},{T0 + 5000},{T0 + 10000}\n")
    told = run(capsys, *common, "--latency", f"table:{table}")
    assert told["config"]["exchange"]["latency"]["file"] == str(table)
    assert len(told["latency_table"]) == 32
    assert told["profit"] == constant["profit"]
    sampled = run(capsys, *common, "--latency", "sampled:lognormal,5000,0.8,3")
    assert sampled["latency_table"] is None
    assert sampled["statistics"]["ack_median_s"] != constant["statistics"]["ack_median_s"]


def test_partial_fills_and_own_volume_are_assumptions_of_the_run(recording, capsys):
    words = ["--partial", "--consume", "--self-trade", "cancel_both"]
    told = run(capsys, recording, "--strategy", GRID, *words)["config"]["exchange"]
    assert (told["partial"], told["consume"], told["self_trade"]) == (True, True, "cancel_both")
    assert "did you mean" in refused(
        capsys, recording, "--strategy", GRID, "--self-trade", "cancel_old"
    )


def test_latencies_that_contradict_each_other_are_refused(recording, tmp_path, capsys):
    words = [recording, "--strategy", GRID, "--latency"]
    assert "give one" in refused(capsys, *words, "none", "--latency-us", 5)
    assert "did you mean 'constant'" in refused(capsys, *words, "constan:5")
    assert "there is no latency table" in refused(
        capsys, *words, f"table:{tmp_path / 'nothing.csv'}"
    )


STOP = T0 + 7_123_456  # µs, between two rows


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_that_is_stopped_and_gone_on_with_writes_the_same_files(recording, tmp_path, capsys):
    save = tmp_path / "deep" / "run.save"
    words = (recording, *GRID_WORDS, "--latency-us", 3_000, "--partial")
    run(capsys, *words, "--out", tmp_path / "whole")
    told = run(capsys, *words, "--checkpoint", save, "--until", STOP)
    assert told["at"] == STOP
    assert told["checkpoint"] == str(save)
    assert 0 < told["rows"] < len(market())
    run(capsys, *words, "--resume", save, "--out", tmp_path / "resumed")
    assert files(tmp_path / "resumed") == files(tmp_path / "whole")


@pytest.mark.slow
def test_another_process_goes_on_with_the_newest_checkpoint(recording, tmp_path, capsys):
    save = tmp_path / "run.save"
    words = [str(recording), *GRID_WORDS, "--out"]
    saving = ["--checkpoint", str(save), "--checkpoint-every", "5"]
    run(capsys, *words, tmp_path / "whole", *saving)
    command = [sys.executable, "-m", "extrema_nb", "backtest", *words, str(tmp_path / "resumed")]
    subprocess.run([*command, "--resume", str(save), "--json"], check=True, capture_output=True)
    assert files(tmp_path / "resumed") == files(tmp_path / "whole")


def test_a_stop_is_told_in_one_line(recording, tmp_path, capsys):
    words = ["--checkpoint", tmp_path / "a.save", "--until", "2023-11-14T22:13:25Z"]
    assert cli.main(["backtest", str(recording), *GRID_WORDS, *map(str, words)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("stopped at 2023-11-14T22:13:25Z after ")
    assert f"go on with --resume {tmp_path / 'a.save'}" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--until", STOP), "give --checkpoint FILE"),
        (("--checkpoint-every", 5), "give --checkpoint FILE"),
        (("--checkpoint", "SAVE"), "also needs --until TIME or --checkpoint-every S"),
        (("--checkpoint", "SAVE", "--checkpoint-every", -1), "expected seconds above 0"),
        (("--checkpoint", "SAVE", "--checkpoint-every", "nan"), "expected seconds above 0"),
        (("--checkpoint", "SAVE", "--until", STOP, "--out", "OUT"), "before there is a result"),
        (("--checkpoint", "SAVE", "--until", T0 - 1), "expected a time within the data"),
        (("--resume", "SAVE"), "is no file"),
    ],
)
def test_what_cannot_be_meant_of_checkpoints_is_refused(recording, tmp_path, capsys, words, said):
    named = [str(word).replace("SAVE", str(tmp_path / "a.save")) for word in words]
    assert said in refused(capsys, recording, *GRID_WORDS, *named)


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_refused(recording, tmp_path, capsys):
    save = tmp_path / "a.save"
    run(capsys, recording, *GRID_WORDS, "--checkpoint", save, "--until", STOP)
    words = (recording, *GRID_WORDS, "--resume", save)
    line = refused(capsys, *words, "--queue", "log")
    assert 'config.exchange.queue is "risk_averse" there, "log" here' in line
    assert "strategies.0.params.qty" in refused(capsys, *words, "--param", "qty=0.5")
    save.write_bytes(save.read_bytes()[:-100])
    assert "cut off or damaged" in refused(capsys, *words)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--candles", "0.5", "--feed-shift", f"{instrument_table()[0].name}=700"),
        ("--instruments", instrument_table()[0].name, "--start", str(T0 + 2_000_000)),
    ],
)
def test_a_second_run_from_kept_tapes_writes_the_same_bytes(
    recording, tmp_path, capsys, monkeypatch, words
):
    monkeypatch.setattr("replay.sources.open.default_folder", lambda: tmp_path / "rows")
    run(capsys, recording, *GRID_WORDS, *words, "--out", tmp_path / "plain")
    read = []
    merged = ParquetSource._merged

    def counted(self):
        read.append(1)
        return merged(self)

    monkeypatch.setattr(ParquetSource, "_merged", counted)
    for number in range(2):
        run(capsys, recording, *GRID_WORDS, *words, "--cache", "--out", tmp_path / str(number))
        for name in FILES:
            plain = (tmp_path / "plain" / name).read_bytes()
            assert (tmp_path / str(number) / name).read_bytes() == plain, name
    assert len(read) == 1
    assert len(list((tmp_path / "rows").glob("v*.tapes"))) == 1
