"""The whole recorder against a local venue over real sockets."""

from __future__ import annotations

import asyncio
import socket

import numpy as np
import pytest

from extrema_nb.errors import ConfigError, VenueError
from extrema_nb.events import FUNDING, STATUS, EventKind, Flag, StatusCode
from extrema_nb.store import check_recording, list_parts, read_info
from recorders import recorder
from recorders.backlog import Backlog
from recorders.metrics import render
from recorders.recorder import record
from recorders.settings import RecordSettings
from recorders.upkeep import Outcome
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


def same(left, right):
    """Compare rows, and show the first that differ rather than their bytes."""
    n = min(len(left), len(right))
    words = left[:n].view(np.int64).reshape(n, 8) != right[:n].view(np.int64).reshape(n, 8)
    for i in np.flatnonzero(words.any(axis=1))[:1]:
        pytest.fail(
            f"row {i} of {len(left)} and {len(right)}: {left[i - 1 : i + 2]} {right[i - 1 : i + 2]}"
        )
    assert len(left) == len(right)


def rows_of(source):
    return np.concatenate(list(source.batches()))


@pytest.mark.slow
def test_a_recording_is_whole_and_its_frames_give_the_same_rows(tmp_path):
    told, stop = [], asyncio.Event()

    def tell(report):
        told.append(report)
        if report["rows"] > 500 and report["feed"]["resyncs"] == 2:  # both books, however slowly
            stop.set()

    async def work(venue):
        return await record(settings(venue, tmp_path, raw=True), stop, tell=tell)

    report = with_venue(work)
    assert (report["lost"], report["gaps"], report["decode_errors"]) == (0, 0, 0)
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
    same(raw[np.isin(raw["kind"], market)], got)


def test_open_interest_that_is_not_pushed_is_polled_into_the_recording(tmp_path):
    async def work(venue):
        stop = asyncio.Event()

        def tell(report):
            if report["feed"]["polls"] >= 4:
                stop.set()

        wanted = settings(venue, tmp_path, channels=["open_interest"], poll_s=0.05)
        return await record(wanted, stop, tell=tell)

    report = with_venue(work)
    assert report["feed"]["poll_errors"] == report["frames"] == 0
    rows = rows_of(ParquetSource(tmp_path, kinds=[EventKind.FUNDING])).view(FUNDING)
    assert len(rows) == report["feed"]["polls"] >= 4
    assert set(rows["open_interest"]) == {0.0}  # nobody holds anything there
    assert set(rows["inst"]) == {0, 1}
    assert set(rows["flags"]) == {Flag.LAST | Flag.POLLED}


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
        await record(settings(venue, tmp_path, flush_s=0.05, give_up_s=0.1), asyncio.Event())

    with pytest.raises(OSError, match="cannot record any more") as caught:
        with_venue(work)
    assert caught.value.errno == 28


def test_an_instrument_that_the_venue_does_not_know_suggests_the_nearest(tmp_path):
    async def work(venue):
        await record(settings(venue, tmp_path, instruments=["BTC_USDT_PREP"]), asyncio.Event())

    with pytest.raises(ConfigError, match=r"unknown instrument 'BTC_USDT_PREP'.*did you mean"):
        with_venue(work)
    assert not list(tmp_path.iterdir())


def every_row(path):
    source = ParquetSource(path)
    source.own_snapshots = True
    return rows_of(source)


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
        ({"channels": ["trades"]}, r"unknown channel 'trades'.*did you mean 'trade'"),
        ({"venue": "binance"}, "unknown venue 'binance'"),
        ({"metrics": "x"}, "no address for metrics"),
        ({"client": "curl", "rest": "http://127.0.0.1:9", "ws": "ws://127.0.0.1:9"}, "curl"),
    ],
)
def test_settings_that_make_no_sense_are_said(tmp_path, change, said):
    given = {"out": str(tmp_path / "rec"), "instruments": ["BTC_USDT_PERP"], **change}
    with pytest.raises((ConfigError, VenueError), match=said):
        asyncio.run(record(RecordSettings(connect_timeout_s=0.01, **given), asyncio.Event()))


