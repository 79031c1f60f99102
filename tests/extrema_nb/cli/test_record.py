"""extrema-nb record: settings, signals, a kill in the middle, a report at the end."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import signal
import sys

import pytest
from rich.console import Console

from extrema_nb import cli
from extrema_nb.cli import record
from extrema_nb.store import check_recording
from recorders.settings import RecordSettings
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


def test_two_files_are_one_too_many(tmp_path, capsys):
    assert run(tmp_path / "a.toml", "--config", tmp_path / "b.toml") == 2
    assert "two files are named" in capsys.readouterr().err


def settings_of(*words):
    parser = argparse.ArgumentParser()
    record.add_arguments(parser)
    return record._settings(parser.parse_args(list(map(str, words))), RecordSettings)


def test_a_file_may_stand_alone_and_options_win_over_it(tmp_path):
    path = tmp_path / "record.toml"
    path.write_text('out = "rec"\ninstruments = ["A"]\nkeep_days = 3.0\nsnapshot_s = 60.0\n')
    found = settings_of(
        path, "--venue", "okx", "--keep-days", "7", "--instruments", "B*, top 5 by volume"
    )
    assert (found.out, found.venue, found.keep_days, found.snapshot_s) == ("rec", "okx", 7.0, 60.0)
    assert found.instruments == ["B*", "top 5 by volume"]


def test_endpoints_have_two_names():
    words = ["--out", "x", "--instruments", "A"]
    one = settings_of(*words, "--rest", "http://a", "--ws", "ws://a")
    assert one == settings_of(*words, "--endpoint-rest", "http://a", "--endpoint-ws", "ws://a")


REPORT = {
    "out": "rec", "seconds": 10.0, "rows": 1234, "rows_per_second": 123.4, "last_lag_us": 1500,
    "gaps": 2, "reconnects": 1, "decode_errors": 3, "feed": {},
    "recorder": {
        "log_bytes": 5_000_000, "parquet_bytes": 10_000, "flushed": 1200, "lost": 7,
        "spilled_rows": 0, "refusals": 0, "recovered": 40,
    },
    "venues": {
        "okx": {"rows": 1000, "frames": 900, "bytes": 10**6, "last_lag_us": 1500, "gaps": 2,
                "reconnects": 1, "connected": True, "clock_offset_us": -2500},
        "dydx": {"rows": 200, "frames": 100, "bytes": 10**5, "last_lag_us": 9, "gaps": 0,
                 "reconnects": 0, "connected": False},
    },
    "upkeep": {"troubles": 1},
}  # fmt: skip


def test_how_it_goes_is_one_line():
    line = record._line(REPORT)
    for said in ("1,234 rows", "lag 1.5 ms", "2 gaps", "7 rows LOST", "40 rows recovered",
                 "3 bad frames", "1 troubles of upkeep"):  # fmt: skip
        assert said in line
    assert "spilled" not in line


def test_a_terminal_gets_a_table_with_a_row_a_venue():
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(record._table(REPORT, record._Rates()))
    text = console.export_text()
    for said in ("okx", "dydx (connecting)", "-2.5", "7 rows LOST", "5.0 MB", "1,200"):
        assert said in text


def test_rates_are_differences_a_second(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(record.time, "monotonic", lambda: now[0])
    rates = record._Rates()
    assert rates.of("x", 10) == 0.0
    now[0] += 2.0
    assert rates.of("x", 50) == 20.0


@pytest.mark.slow
@pytest.mark.parametrize("venue_id", ["binance-usdm"])
def test_a_file_records_with_metrics_and_a_second_place(
    tmp_path, project_root, monkeypatch, venue_id
):
    pytest.importorskip("fsspec")
    monkeypatch.chdir(project_root)
    config = tmp_path / "record.toml"

    async def main():
        async with VenueServer(SimulatedMarket(seed=3)) as venue:
            config.write_text(
                f'out = "{tmp_path / "rec"}"\nseconds = 1.5\nsnapshot_s = 0.3\n'
                f'copy_to = "{tmp_path / "copy"}"\nmetrics = "0"\n'
                f'[[venues]]\nvenue = "{venue_id}"\ninstruments = ["*_USDT_PERP"]\n'
                f'rest = "{venue.rest_url}"\nws = "{venue.ws_url}"\n'
            )
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "extrema_nb", "record", str(config), "--json",
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            return await child.communicate(), child.returncode

    (told, said), code = asyncio.run(main())
    assert code == 0, said
    report = json.loads(told.decode().splitlines()[-1])
    assert report["upkeep"]["copied"] > 0
    for place in ("rec", "copy"):
        found = check_recording(tmp_path / place)
        assert (found.problems, found.rows) == ([], report["rows"])


async def start(venue, out, *words):
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "extrema_nb", "record", "--out", str(out),
        "--rest", venue.rest_url, "--ws", venue.ws_url, *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


def logs(out):
    return {file.name: file.stat().st_size for file in out.glob(".log/*.log")}


async def grown(child, out, size, known=()):
    """Wait until new logs of a recording hold `size` bytes, however long the child compiles."""
    while sum(held for name, held in logs(out).items() if name not in known) < size:
        if child.returncode is not None:
            _, said = await child.communicate()
            pytest.fail(f"the recorder ended with {child.returncode}: {said.decode()}")
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
            await grown(child, out, 5_000)
            child.send_signal(number)
            return await child.communicate(), child.returncode

    (told, _), code = asyncio.run(main())
    report = json.loads(told.decode().splitlines()[-1])
    assert code == 0
    assert (report["lost"], report["gaps"]) == (0, 0)
    assert inspect_path(out)["rows"] == report["rows"] > 0
    assert not logs(out)


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
            await grown(child, out, 20_000)
            child.kill()
            await child.communicate()
            kept, known = inspect_path(out)["rows"], logs(out)
            child = await start(venue, out, *words, "--json")
            await grown(child, out, 20_000, known)
            child.send_signal(signal.SIGINT)
            told, _ = await child.communicate()
            return kept, json.loads(told.decode().splitlines()[-1])

    kept, report = asyncio.run(main())
    assert kept > 200
    assert report["recovered"] == kept
    assert report["rows"] > 200
    look = inspect_path(out)
    assert (look["rows"], look["gaps"], look["crossed"]) == (kept + report["rows"], 0, 0)
