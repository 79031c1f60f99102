"""Every venue over real sockets: what is recorded from the local venue is what `convert` gives.

The public side of each venue is served from its captures, as fast as the recorder takes it.
"""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import math
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest

from extrema_nb import cli, venues
from extrema_nb.channels import Endpoints, Subscription, parse_channel
from extrema_nb.clock import SystemClock
from extrema_nb.events import LOB_LEVEL, EventKind, Flag, StatusCode
from extrema_nb.feeds.history import load_instruments
from extrema_nb.feeds.market import MarketFeed, make_http
from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.instruments import InstrumentTable
from recorders.recorder import RecordSettings, record
from replay.local_venue.public.faults import Order
from replay.local_venue.public.server import PublicVenue
from replay.sources import open_source
from tests.integration.test_wire import written
from tests.patience import PATIENCE_S, at_rest

LIMIT_S = 100
LINES = 15_000  # of a long capture


class Case(NamedTuple):
    """One capture of a venue, and the channels in it."""

    venue: str
    capture: str
    channels: tuple[str, ...]
    kinds: tuple[EventKind, ...] = (EventKind.TRADE, EventKind.LOB)
    settle_s: float = 0.6  # more where subscribe frames are paced for longer than a second
    counted: bool = False  # by connection: the venue of the test counts anew


WITH_QUOTES = (EventKind.TRADE, EventKind.LOB, EventKind.BBO)
ALL = (*WITH_QUOTES, EventKind.CANDLE)
CASES = (
    Case(
        "binance-spot", "binance_spot/capture_cryptofeed/20210417",
        ("book@100ms", "agg_trade", "bbo", "candle_1m"), ALL,
    ),
    Case("binance-spot", "binance_spot/capture/nexousdt_20240723.dat.gz",
         ("book@100ms", "trade", "bbo"), WITH_QUOTES),
    Case("binance-cm", "binance_cm/capture/btcusd_perp_20240808.gz",
         ("book", "trade", "bbo"), WITH_QUOTES),
    Case(
        "binance-cm", "binance_cm/capture_cryptofeed/20210721",
        ("book@100ms", "agg_trade", "bbo", "candle_1m"), ALL,
    ),
    Case("gate-spot", "gate_spot/capture_cryptofeed/20210422",
         ("book@100ms", "trade", "candle_1m"), (*WITH_QUOTES[:2], EventKind.CANDLE)),
    Case(
        "gate-futures",
        "gate_futures/capture_cryptofeed/20230524",
        ("book@100ms", "bbo", "candle_1m"),
        (EventKind.LOB, EventKind.BBO, EventKind.CANDLE),
    ),
    Case("coinbase", "coinbase/capture_cryptofeed/20210417", ("book", "trade", "bbo"), WITH_QUOTES),
    Case(
        "dydx", "dydx_v3/capture_cryptofeed/20211028/DYDX.ws.1.0.txt.gz", ("book", "trade"),
        settle_s=1.6, counted=True,
    ),
    Case("okx", "okx/capture_cryptofeed/20220513", ("book", "agg_trade")),
    Case("hyperliquid", "hyperliquid/capture/btcusd_20250126.gz", ("book20", "trade")),
    Case(
        "binance-usdm", "binance_usdm/capture/ethusdt_20240718.gz", ("book", "trade", "bbo"),
        WITH_QUOTES,
    ),
)  # fmt: skip


def beginning(path, folder):
    """Return a capture, a long file cut to its first lines."""
    if path.is_dir():
        return path
    out = folder / path.name
    with gzip.open(path) as lines:
        out.write_bytes(gzip.compress(b"".join(itertools.islice(lines, LINES)), 1))
    return out


async def recorded(case, capture, names, out):
    """Serve a capture and record it; return the recorder's report and the venue."""
    async with (
        PublicVenue(case.venue, [capture], speed=math.inf, settle_s=case.settle_s) as venue,
        asyncio.timeout(LIMIT_S),
    ):
        settings = RecordSettings(
            out=str(out), instruments=names, venue=case.venue, channels=list(case.channels),
            rest=venue.rest_url, ws=venue.ws_url,
        )  # fmt: skip
        stop = asyncio.Event()
        recording = asyncio.ensure_future(record(settings, stop))
        playing = asyncio.ensure_future(venue.finished.wait())
        await asyncio.wait({recording, playing}, return_when=asyncio.FIRST_COMPLETED)
        assert venue.failure() is None
        await at_rest(lambda: written(out), 1.0)  # the last frame has crossed the socket
        stop.set()
        return await recording, venue


