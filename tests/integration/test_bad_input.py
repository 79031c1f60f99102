"""Bad input, from end to end: one clear line, the right exit code, nothing lost.

Where each kind is tested:

====================================  ===========================================================
unknown instrument                    extrema_nb/cli/test_bad_input, cli/test_backtest,
                                      recorders/test_recorder, and here over the wire
malformed frame                       cli/test_bad_input (file), feeds/test_market (wire)
gap                                   replay/sources/test_collector, feeds/test_market
crossed book                          replay/test_quality, and here on the command line
duplicate, out-of-order rows          replay/sources/test_collector, cli/test_bad_input
clock ahead                           integration/test_wire (a real file), replay/test_backtest
truncated Parquet, missing columns,   cli/test_bad_input, store/test_parts,
wrong schema version                  replay/sources/test_parquet
empty file                            cli/test_bad_input, replay/sources/test_lines
bad key of a TOML file                cli/test_bad_input, cli/test_live, test_config
missing credentials                   cli/test_bad_input, cli/test_live
port in use, no such port             cli/test_venue, and here
error codes of the venue              execution/test_operations, execution/test_resolve
disk full while recording             recorders/test_parquet, recorders/test_raw, store/test_parts
strategy that cannot be used          cli/test_backtest
folder that cannot be written         cli/test_backtest, and here
====================================  ===========================================================

Of backtests and sweeps:

====================================  ===========================================================
unsorted clocks, clocks in other      integration/test_bad_rows, replay/test_backtest,
units                                 replay/test_soundness
NaN, infinite or negative quantities  integration/test_bad_rows, replay/test_scan
wrong tick                            integration/test_bad_rows, replay/test_soundness
gap, lost rows, missing snapshot      integration/test_bad_rows, replay/test_soundness
latency table out of order            integration/test_bad_rows, exchange/test_latency_table
parameter that does not exist         integration/test_bad_rows, cli/test_bad_input, cli/test_sweep
range that never ends                 integration/test_bad_rows, replay/test_sweep
checkpoint of another run, damaged    cli/test_backtest, replay/checkpoint/test_run, test_file
====================================  ===========================================================
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from extrema_nb import cli
from extrema_nb.testing import book, rows
from replay.inspect import inspect_path
from tests.extrema_nb.cli.test_backtest import T0, market, write
from tests.patience import PATIENCE_S
from tests.replay.sources import captures

LIMIT_S = 120
NOWHERE = ("--rest", "http://127.0.0.1:9", "--ws", "ws://127.0.0.1:9")


def refused(capsys, *words, code=2):
    assert cli.main([str(word) for word in words]) == code
    err = capsys.readouterr().err
    told = [line for line in err.splitlines() if line.startswith("extrema-nb: ")]
    assert len(told) == 1, err
    return told[0]


@pytest.fixture(scope="module")
def venue(project_root):
    """Give the addresses of a local venue in a process of its own."""
    words = ["venue", "--simulate", "--symbols", "BTCUSDT", "--port", "0", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "extrema_nb", *words], stdout=subprocess.PIPE, cwd=project_root
    ) as process:
        try:
            told = json.loads(process.stdout.readline())
            yield "--rest", told["rest_url"], "--ws", told["ws_url"]
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


@pytest.mark.slow
def test_an_instrument_that_the_venue_does_not_have_suggests_the_nearest(venue, tmp_path, capsys):
    words = ("--instruments", "BTC_USDT_PREP", "--out", tmp_path / "rec")
    assert "did you mean 'BTC_USDT_PERP'" in refused(capsys, "record", *words, *venue)


def test_a_crossed_book_is_counted_by_inspect_and_by_a_backtest(tmp_path, capsys):
    crossed = rows(
        book([(99.9, 1.0)], [(100.1, 1.0)], ts=T0, snapshot=True),
        book([(100.3, 1.0)], [], ts=T0 + 1_000),
    )
    folder = write(tmp_path / "rec", crossed)
    assert cli.main(["inspect", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["crossed"] == 1
    words = ["backtest", str(folder), "--strategy", "strategies.obi_maker:ObiMaker", "--json"]
    assert cli.main(words) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["counters"]["crossed"] == 1


@pytest.mark.parametrize("command", ["convert", "record", "demo"])
def test_a_folder_that_cannot_be_made_is_told_before_any_work(tmp_path, capsys, command):
    (tmp_path / "file").write_text("mine")
    words = {
        "convert": [captures.write(tmp_path / "good.gz", captures.SYNCED)],
        "record": ["--instruments", "BTC_USDT_PERP", *NOWHERE],
        "demo": [],
    }
    for out in (tmp_path / "file", tmp_path / "file" / "deeper"):
        line = refused(capsys, command, *words[command], "--out", out)
        assert "give another --out" in line or "cannot be made" in line
    assert (tmp_path / "file").read_text() == "mine"


def test_a_port_that_does_not_exist_is_one_line(capsys):
    line = refused(capsys, "venue", "--simulate", "--symbols", "BTCUSDT", "--port", "99999")
    assert "127.0.0.1:99999 (no such port)" in line


def test_seconds_below_zero_are_refused(tmp_path, capsys):
    words = ("--instruments", "BTC_USDT_PERP", "--out", tmp_path / "rec", "--seconds", "-1")
    assert "seconds is -1.0" in refused(capsys, "record", *words, *NOWHERE)


SPEAKS = """
import extrema_nb as xnb


class Speaks(xnb.Strategy):
    messages = ("a trade at {value}",)

    def on_trade(ctx, p, s, trade):
        ctx.log(0, trade.price)
"""


@pytest.mark.slow
def test_a_replay_that_is_interrupted_says_nothing_and_leaves_the_recording_whole(tmp_path):
    folder = write(tmp_path / "rec", market())
    (tmp_path / "speaks.py").write_text(SPEAKS)
    words = ["replay", str(folder), "--strategy", "speaks:Speaks", "--pace", "0.01"]
    with subprocess.Popen(
        [sys.executable, "-m", "extrema_nb", *words], cwd=tmp_path, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "NUMBA_DISABLE_JIT": "1"},
    ) as child:  # fmt: skip
        while b"a trade at" not in (line := child.stderr.readline()):
            assert line, "it ended before its first trade"
        child.send_signal(signal.SIGINT)  # at this pace it takes half an hour
        _, err = child.communicate(timeout=LIMIT_S)
    assert b"Traceback" not in err
    assert child.returncode == 130, err
    assert inspect_path(folder)["rows"] == len(market())
