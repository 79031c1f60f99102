"""``extrema-nb live`` and ``verify`` as users run them: processes, signals, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from extrema_nb.cli import main
from tests.patience import PATIENCE_S

KEYS = {"BINANCE_API_KEY": "local-key", "BINANCE_SECRET_KEY": "local-secret"}
CONFIG = """
instruments = ["BTC_USDT_PERP"]
[venue]
rest = "{rest}"
ws = "{ws}"
[[strategy]]
path = "strategies.grid_maker:GridMaker"
params = {{ levels = 2, half_spread = 1.0, step = 1.0 }}
[[timer]]
seconds = 0.2
[session]
journal = "{journal}"
"""


@pytest.fixture
def venue(project_root):
    """Give (rest, ws) of a local venue in a process of its own."""
    words = ["venue", "--simulate", "--seed", "5", "--symbols", "BTCUSDT", "--port", "0", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "extrema_nb", *words], stdout=subprocess.PIPE, cwd=project_root
    ) as process:
        try:
            told = json.loads(process.stdout.readline())
            yield told["rest_url"], told["ws_url"]
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def written(tmp_path, rest="http://127.0.0.1:9", ws="ws://127.0.0.1:9"):
    path = tmp_path / "live.toml"
    path.write_text(CONFIG.format(rest=rest, ws=ws, journal=tmp_path / "session"))
    return path


@pytest.mark.slow
def test_a_signal_cancels_all_reports_and_the_session_verifies(
    tmp_path, venue, project_root, capfd
):
    config = written(tmp_path, *venue)
    words = [sys.executable, "-m", "extrema_nb", "live", str(config), "--json"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, cwd=project_root, env={**os.environ, **KEYS}
    ) as process:
        intents = tmp_path / "session" / "intents.rows"
        for _ in range(2_000):
            if intents.exists() and intents.stat().st_size >= 64 * 4:
                break
            threading.Event().wait(0.1)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE_S)
    report = json.loads(out.decode().splitlines()[-1])
    assert process.returncode == 0
    assert report["killed"]
    assert (report["open_orders"], report["left_open"]) == (0, 0)
    assert report["orders"] >= 4
    assert "Traceback" not in capfd.readouterr().err

    assert main(["verify", str(tmp_path / "session"), "--json"]) == 0
    verdict = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert (verdict["ok"], verdict["identical"]) == (True, report["intents"])

    raw = bytearray(intents.read_bytes())
    raw[64 * 3 + 32] ^= 1  # a bit of the fourth intent's price
    intents.write_bytes(raw)
    assert main(["verify", str(tmp_path / "session")]) == 1
    assert "intent 3, price: journal" in capfd.readouterr().out

    intents.unlink()
    assert main(["verify", str(tmp_path / "session")]) == 2
    assert "intents.rows is missing" in capfd.readouterr().err


@pytest.mark.slow
def test_a_second_signal_does_not_wait_for_a_venue_that_hangs(tmp_path, project_root):
    words = ["venue", "--simulate", "--symbols", "BTCUSDT", "--port", "0", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "extrema_nb", *words], stdout=subprocess.PIPE, cwd=project_root
    ) as hanging:
        told = json.loads(hanging.stdout.readline())
        config = written(tmp_path, told["rest_url"], told["ws_url"])
        with subprocess.Popen(
            [sys.executable, "-m", "extrema_nb", "live", str(config), "--json"],
            stdout=subprocess.PIPE,
            cwd=project_root,
            env={**os.environ, **KEYS},
        ) as process:
            intents = tmp_path / "session" / "intents.rows"
            for _ in range(2_000):
                if intents.exists() and intents.stat().st_size:
                    break
                threading.Event().wait(0.1)
            hanging.send_signal(signal.SIGSTOP)
            process.send_signal(signal.SIGINT)
            threading.Event().wait(0.5)
            assert process.poll() is None  # it waits for the confirmations
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=PATIENCE_S)
        hanging.send_signal(signal.SIGCONT)
        hanging.terminate()
        hanging.wait(PATIENCE_S)
    report = json.loads(out.decode().splitlines()[-1])
    assert process.returncode == 1
    assert report["left_open"] > 0


def test_without_keys_it_says_so_in_one_line_before_it_connects(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    assert main(["live", str(written(tmp_path))]) == 2
    told = capfd.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert "BINANCE_API_KEY and BINANCE_SECRET_KEY not set" in told[0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("risk.max_postion=1", "did you mean 'max_position'"),
        ("paper.takr_fee=0.1", "in table [paper]; did you mean 'taker_fee'"),
        ("paper.queue=strategies.queue_models:pro_rta", "pro_rta"),
        ("paper.book_from=trades", "paper.book_from is refused"),
        ("strategy.0.path=strategies.grid_maker:GridMakr", "did you mean 'GridMaker'"),
        ("strategy.0.params.qyt=1", "did you mean 'qty'"),
        ("channels=['boook']", "did you mean 'book'"),
        ("venue.id=binance-usdmm", "did you mean 'binance-usdm'"),
    ],
)
def test_a_mistake_in_the_file_names_the_nearest(tmp_path, capfd, change, told):
    assert main(["live", str(written(tmp_path)), "--paper", "--set", change]) == 2
    assert told in capfd.readouterr().err


def test_a_venue_that_is_not_there_is_told(tmp_path, capfd, monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    assert main(["live", str(written(tmp_path))]) == 2
    assert "cannot connect to http://127.0.0.1:9" in capfd.readouterr().err


def test_seconds_must_be_positive(tmp_path, capfd):
    assert main(["live", str(written(tmp_path)), "--seconds", "0"]) == 2
    assert "above 0" in capfd.readouterr().err
