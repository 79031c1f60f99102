"""The whole recorder against a local venue over real sockets."""

from __future__ import annotations

import asyncio
import socket

import numpy as np
import pytest

from extrema_nb.errors import ConfigError, VenueError
from extrema_nb.events import EventKind
from recorders import recorder
from recorders.recorder import RecordSettings, fetch_instruments, record
from replay.inspect import inspect_path
from replay.local_venue.server import VenueServer
from replay.local_venue.simulate import SimulatedMarket
from replay.sources import CaptureSource, ParquetSource


def settings(venue, out, **options):
    options.setdefault("instruments", ["BTC_USDT_PERP", "ETHUSDT"])
    options.setdefault("progress_s", 0.1)
    return RecordSettings(out=str(out), rest=venue.rest_url, ws=venue.ws_url, **options)


def with_venue(work, **options):
    async def main():
        async with VenueServer(SimulatedMarket(seed=3), **options) as venue:
            return await work(venue)

    return asyncio.run(main())


def rows_of(source):
    return np.concatenate(list(source.batches()))


@pytest.mark.slow
def test_a_recording_is_whole_and_its_frames_give_the_same_rows(tmp_path):
    told = []

    async def work(venue):
        return await record(
            settings(venue, tmp_path, seconds=2.0, raw=True), asyncio.Event(), tell=told.append
        )

    report = with_venue(work)
    assert (report["lost"], report["gaps"], report["decode_errors"]) == (0, 0, 0)
    assert report["rows"] > 100
    assert told[-1]["rows"] <= report["rows"]
    look = inspect_path(tmp_path)
    assert (look["rows"], look["gaps"], look["crossed"]) == (report["rows"], 0, 0)
    assert set(look["rows_by_instrument"]) == {"_", "BTC_USDT_PERP", "ETH_USDT_PERP"}
    live = ParquetSource(tmp_path)
    files = sorted(tmp_path.glob("raw/venue=binance-usdm/raw-*.gz"))
    raw = rows_of(CaptureSource(files, table=live.instruments))
    market = [EventKind.TRADE, EventKind.BBO, EventKind.LOB]
    got = rows_of(live)
    got = got[np.isin(got["kind"], market)]
    assert raw[np.isin(raw["kind"], market)].tobytes() == got.tobytes()


def test_it_stops_when_it_is_told_to_and_continues_in_the_same_folder(tmp_path):
    async def work(venue):
        reports = []
        for _ in range(2):
            stop = asyncio.Event()

            def tell(report, stop=stop):
                if report["rows"] > 20:
                    stop.set()

            reports.append(await record(settings(venue, tmp_path), stop, tell=tell))
        return reports

    first, second = with_venue(work)
    assert second["recorder"]["first_arrival"] == first["rows"]
    assert inspect_path(tmp_path)["rows"] == first["rows"] + second["rows"]


def test_a_disk_that_refuses_ends_the_recording(tmp_path, monkeypatch):
    def refuse(_self, _rows):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("extrema_nb.store.log.LogWriter.write", refuse)

    async def work(venue):
        await record(settings(venue, tmp_path, flush_s=0.05), asyncio.Event())

    with pytest.raises(OSError, match="cannot record any more") as caught:
        with_venue(work)
    assert caught.value.errno == 28


def test_an_instrument_that_the_venue_does_not_know_suggests_the_nearest(tmp_path):
    async def work(venue):
        await record(settings(venue, tmp_path, instruments=["BTC_USDT_PREP"]), asyncio.Event())

    with pytest.raises(ConfigError, match=r"unknown instrument 'BTC_USDT_PREP'.*did you mean"):
        with_venue(work)
    assert not list(tmp_path.iterdir())


def test_only_the_named_instruments_are_taken_in_their_order():
    async def work(venue):
        binance = recorder.load("binance-usdm")
        endpoints = settings(venue, "x").endpoints(binance)
        return await fetch_instruments(binance, endpoints, ["ETH_USDT_PERP", "BTCUSDT"])

    table = with_venue(work)
    assert [spec.name for spec in table] == ["ETH_USDT_PERP", "BTC_USDT_PERP"]
    assert table[0].tick_size == 0.01


def nowhere(out, **options):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    return RecordSettings(
        out=str(out), instruments=["BTC_USDT_PERP"], rest=f"http://127.0.0.1:{port}",
        ws=f"ws://127.0.0.1:{port}", **options,
    )  # fmt: skip


def test_a_venue_that_cannot_be_reached_is_said_after_the_time_out(tmp_path):
    with pytest.raises(VenueError, match=r"cannot connect to http://127.*gave up after 0.01 s"):
        asyncio.run(record(nowhere(tmp_path, connect_timeout_s=0.01), asyncio.Event()))


def test_without_a_time_out_it_tries_until_it_is_stopped(tmp_path):
    async def main():
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.2, stop.set)
        return await record(nowhere(tmp_path), stop)

    assert asyncio.run(main())["rows"] == 0


def test_a_stream_that_never_comes_is_said_after_the_time_out(tmp_path):
    async def work(venue):
        there = settings(venue, tmp_path, connect_timeout_s=0.3)
        there.ws = nowhere(tmp_path).ws
        await record(there, asyncio.Event())

    with pytest.raises(VenueError, match=r"nothing came from ws://127\.0\.0\.1"):
        with_venue(work)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"instruments": []}, "no instruments to record"),
        ({"channels": []}, "no channels to record"),
        ({"channels": ["trades"]}, r"unknown channel 'trades'.*did you mean 'trade'"),
        ({"rest": "http://x", "ws": ""}, "both addresses"),
        ({"flush_s": 0.0}, "flush_s is 0.0, expected more than 0"),
        ({"seconds": -1.0}, "seconds is -1.0, expected 0"),
        ({"venue": "binance"}, "unknown venue 'binance'"),
    ],
)
def test_settings_that_make_no_sense_are_said(tmp_path, change, said):
    given = {"out": str(tmp_path), "instruments": ["BTC_USDT_PERP"], **change}
    with pytest.raises(ConfigError, match=said):
        asyncio.run(record(RecordSettings(**given), asyncio.Event()))
