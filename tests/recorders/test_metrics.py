"""Prometheus text of a report, over HTTP on loopback."""

from __future__ import annotations

import asyncio
import re
import socket

import aiohttp
import pytest

from extrema_nb.errors import ConfigError
from recorders.metrics import MetricsServer, parse_address, render

REPORT = {
    "seconds": 2.5,
    "disk_free": 1000,
    "recorder": {"rows": 7, "lost": 1, "waiting": 3},
    "venues": {
        "binance-usdm": {"frames": 5, "gaps": 2, "last_lag_us": 1500, "connected": True,
                         "clock_offset_us": -250},
        "okx": {"frames": 6, "connected": False, "clock_offset_us": None},
    },
    "upkeep": {"joined": 4},
}  # fmt: skip


def test_every_line_is_of_the_format_and_families_stand_together():
    text = render(REPORT)
    assert text.endswith("\n")
    seen, family = set(), ""
    for line in text.splitlines():
        if line.startswith("# HELP"):
            family = line.split()[2]
            assert family not in seen
            seen.add(family)
        elif line.startswith("# TYPE"):
            assert line.split()[2] == family
            assert line.split()[3] in ("counter", "gauge")
        else:
            assert re.fullmatch(rf'{family}(\{{venue="[a-z-]+"\}})? -?[0-9.e+-]+', line), line


@pytest.mark.parametrize(
    "line",
    [
        "extrema_nb_record_rows_total 7",
        "extrema_nb_record_lost_total 1",
        "extrema_nb_record_waiting_rows 3",
        'extrema_nb_record_feed_frames_total{venue="okx"} 6',
        'extrema_nb_record_feed_gaps_total{venue="binance-usdm"} 2',
        'extrema_nb_record_feed_connected{venue="okx"} 0',
        'extrema_nb_record_feed_lag_seconds{venue="binance-usdm"} 0.0015',
        'extrema_nb_record_clock_offset_seconds{venue="binance-usdm"} -0.00025',
        "extrema_nb_record_upkeep_joined_total 4",
    ],
)
def test_the_figures_are_those_of_the_report(line):
    assert line in render(REPORT).splitlines()


def test_a_clock_that_is_not_known_has_no_line():
    assert 'clock_offset_seconds{venue="okx"}' not in render(REPORT)
    assert "extrema_nb_record_rows_total 0" in render({})


def test_they_are_served_over_http():
    async def main():
        async with MetricsServer("0", lambda: REPORT) as server:
            assert server.host == "127.0.0.1"
            async with aiohttp.ClientSession() as client:
                url = f"http://127.0.0.1:{server.port}"
                async with client.get(f"{url}/metrics") as answer:
                    text, kind = await answer.text(), answer.headers["Content-Type"]
                async with client.get(f"{url}/other") as answer:
                    return text, kind, answer.status

    text, kind, other = asyncio.run(main())
    assert (text, other) == (render(REPORT), 404)
    assert kind.startswith("text/plain; version=0.0.4")


def test_a_port_that_is_taken_is_said():
    async def main(port):
        async with MetricsServer(str(port), dict):
            pass

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match="metrics cannot be served at 127"):
            asyncio.run(main(taken.getsockname()[1]))


@pytest.mark.parametrize(
    ("text", "found"),
    [("9464", ("127.0.0.1", 9464)), ("0.0.0.0:1", ("0.0.0.0", 1)), ("[::1]:9", ("::1", 9))],  # noqa: S104
)
def test_addresses(text, found):
    assert parse_address(text) == found


@pytest.mark.parametrize("text", ["", "x", "host:", "1:70000", "127.0.0.1"])
def test_what_is_no_address_is_said(text):
    with pytest.raises(ConfigError, match="no address for metrics"):
        parse_address(text)
