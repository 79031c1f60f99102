"""The tour of the README works: its commands are run in its order, its files are used as shown."""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
import signal
import subprocess
import sys

import pytest

from extrema_nb import cli
from tests.arch.sources import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PORT = "8899"  # as the README writes it; the test takes a free one
LIMIT_S = 240  # s for one command, cold caches included
SHORT_S = "3"  # s, in place of the README's --seconds


def shown(language):
    """Return the first block of `language`."""
    return next((text for kind, text in BLOCKS if kind == language), "")


def tour():
    """Return the commands of the tour, each with the variables that stand before it."""
    found = []
    for kind, text in BLOCKS:
        for line in text.splitlines() if not kind else ():
            words = shlex.split(line, comments=True)
            settings = {}
            while words and "=" in words[0] and not words[0].startswith("-"):
                name, _, value = words.pop(0).partition("=")
                settings[name] = value
            if words[:1] == ["extrema-nb"]:
                found.append((settings, words[1:]))
    return found


def run(settings, words, folder):
    """Run a command as a user would; return what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "extrema_nb", *words],
        cwd=folder, env={**os.environ, **settings}, capture_output=True, text=True,
        timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"extrema-nb {shlex.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    """Start the local venue as the tour does, on a free port; return the port."""
    words = next(words for _, words in tour() if words[0] == "venue")
    words = [word.replace(PORT, "0") for word in words]
    with subprocess.Popen(
        [sys.executable, "-m", "extrema_nb", *words, "--json"],
        stdout=subprocess.PIPE, text=True, cwd=tmp_path_factory.mktemp("venue"),
    ) as process:  # fmt: skip
        try:
            yield str(json.loads(process.stdout.readline())["port"])
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=LIMIT_S)


@pytest.fixture(scope="module")
def folder(venue, tmp_path_factory):
    """Return a folder with the files that the tour shows or takes for granted."""
    path = tmp_path_factory.mktemp("tour")
    (path / "mine.py").write_text(shown("python"))
    (path / "live.toml").write_text(shown("toml").replace(f":{PORT}", f":{venue}"))
    data = {"e": "trade", "E": 1_700_000_000_000, "T": 1_700_000_000_000, "s": "BTCUSDT"}
    data |= {"t": 1, "p": "100.1", "q": "0.010", "X": "MARKET", "m": False}
    frame = json.dumps({"stream": "btcusdt@trade", "data": data}, separators=(",", ":"))
    (path / "capture.gz").write_bytes(gzip.compress(f"1700000000000000000 {frame}\n".encode()))
    return path


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.timeout(1_200)
def test_the_tour_runs_as_it_is_written(venue, folder):
    ran = []
    for settings, words in tour():
        command = words[0]
        if command in {"demo", "venue"} or command not in cli.commands():
            continue
        here = [re.sub(rf":{PORT}\b", f":{venue}", word) for word in words]
        if "--seconds" in here:
            here[here.index("--seconds") + 1] = SHORT_S
        run(settings, here, folder)
        ran.append(command)
    assert ran[:3] == ["doctor", "record", "inspect"]


def test_the_tour_names_files_inside_the_working_folder_only():
    paths = [word for _, words in tour() for word in words if word.startswith(("/", "~", ".."))]
    assert not paths


@pytest.mark.slow
@pytest.mark.parametrize("lane", ["0", "1"], ids=["compiled", "uncompiled"])
def test_the_code_of_the_how_to_about_strategies_runs(tmp_path, lane):
    text = (ROOT / "strategies" / "README.md").read_text(encoding="utf-8")
    code = "".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    (tmp_path / "mine.py").write_text(code)
    environment = {**os.environ, "NUMBA_DISABLE_JIT": lane}
    subprocess.run(
        [sys.executable, "mine.py"], cwd=tmp_path, env=environment, check=True, timeout=LIMIT_S
    )
