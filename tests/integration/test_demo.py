"""``extrema-nb demo`` as a user runs it: offline, one command, everything checked."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

LIMIT_S = 800  # s, cold caches included
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Return the folder of a short demo, what it told, and its process."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-m", "extrema_nb", "demo", "--seconds", "3", "--json"],
        cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout.splitlines()[-1]), done


@pytest.mark.slow
def test_each_step_did_its_work(demo):
    _, told, _ = demo
    assert (told["inspected"]["gaps"], told["inspected"]["crossed"]) == (0, 0)
    assert told["inspected"]["rows"] > 500
    assert {"trade", "lob", "bbo"} <= set(told["inspected"]["rows_by_kind"])
    for run in ("backtest", "live", "onnx"):
        assert told[run]["orders"] > 0, run
    assert told["live"]["left_open"] == 0
    verified = told["verify"]
    assert verified["ok"]
    assert verified["identical"] == verified["intents"] == told["live"]["intents"] > 0


@pytest.mark.slow
def test_the_report_needs_nothing_but_itself(demo):
    folder, told, _ = demo
    text = (folder / told["report"]).read_text(encoding="utf-8")
    assert text.lower().startswith("<!doctype html>")
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", text)
    assert not re.findall(r"<link|@import|<script[^>]+src", text)


@pytest.mark.slow
def test_it_tells_its_steps(demo):
    _, _, done = demo
    assert "Traceback" not in done.stderr
    steps = [line for line in done.stderr.splitlines() if line.startswith("[")]
    assert len(steps) >= 6


@pytest.mark.slow
def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    done = subprocess.run(
        [sys.executable, "-m", "extrema_nb", "demo", "--out", str(tmp_path)],
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "holds something else than a demo" in done.stderr
    assert (tmp_path / "mine.txt").read_text() == "mine"