def rows_of(path, kind):
    """Return instrument name -> its rows of a kind, without our clock and our number for it.

    Where the venue gives no time, ``ts_event`` is our clock, too.
    """
    source = open_source(str(path), kinds=[kind])
    rows = np.concatenate([*source.batches()])
    rows["ts_event"] = np.where(rows["ts_event"] == rows["ts_recv"], 0, rows["ts_event"])
    rows["ts_recv"] = 0
    out = {}
    for number, instrument in enumerate(source.instruments):
        mine = rows[rows["inst"] == number]
        mine["inst"] = 0
        if len(mine):
            out[instrument.name] = mine
    return out


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.venue}-{case.capture[-12:]}")
def test_what_is_recorded_from_the_wire_is_what_convert_gives(case, shared_data, tmp_path):
    source = shared_data / case.capture
    if not source.exists():
        pytest.skip(f"needs {case.capture} in the captured data")
    capture = beginning(source, tmp_path)
    converted, out = tmp_path / "converted", tmp_path / "recorded"
    assert cli.main(["convert", str(capture), "--venue", case.venue, "--out", str(converted)]) == 0
    names = [instrument.name for instrument in open_source(str(converted)).instruments]
    report, venue = asyncio.run(recorded(case, capture, names, out))
    feed = report["feed"]
    assert (feed["gaps"], feed["decode_errors"], feed["venue_errors"], report["lost"]) == (0,) * 4
    assert venue.hub.sent > 50
    for kind in case.kinds:
        file, live = rows_of(converted, kind), rows_of(out, kind)
        assert file
        assert live.keys() == file.keys(), kind.name
        for name, rows in file.items():
            if case.counted and kind is EventKind.LOB:
                for numbers in ("w2", "w3", "w4"):
                    rows[numbers] = live[name][numbers] = 0
            assert live[name].tobytes() == rows.tobytes(), f"{name} {kind.name}"


class Mending(NamedTuple):
    """A venue, where its book is, and how much faster than captured it is played."""

    venue: str
    captures: tuple[str, ...]
    channel: str
    match: str  # in the names of its book streams
    speed: float


# without dYdX, which waits ten seconds for late answers, and Coinbase, whose captures have no numbers
MENDED = (
    Mending("okx", ("okx/capture_cryptofeed/20220513",), "book", "books:", 4),
    Mending(
        "binance-spot", ("binance_spot/capture/nexousdt_20240723.dat.gz",), "book@100ms", "@depth",
        20,
    ),
    Mending("binance-cm", ("binance_cm/capture/btcusd_perp_20240808.gz",), "book", "@depth", 40),
    Mending(
        "binance-usdm", ("binance_usdm/capture/ethusdt_20240718.gz",), "book", "@depth", 40
    ),
)  # fmt: skip


class Books:
    """Books as the rows tell them, the slow obvious way."""

    def __init__(self):
        self.sides = {}
        self.codes = []
        self.rows = 0

    def __call__(self, rows):
        self.rows += len(rows)
        for row in rows:
            if row["kind"] == EventKind.STATUS:
                self.codes.append(StatusCode(int(row["w0"])))
            if row["kind"] != EventKind.LOB:
                continue
            level = row.view(LOB_LEVEL)
            inst = int(level["inst"])
            if int(level["flags"]) & Flag.START or inst not in self.sides:
                self.sides[inst] = {1: {}, -1: {}, 0: {}}
            side = self.sides[inst][int(level["side"])]
            if float(level["qty"]):
                side[float(level["price"])] = float(level["qty"])
            else:
                side.pop(float(level["price"]), None)

    def top(self, inst, count=5):
        bids, asks = self.sides[inst][1], self.sides[inst][-1]
        return (
            [(p, bids[p]) for p in sorted(bids, reverse=True)[:count]],
            [(p, asks[p]) for p in sorted(asks)[:count]],
        )


