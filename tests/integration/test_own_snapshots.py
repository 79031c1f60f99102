"""A recording with snapshots of its own replays as one without, and can be entered anywhere."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from extrema_nb.events import LOB_LEVEL, EventKind, Flag, empty_events
from recorders.parquet import ParquetRecorder
from recorders.recorder import record
from recorders.settings import RecordSettings
from replay.local_venue.server import VenueServer
from replay.local_venue.simulate import SimulatedMarket
from replay.sources import CaptureSource, ParquetSource


def rows_of(path, **options):
    own = options.pop("own", False)
    source = ParquetSource(path, **options)
    source.own_snapshots = own
    return np.concatenate([empty_events(0), *source.batches()])


def book_of(rows):
    """Return levels by side and price, as plainly as can be."""
    levels = {}
    for row in rows[rows["kind"] == EventKind.LOB].view(LOB_LEVEL):
        if row.flags & Flag.START:
            levels.clear()
        levels[int(row.side), float(row.price)] = float(row.qty)
    return {level: qty for level, qty in levels.items() if qty > 0 and level[0]}


def check(plain, marked, inst):
    """Compare a recording with one that has snapshots of its own, all through and from within."""
    wanted, got = rows_of(plain), rows_of(marked)
    assert got.tobytes() == wanted.tobytes()
    every = rows_of(marked, own=True)
    own = (every["flags"] & (Flag.SNAPSHOT | Flag.SYNTHETIC)) == Flag.SNAPSHOT | Flag.SYNTHETIC
    assert every[~own].tobytes() == wanted.tobytes()
    starts = np.flatnonzero(own & (every["flags"] & Flag.START != 0) & (every["inst"] == inst))
    assert starts.size >= 3
    mine = wanted[wanted["inst"] == inst]
    for at in (starts[0], starts[len(starts) // 2]):
        late = rows_of(marked, start=int(every["ts_recv"][at]))
        assert len(late) < len(wanted)
        assert book_of(late[late["inst"] == inst]) == book_of(mine)


def rewrite(rows, table, out, **options):
    recorder = ParquetRecorder(out, table, wait=True, flush_s=60.0, **options)
    ends = np.flatnonzero(rows["flags"] & Flag.LAST)[::100] + 1  # whole messages
    for part in np.split(rows, ends):
        recorder.write(part)
        recorder.flush()
    recorder.close()


@pytest.mark.slow
def test_of_a_simulated_market(tmp_path):
    async def main():
        async with VenueServer(SimulatedMarket(seed=3)) as venue:
            there = RecordSettings(
                out=str(tmp_path / "marked"), rest=venue.rest_url, ws=venue.ws_url,
                instruments=["BTC_USDT_PERP", "ETH_USDT_PERP"], seconds=2.0, snapshot_s=0.3,
                status_s=0.0, clock_s=0.0,
            )  # fmt: skip
            return await record(there, asyncio.Event())

    assert asyncio.run(main())["recorder"]["snapshots"] >= 6
    source = ParquetSource(tmp_path / "marked")
    rewrite(rows_of(tmp_path / "marked"), source.instruments, tmp_path / "plain")
    check(tmp_path / "plain", tmp_path / "marked", 0)


@pytest.mark.slow
def test_of_a_captured_day(tmp_path, shared_data):
    source = CaptureSource([shared_data / "binance_usdm" / "capture" / "btcusdt_20240808.gz"])
    rows, total = [], 0
    for batch in source.batches():
        rows.append(batch.copy())
        total += len(batch)
        if total > 60_000:
            break
    events = np.concatenate(rows)
    last = int(np.flatnonzero(events["flags"] & Flag.LAST)[-1])
    events = events[: last + 1]
    rewrite(events, source.instruments, tmp_path / "plain")
    rewrite(events, source.instruments, tmp_path / "marked", snapshot_s=2.0)
    check(tmp_path / "plain", tmp_path / "marked", 0)
