"""extrema-nb record: settings, signals, a kill in the middle, a report at the end."""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import pytest

from extrema_nb import cli
from replay.inspect import inspect_path
from replay.local_venue.server import VenueServer
from replay.local_venue.simulate import SimulatedMarket


def run(*words):
    return cli.main(["record", *map(str, words)])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "x"], "--instruments is missing; see extrema-nb record --help"),
        (["--instruments", "BTC_USDT_PERP"], "--out is missing"),
        (["--out", "x", "--instruments", "A", "--channels", "trades"], "unknown channel 'trades'"),
        (["--out", "x", "--instruments", "A", "--rest", "http://x"], "give both addresses"),
        (["--out", "x", "--instruments", ","], "no instruments to record"),
    ],
)
def test_settings_that_are_missing_or_wrong_are_code_2(words, said, capsys):
    assert run(*words) == 2
    assert said in capsys.readouterr().err


def test_a_wrong_key_in_the_file_suggests_the_nearest(tmp_path, capsys):
    path = tmp_path / "x.toml"
    path.write_text('out = "x"\ninstruments = ["A"]\nflush = 1.0\n')
    assert run("--config", path) == 2
    assert "unknown key 'flush'" in capsys.readouterr().err


async def start(venue, out, *words):
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "extrema_nb", "record", "--out", str(out),
        "--rest", venue.rest_url, "--ws", venue.ws_url, *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def grown(out, size):
    """Wait until the logs of a recording hold `size` bytes."""
    async with asyncio.timeout(60):
        while sum(file.stat().st_size for file in out.glob(".log/*.log")) < size:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # another process writes them


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly(tmp_path, project_root, monkeypatch, number):
    monkeypatch.chdir(project_root)
    config = tmp_path / "record.toml"
    config.write_text('out = "replaced"\ninstruments = ["BTC_USDT_PERP"]\nflush_s = 0.1\n')
    out = tmp_path / "rec"

    async def main():
        async with VenueServer(SimulatedMarket(seed=3)) as venue:
            child = await start(venue, out, "--config", str(config), "--json")
            await grown(out, 5_000)
            child.send_signal(number)
            return await child.communicate(), child.returncode

    (told, _), code = asyncio.run(main())
    report = json.loads(told.decode().splitlines()[-1])
    assert code == 0
    assert (report["lost"], report["gaps"]) == (0, 0)
    assert inspect_path(out)["rows"] == report["rows"] > 0
    assert not list(out.glob(".log/*.log"))


@pytest.mark.slow
def test_a_kill_loses_at_most_the_last_flush_and_the_next_start_mends_it(
    tmp_path, project_root, monkeypatch
):
    monkeypatch.chdir(project_root)
    out = tmp_path / "rec"
    words = ["--instruments", "BTC_USDT_PERP", "--flush-s", "0.1"]

    async def main():
        async with VenueServer(SimulatedMarket(seed=3)) as venue:
            child = await start(venue, out, *words)
            await grown(out, 20_000)
            child.kill()
            await child.communicate()
            kept = inspect_path(out)["rows"]
            child = await start(venue, out, *words, "--seconds", "0.5", "--json")
            told, _ = await child.communicate()
            return kept, json.loads(told.decode().splitlines()[-1])

    kept, report = asyncio.run(main())
    assert kept > 200
    assert report["recovered"] == kept
    look = inspect_path(out)
    assert (look["rows"], look["gaps"], look["crossed"]) == (kept + report["rows"], 0, 0)
