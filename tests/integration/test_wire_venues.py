"""Every venue over real sockets: what is recorded from the local venue is what `convert` gives.

The public side of each venue is served from its captures, as fast as the recorder takes it.
"""

from __future__ import annotations

import asyncio
import gzip
import itertools
import math
from typing import NamedTuple

import numpy as np
import pytest

from extrema_nb import cli, venues
from extrema_nb.events import EventKind
from recorders.recorder import RecordSettings, record
from replay.local_venue.public.server import PublicVenue
from replay.sources import open_source

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
        await asyncio.sleep(1.0)  # until the last frame has crossed the socket
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


def test_every_venue_is_listed_here():
    assert {case.venue for case in CASES} == set(venues.known())
