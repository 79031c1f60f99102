"""A captured day over real sockets is the captured file: venue and recorder against convert."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

from extrema_nb import cli
from extrema_nb.events import BBO, BUY, LOB_LEVEL, TRADE, EventKind, Flag
from recorders.recorder import record
from recorders.settings import RecordSettings
from replay.local_venue.capture_feed import CapturedMarket
from replay.local_venue.server import VenueServer
from replay.sources import open_source
from tests.patience import at_rest

LINES = 20_000  # of the capture; a minute and a half of its market
LIMIT_S = 120
NAME = "BTC_USDT_PERP"


@pytest.fixture(scope="module")
def capture(shared_data, tmp_path_factory):
    """The beginning of a real capture."""
    path = tmp_path_factory.mktemp("capture") / "btcusdt_20240808.gz"
    with gzip.open(shared_data / "binance_usdm/capture/btcusdt_20240808.gz") as lines:
        path.write_bytes(gzip.compress(b"".join(itertools.islice(lines, LINES)), 1))
    return path


@pytest.fixture(scope="module")
def converted(capture, tmp_path_factory):
    """The capture as a recording, by the command."""
    out = tmp_path_factory.mktemp("converted") / "rec"
    assert cli.main(["convert", str(capture), "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def recorded(capture, tmp_path_factory):
    """The same, sent by the local venue as fast as it goes and recorded from its sockets."""
    out = tmp_path_factory.mktemp("recorded") / "rec"

    async def main():
        market = CapturedMarket([capture], speed=math.inf)
        async with VenueServer(market) as venue, asyncio.timeout(LIMIT_S):
            settings = RecordSettings(
                out=str(out), instruments=[NAME], rest=venue.rest_url, ws=venue.ws_url
            )
            stop = asyncio.Event()
            recording = asyncio.create_task(record(settings, stop))
            await venue.finished.wait()
            await at_rest(lambda: written(out), 1.5)
            stop.set()
            return await recording

    return out, asyncio.run(main())


def written(out: Path) -> int:
    """Return how many bytes lie in a folder."""
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def load(path, *kinds):
    parts = list(open_source(path, kinds=kinds or None).batches())
    return np.concatenate(parts)


def fields(events, view):
    """Return every column but our clock's, each as its bits."""
    typed = events.view(view)
    columns = [np.ascontiguousarray(typed[name]) for name in view.names if name != "ts_recv"]
    return np.rec.fromarrays([c.view(f"u{c.itemsize}") for c in columns])


@pytest.mark.slow
def test_convert_and_inspect_say_what_the_capture_holds(converted, capsys):
    assert cli.main(["inspect", str(converted), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"trade", "lob", "bbo"} <= set(told["rows_by_kind"])
    assert (told["gaps"], told["crossed"], told["duplicates"], told["out_of_order"]) == (0,) * 4
    assert "the venue's clock is ahead by 1.27" in told["clock"]["said"]


@pytest.mark.slow
def test_nothing_is_lost_on_the_way(recorded, capsys):
    out, report = recorded
    assert (report["gaps"], report["lost"], report["decode_errors"]) == (0, 0, 0)
    assert cli.main(["inspect", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["gaps"], told["crossed"], told["out_of_order"]) == (0, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "view"), [(EventKind.TRADE, TRADE), (EventKind.BBO, BBO)])
def test_trades_and_quotes_are_the_same_rows_in_the_same_order(recorded, converted, kind, view):
    live, file = (fields(load(path, kind), view) for path in (recorded[0], converted))
    assert len(file) > 1_000
    np.testing.assert_array_equal(live, file)


def messages(events):
    """Yield (last update id, whether it is a snapshot, rows) of each book message."""
    ends = np.flatnonzero(events["flags"] & Flag.LAST)
    start = 0
    for end in ends.tolist():
        rows = events[start : end + 1]
        start = end + 1
        yield int(rows.view(LOB_LEVEL)["seq"][-1]), bool(rows["flags"][0] & Flag.SNAPSHOT), rows


def books_after(events):
    """Return update id -> digest of the whole book after that message, from the first snapshot."""
    sides = {BUY: {}, -BUY: {}}
    found, synced = {}, False
    for seq, snapshot, rows in messages(events):
        if snapshot:
            sides[BUY].clear()
            sides[-BUY].clear()
            synced = True
        for level in rows.view(LOB_LEVEL):
            side = sides.get(int(level["side"]))
            if side is None:
                continue
            if level["qty"] == 0:
                side.pop(float(level["price"]), None)
            else:
                side[float(level["price"])] = float(level["qty"])
        if synced:
            found[seq] = hash((frozenset(sides[BUY].items()), frozenset(sides[-BUY].items())))
    return found


@pytest.mark.slow
def test_book_rows_are_the_same_and_so_is_the_book_after_each_message(recorded, converted):
    live, file = (load(path, EventKind.LOB) for path in (recorded[0], converted))
    diffs = [
        {seq: rows for seq, snapshot, rows in messages(events) if not snapshot}
        for events in (live, file)
    ]
    shared = sorted(diffs[0].keys() & diffs[1].keys())
    # what differs is where the snapshot is spliced in: at the start, and nowhere else
    assert len(shared) > 1_000
    for mine in diffs:
        assert all(seq < shared[0] for seq in mine.keys() - set(shared))
    for seq in shared:
        one, other = (fields(side[seq], LOB_LEVEL) for side in diffs)
        np.testing.assert_array_equal(one, other)
    after_live, after_file = books_after(live), books_after(file)
    both = after_live.keys() & after_file.keys()
    assert len(both) >= len(shared)
    assert [s for s in sorted(both) if after_live[s] != after_file[s]] == []
