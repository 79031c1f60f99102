"""npz of hftbacktest: either side reads its own rows in its own order; snapshots and clears."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import LOB_LEVEL, EventKind, Flag
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.testing import bbo, row, rows, trade
from replay.sources import CaptureSource, open_source
from replay.sources.formats import hftbacktest as hft
from replay.writers import open_writer
from replay.writers.npz import both_orders
from tests.replay.sources.captures import SYNCED, write
from tests.replay.writers.given import Given

T = 1_700_000_000_000_000
DAY = 86_400_000_000


def level(side, price, qty, ts, flags=0, lag=10):
    return row(EventKind.LOB, ts, side=side, price=price, qty=qty, flags=flags, ts_event=ts - lag)


def save(tmp_path, *batches):
    writer = open_writer("npz", Given(*batches), tmp_path)
    for batch in batches:
        writer.write(batch)
    told = writer.finish()
    writer.close()
    return told, [np.load(name)["data"] for name in told["files"]]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=30))
def test_either_side_reads_its_rows_in_its_own_order(steps):
    events = np.zeros(len(steps), hft.HFT_EVENT)
    events["local_ts"] = np.cumsum([wait for _, wait in steps])
    events["exch_ts"] = [at for at, _ in steps]
    events["ival"] = np.arange(len(steps))
    out = both_orders(events)
    local = out[(out["ev"] & hft.LOCAL) != 0]
    exch = out[(out["ev"] & hft.EXCH) != 0]
    assert local["ival"].tolist() == list(range(len(steps)))
    by_exch = np.argsort(events["exch_ts"], kind="stable")
    assert exch["ival"].tolist() == by_exch.tolist()
    assert ((out["ev"] & (hft.LOCAL | hft.EXCH)) != 0).all()


def test_rows_become_events(tmp_path):
    start, last = int(Flag.START | Flag.SNAPSHOT), int(Flag.SNAPSHOT | Flag.LAST)
    batch = rows(
        level(1, 99.0, 2.0, T, start), level(-1, 100.0, 3.0, T, last),
        level(1, 99.0, 0.0, T + 1, 1), trade(100.0, 0.5, ts=T + 2), bbo(99.0, 1.0, 100.0, 1.0, ts=T + 3),
    )  # fmt: skip
    batch["inst"] = 0
    told, (data,) = save(tmp_path, batch)
    code, both = data["ev"] & 0xFF, hft.LOCAL | hft.EXCH
    assert code.tolist() == [hft.CLEAR, hft.SNAPSHOT, hft.SNAPSHOT, hft.DEPTH, hft.TRADE]
    assert ((data["ev"] & both) == both).all()
    assert (data["ev"][0] & (hft.BUY | hft.SELL)) == 0
    assert data["px"].tolist() == [0.0, 99.0, 100.0, 99.0, 100.0]
    assert data["local_ts"][-1] == (T + 2) * 1000
    assert told["left_out"] == {"bbo": 1}
    assert told["clock_shift_us"] == 0


def test_a_partial_snapshot_clears_up_to_its_last_levels(tmp_path):
    part = int(Flag.PARTIAL | Flag.SNAPSHOT)
    batch = rows(
        level(1, 99.0, 2.0, T, part | int(Flag.START)), level(1, 98.0, 2.0, T, part),
        level(-1, 100.0, 3.0, T, part), level(-1, 101.0, 3.0, T, part | 1),
    )  # fmt: skip
    batch["inst"] = 0
    _, (data,) = save(tmp_path, batch)
    clears = data[(data["ev"] & 0xFF) == hft.CLEAR]
    assert clears["px"].tolist() == [98.0, 101.0]
    assert (clears["ev"] & hft.BUY != 0).tolist() == [True, False]


def test_a_clock_that_is_ahead_moves_local_times(tmp_path):
    batch = rows(level(1, 99.0, 2.0, T, 1, lag=-5), level(1, 98.0, 2.0, T + 1, 1, lag=-7))
    batch["inst"] = 0
    told, (data,) = save(tmp_path, batch)
    assert told["clock_shift_us"] == 7
    assert (data["local_ts"] >= data["exch_ts"]).all()


def test_days_and_instruments_have_files_of_their_own(tmp_path):
    table = InstrumentTable(
        [Instrument(venue="v", symbol=symbol, name=symbol) for symbol in ("A", "B")]
    )
    batch = rows(trade(1.0, 1.0, ts=T), trade(2.0, 1.0, ts=T + 1), trade(3.0, 1.0, ts=T + DAY))
    batch["inst"] = [0, 1, 0]
    off = rows(trade(9.0, 1.0, ts=T + DAY))
    off["flags"] |= int(Flag.OFF_BOOK)
    writer = open_writer("npz", Given(batch, off, table=table), tmp_path)
    writer.write(batch)
    writer.write(off)
    assert not list(tmp_path.glob("[!.]*"))
    told = writer.finish()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "A_20231114.npz", "A_20231115.npz", "B_20231114.npz",
    ]  # fmt: skip
    assert told["left_out"] == {"off_book": 1}
    assert told["rows"] == 3


@pytest.mark.parametrize("batch_rows", [3, 65_536])
def test_a_capture_written_and_read_again_has_the_same_book(tmp_path, batch_rows):
    source = CaptureSource([write(tmp_path / "x.gz", SYNCED)])
    writer = open_writer("npz", source, tmp_path / "out")
    for batch in source.batches(batch_rows):
        writer.write(batch)
    told = writer.finish()
    back = open_source(told["files"], symbol="BTCUSDT", venue="binance-usdm")
    given_rows, got = (np.concatenate(list(each.batches())) for each in (source, back))
    shift = told["clock_shift_us"]
    lob = [r[r["kind"] == EventKind.LOB].view(LOB_LEVEL) for r in (given_rows, got)]
    assert lob[0]["price"].tolist() == lob[1]["price"].tolist()
    assert lob[0]["qty"].tolist() == lob[1]["qty"].tolist()
    assert (lob[0]["ts_recv"] + shift).tolist() == lob[1]["ts_recv"].tolist()
    assert lob[0]["flags"].tolist() == lob[1]["flags"].tolist()