def test_a_recording_that_goes_on_says_where_the_earlier_one_ended(tmp_path):
    async def once(venue):
        stop = asyncio.Event()

        def tell(report):
            if report["rows"] > 50:
                stop.set()

        return await record(settings(venue, tmp_path), stop, tell=tell)

    async def work(venue):
        return [await once(venue), await once(venue)]

    first, second = with_venue(work)
    rows = every_row(tmp_path)
    assert len(rows) == first["rows"] + second["rows"]
    status = rows[rows["kind"] == EventKind.STATUS].view(STATUS)
    (gap,) = status[status["code"] == StatusCode.LAGGED]
    assert (gap["count"], gap["expected"]) == (-1, rows["ts_recv"][first["rows"] - 1])
    assert gap["found"] <= rows["ts_recv"][first["rows"] + 1]


def test_lag_clock_and_books_are_rows_metrics_and_metadata(tmp_path):
    texts = []

    async def work(venue):
        stop = asyncio.Event()

        def tell(report):
            texts.append(render(report))
            known = report["venues"]["binance-usdm"]["clock_offset_us"] is not None
            if known and report["seconds"] > 1.0 and report["recorder"]["snapshots"] > 2:
                stop.set()

        there = settings(venue, tmp_path, snapshot_s=0.2, status_s=0.2, clock_s=0.2, metrics="0")
        return await record(there, stop, tell=tell)

    report = with_venue(work)
    rows = every_row(tmp_path)
    assert len(rows) == report["rows"]
    status = rows[rows["kind"] == EventKind.STATUS].view(STATUS)
    for code in (StatusCode.LAG, StatusCode.CLOCK):
        assert (status["code"] == code).sum() > 0
        assert set(status["task"][status["code"] == code]) == {1}
    offsets = status["found"][status["code"] == StatusCode.CLOCK]
    assert (abs(offsets) < 1_000_000).all()  # the venue runs on the same machine
    own = rows[(rows["kind"] == EventKind.LOB) & (rows["flags"] & Flag.SYNTHETIC != 0)]
    assert ((own["flags"] & Flag.START) != 0).sum() == report["recorder"]["snapshots"] > 0
    info = read_info(list_parts(tmp_path)[0].path)
    assert info.clock_offset_us in range(int(offsets.min()), int(offsets.max()) + 1)
    assert 'extrema_nb_record_feed_connected{venue="binance-usdm"} 1' in texts[-1]
    assert check_recording(tmp_path).problems == []


def test_rows_that_were_lost_make_every_book_begin_anew(tmp_path, monkeypatch):
    """What is recorded after a hole must not be a change to a book that missed changes."""

    async def work(venue):
        stop, seen = asyncio.Event(), []

        def tell(report):
            seen.append(report)
            if report["feed"]["resyncs"] >= 2:
                stop.set()

        put = Backlog.put

        def full(self, rows):
            if len(seen) == 2 and not self.lost:
                self._lose(rows)
                return False
            return put(self, rows)

        monkeypatch.setattr(Backlog, "put", full)
        there = settings(venue, tmp_path, instruments=["BTC_USDT_PERP"])
        return await record(there, stop, tell=tell)

    report = with_venue(work)
    assert report["lost"] > 0
    rows = every_row(tmp_path)
    status = rows[rows["kind"] == EventKind.STATUS].view(STATUS)
    codes = status["code"].tolist()
    after = codes[codes.index(StatusCode.LAGGED) :]
    assert after.index(StatusCode.STALE) < after.index(StatusCode.RESYNCED)
    assert int(status["count"][codes.index(StatusCode.LAGGED)]) == report["lost"]


def test_full_logs_are_rolled_by_another_process(tmp_path):
    async def work(venue):
        stop = asyncio.Event()

        def tell(report):
            if report["recorder"]["parts"] > 0:
                stop.set()

        there = settings(venue, tmp_path, rotate_s=0.2, join_at=2)
        return await record(there, stop, tell=tell)

    report = with_venue(work)
    assert report["recorder"]["rolled"] == report["rows"]
    assert report["upkeep"]["troubles"] == 0
    found = check_recording(tmp_path)
    assert (found.problems, found.rows) == ([], report["rows"])


def test_a_process_that_rolls_and_fails_costs_no_row(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "start", lambda _job: Outcome(error="No space left", errno=28))

    async def work(venue):
        return await record(settings(venue, tmp_path, rotate_s=0.1, seconds=0.6), asyncio.Event())

    report = with_venue(work)
    assert report["lost"] == 0
    assert check_recording(tmp_path).rows == report["rows"]
