"""extrema-nb venue: ready line, clean stop, one clear line for what cannot be."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager

import aiohttp
import pytest

from extrema_nb import cli
from extrema_nb.cli import venue
from tests.patience import PATIENCE_S
from tests.replay.local_venue.captures import DAY, write

COMMAND = [sys.executable, "-c", "import sys; from extrema_nb.cli import main; sys.exit(main())"]


@contextmanager
def started(project_root, *arguments):
    """Give a running venue and its ready line."""
    process = subprocess.Popen(
        [*COMMAND, "venue", "--port", "0", *arguments],
        cwd=project_root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_S)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_simulated_venue_says_where_it_is_and_stops_cleanly(project_root, number):
    arguments = ("--simulate", "--seed", "7", "--symbols", "BTCUSDT", "--json")
    with started(project_root, *arguments) as (process, line):
        ready = json.loads(line)
        assert ready["symbols"] == ["BTCUSDT"]
        assert ready["feed"] == "simulate"
        assert ready["rest_url"].startswith("http://127.0.0.1:")
        with urllib.request.urlopen(  # noqa: S310
            ready["rest_url"] + "/fapi/v1/time", timeout=PATIENCE_S
        ) as answer:
            assert json.load(answer)["serverTime"] > 0
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == 0
        assert process.stderr.read() == ""


@pytest.mark.slow
def test_a_captured_venue_exits_at_the_end_if_asked(project_root, tmp_path):
    path = write(tmp_path / "day", DAY)
    arguments = ("--capture", str(path), "--speed", "max", "--exit-at-end")
    with started(project_root, *arguments) as (process, line):
        assert "local venue ready" in line
        url = next(word for word in line.split() if word.startswith("ws://"))

        async def read():
            async with aiohttp.ClientSession() as session:
                stream = await session.ws_connect(url + "/public/ws/btcusdt@trade")
                return [message.data async for message in stream], stream.close_code

        frames, code = asyncio.run(read())
        assert len(frames) == 2
        assert code == aiohttp.WSCloseCode.GOING_AWAY
        assert process.wait(PATIENCE_S) == 0


def refused(capsys, *arguments):
    """Return the error lines of a command that must exit with 2."""
    assert cli.main(["venue", *arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_taken_port_is_one_clear_line(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refused(capsys, "--simulate", "--symbols", "BTCUSDT", "--port", str(port))
    assert f"127.0.0.1:{port}" in line
    assert "choose another --port" in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--capture", "/nowhere/day.gz"], "no such capture file"),
        (["--simulate", "--balance", "much"], "--balance"),
        (["--simulate", "--symbols", "BTCUSDT,BTCUSDT"], "name each once"),
        (["--capture", "x", "--speed", "0"], "--speed"),
        (["--capture", "x", "--speed", "fast"], "--speed"),
        ([], "--simulate"),
    ],
)
def test_wrong_settings_are_one_clear_line(capsys, arguments, words):
    assert words in refused(capsys, *arguments)


def test_a_host_beyond_loopback_is_warned_about(caplog):
    with caplog.at_level(logging.WARNING):
        venue._warn_if_open("127.0.0.1")
        venue._warn_if_open("localhost")
        assert not caplog.records
        venue._warn_if_open("0.0.0.0")  # noqa: S104  # what is warned about
    assert "everybody who reaches it" in caplog.text