async def mended(case, paths, orders):
    """Feed from a venue that misbehaves in mid-stream; return books, feed and the venue."""
    async with (
        PublicVenue(case.venue, paths, speed=case.speed, settle_s=0.6) as venue,
        asyncio.timeout(LIMIT_S),
    ):
        of = venues.load(case.venue)
        endpoints = Endpoints(venue.rest_url, venue.ws_url)
        http, table = make_http(of, endpoints), InstrumentTable()
        await load_instruments(of, http, table)
        await http.close()
        inst = table.get_symbol(case.venue, venue.symbols[0])
        books = Books()
        feed = MarketFeed(
            of, table, [Subscription(inst, parse_channel(case.channel))],
            publish=books, clock=SystemClock(), endpoints=endpoints,
            settings=FeedSettings(resync_grace_s=0.3, resync_retry_s=0.2),
        )  # fmt: skip
        stop = asyncio.Event()
        task = asyncio.ensure_future(feed.run(stop))
        while feed.stats.resyncs == 0 or venue.hub.sent < 25:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        venue.order(orders)
        ended = asyncio.ensure_future(venue.finished.wait())
        enough = asyncio.ensure_future(asyncio.sleep(4.0))
        await asyncio.wait({ended, enough}, return_when=asyncio.FIRST_COMPLETED)
        await venue.halt()
        await at_rest(lambda: books.rows, 0.5)
        stop.set()
        await task
        enough.cancel()
        assert venue.failure() is None
        return books, inst, feed, venue


@pytest.mark.slow
@pytest.mark.parametrize("case", MENDED, ids=lambda case: case.venue)
def test_a_book_that_lost_a_message_is_mended_and_is_the_venues_book(case, shared_data):
    paths = [shared_data / path for path in case.captures]
    if not all(path.exists() for path in paths):
        pytest.skip(f"needs {case.captures} in the captured data")
    books, inst, feed, venue = asyncio.run(mended(case, paths, Order(drop=1, match=case.match)))
    assert StatusCode.GAP in books.codes or StatusCode.STALE in books.codes
    assert feed.stats.resyncs >= 2
    assert venue.faults.harmed >= 1
    theirs = venue.player.book(venue.symbols[0]).top(5)
    mine = books.top(inst)
    assert [[(float(p), float(q)) for p, q in side] for side in theirs] == [*map(list, mine)]


COMMAND = [sys.executable, "-c", "import sys; from extrema_nb.cli import main; sys.exit(main())"]


@pytest.mark.slow
def test_the_commands_do_the_same_in_processes_of_their_own(shared_data, tmp_path, project_root):
    capture = shared_data / "okx/capture_cryptofeed/20220513"
    if not capture.is_dir():
        pytest.skip("needs the captures of OKX")
    serving = subprocess.Popen(
        [*COMMAND, "venue", "--venue", "okx", "--capture", str(capture), "--speed", "max",
         "--port", "0", "--json", "--exit-at-end"],
        cwd=project_root, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        ready = json.loads(serving.stdout.readline())
        assert ready["venue"] == "okx"
        done = subprocess.run(
            [*COMMAND, "record", "--venue", "okx", "--rest", ready["rest_url"], "--ws",
             ready["ws_url"], "--instruments", "BTC_USDT", "--channels", "book,agg_trade",
             "--seconds", "5", "--out", str(tmp_path / "recorded"), "--client", "websockets",
             "--json"],
            cwd=project_root, capture_output=True, text=True, timeout=PATIENCE_S, check=True,
        )  # fmt: skip
    finally:
        serving.kill()
        serving.communicate(timeout=PATIENCE_S)
    assert json.loads(done.stdout.splitlines()[-1])["gaps"] == 0
    converted = tmp_path / "converted"
    assert cli.main(["convert", str(capture), "--venue", "okx", "--out", str(converted)]) == 0
    for kind in (EventKind.TRADE, EventKind.LOB):
        live, file = (rows_of(tmp_path / name, kind) for name in ("recorded", "converted"))
        assert live["BTC_USDT"].tobytes() == file["BTC_USDT"].tobytes()


def test_every_venue_is_listed_here():
    assert {case.venue for case in CASES} == set(venues.known())
