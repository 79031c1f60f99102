"""npz files of hftbacktest: clocks, flags, clears and snapshots, L3 events."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.errors import DataError
from extrema_nb.events import BBO, LOB_LEVEL, MBO, TRADE, EventKind, Flag
from replay.sources import open_source
from replay.sources.formats.hftbacktest import (
    BUY,
    CLEAR,
    DEPTH,
    EXCH,
    HFT_EVENT,
    LOCAL,
    SELL,
    SNAPSHOT,
)
from replay.sources.formats.hftbacktest import TRADE as TRADED

T = 1_700_000_000_000_000
BOTH = EXCH | LOCAL


def save(path, *events, name="data"):
    """Save (code and flags, µs after T, price, qty[, order id])."""
    data = np.zeros(len(events), HFT_EVENT)
    for row, event in zip(data, events, strict=True):
        row["ev"], at, row["px"], row["qty"] = event[:4]
        row["local_ts"], row["exch_ts"] = (T + at) * 1000, (T + at - 10) * 1000
        row["order_id"] = event[4] if len(event) > 4 else 0
    np.savez_compressed(path, **{name: data})
    return path


def read(path, **more):
    source = open_source(path, **more)
    return np.concatenate(list(source.batches())), source


def test_changes_and_trades(tmp_path):
    path = save(
        tmp_path / "btcusdt_20240808.npz",
        (BOTH | BUY | DEPTH, 1, 100.0, 2.0), (BOTH | SELL | DEPTH, 1, 100.5, 0.0),
        (BOTH | SELL | TRADED, 2, 100.0, 0.5), (BOTH | BUY | DEPTH, 2, 99.5, 1.0),
    )  # fmt: skip
    rows, source = read(path)
    assert rows["kind"].tolist() == [2, 2, 1, 2]
    assert (rows["ts_recv"] - T).tolist() == [1, 1, 2, 2]
    assert (rows["ts_recv"] - rows["ts_event"]).tolist() == [10] * 4
    assert rows["side"].tolist() == [1, -1, -1, 1]
    assert rows["flags"].tolist() == [0, 1, 1, 1]
    assert rows.view(LOB_LEVEL)["qty"][1] == 0.0
    assert rows.view(TRADE)["price"][2] == 100.0
    spec = source.instruments[0]
    assert (spec.symbol, spec.venue, spec.tick_size) == ("BTCUSDT", "hftbacktest", 0.1)


def test_the_local_side_is_read_and_the_rest_counted(tmp_path):
    path = save(
        tmp_path / "x.npz",
        (EXCH | BUY | DEPTH, 5, 100.0, 2.0), (LOCAL | BUY | DEPTH, 1, 100.0, 2.0),
        (BOTH | 100, 2, 1.0, 1.0),
    )  # fmt: skip
    rows, source = read(path)
    assert (rows["ts_recv"] - T).tolist() == [1]
    assert source.counts.ignored == {"exchange_only": 1, "event_100": 1}


def test_snapshots_are_put_in_order_and_clears_make_them_partial(tmp_path):
    snapshot = [
        (BOTH | BUY | CLEAR, 1, 98.0, 0.0), (BOTH | BUY | SNAPSHOT, 1, 98.0, 1.0),
        (BOTH | BUY | SNAPSHOT, 1, 99.0, 2.0), (BOTH | SELL | CLEAR, 1, 101.0, 0.0),
        (BOTH | SELL | SNAPSHOT, 1, 100.0, 3.0), (BOTH | SELL | SNAPSHOT, 1, 101.0, 4.0),
    ]  # fmt: skip
    later = [(ev, 2, px, qty) for ev, _, px, qty in snapshot]
    rows, _ = read(save(tmp_path / "x.npz", *snapshot, *later))
    levels = rows.view(LOB_LEVEL)
    assert levels["price"].tolist() == [99.0, 98.0, 100.0, 101.0] * 2
    flags = levels["flags"]
    assert np.flatnonzero(flags & int(Flag.START)).tolist() == [0, 4]
    assert np.flatnonzero(flags & int(Flag.LAST)).tolist() == [3, 7]
    assert (flags & int(Flag.PARTIAL) != 0).tolist() == [False] * 4 + [True] * 4


def test_a_clear_alone_voids_the_book(tmp_path):
    rows, _ = read(save(tmp_path / "x.npz", (BOTH | CLEAR, 1, np.nan, 0.0)))
    (row,) = rows.view(LOB_LEVEL)
    assert (row["side"], row["flags"]) == (0, int(Flag.START | Flag.SNAPSHOT | Flag.LAST))
    assert np.isnan(row["price"])


def test_best_prices_and_orders(tmp_path):
    path = save(
        tmp_path / "x.npz",
        (BOTH | BUY | 5, 1, 99.0, 1.0), (BOTH | SELL | 10, 2, 100.0, 5.0, 77),
        (BOTH | SELL | 12, 3, 100.0, 4.0, 77), (BOTH | SELL | 13, 4, 100.0, 1.0, 77),
        (BOTH | SELL | 11, 5, 100.0, 3.0, 77),
    )  # fmt: skip
    rows, _ = read(path)
    assert rows["kind"].tolist() == [EventKind.BBO] + [EventKind.MBO] * 4
    assert rows.view(BBO)["bid_price"][0] == 99.0
    assert rows.view(BBO)["ask_qty"][0] == 0.0
    orders = rows[1:].view(MBO)
    assert orders["action"].tolist() == [1, 2, 4, 3]
    assert set(orders["order_id"]) == {77}


def test_a_clear_in_a_file_of_orders_is_of_orders(tmp_path):
    path = save(
        tmp_path / "x.npz",
        (BOTH | CLEAR, 1, np.nan, 0.0), (BOTH | BUY | 10, 2, 100.5, 5.0, 77),
        (BOTH | SELL | CLEAR, 3, np.nan, 0.0), (BOTH | BUY | CLEAR, 4, np.nan, 0.0),
        (BOTH | SELL | CLEAR, 4, np.nan, 0.0),
    )  # fmt: skip
    rows, source = read(path)
    assert set(rows["kind"]) == {EventKind.MBO}
    orders = rows.view(MBO)
    assert orders["action"].tolist() == [0, 1, 0, 0]
    assert orders["side"].tolist() == [0, 1, -1, 0]
    assert (orders["flags"] & int(Flag.START) != 0).tolist() == [True, False, True, True]
    assert source.instruments[0].tick_size == 0.1


def test_other_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", data=np.zeros((3, 6)))
    with pytest.raises(DataError, match=r"float64 of shape \(3, 6\), expected rows of ev, exch_ts"):
        read(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", x=np.zeros(3), y=np.zeros(3))
    with pytest.raises(DataError, match="arrays x, y, expected one named 'data'"):
        read(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", data=np.zeros(0, HFT_EVENT))
    with pytest.raises(DataError, match="no rows"):
        read(tmp_path / "c.npz")
    path = save(tmp_path / "d.npz", (BOTH | BUY | DEPTH, 1, np.nan, 2.0))
    with pytest.raises(DataError, match=r"px nan, qty 2\.0 at local_ts"):
        read(path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="not readable as npz"):
        read(path, format="hftbacktest")
