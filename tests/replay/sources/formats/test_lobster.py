"""LOBSTER: messages of NASDAQ against a plain reading of the same file."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from extrema_nb.errors import DataError
from extrema_nb.events import MBO, TRADE, EventKind, Flag
from replay.sources import open_source

NAME = "lobster_AAPL_2012-06-21_message_10_first1000.csv"
MIDNIGHT = 1_340_251_200_000_000  # of New York, four hours behind UTC in June


def read(path, **more):
    source = open_source(path, **more)
    return np.concatenate(list(source.batches())), source


def naive(lines):
    """Return (kind, µs, side, price, qty, order, action) one message after the other."""
    left, out = {}, []
    for time, kind, order, size, price, direction in csv.reader(lines):
        at = MIDNIGHT + round(float(time) * 1e6)
        side, px, qty = int(direction), int(price) / 1e4, float(size)
        if kind == "1":
            left[order] = qty
            out.append(("mbo", at, side, px, qty, int(order), 1))
        elif kind == "2" and order in left:
            left[order] -= qty
            out.append(("mbo", at, side, px, left[order], int(order), 2))
        elif kind == "3":
            out.append(("mbo", at, side, px, qty, int(order), 3))
        elif kind == "4":
            if order in left:
                left[order] -= qty
            out.append(("mbo", at, side, px, qty, int(order), 4))
        if kind in "45":
            out.append(("trade", at, -side, px, qty, -1, -1))
    return out


def plain(rows):
    orders, trades = rows.view(MBO), rows.view(TRADE)
    return [
        ("mbo", *(orders[i][n].item() for n in ("ts_recv", "side", "price", "qty", "order_id", "action")))
        if kind == EventKind.MBO
        else ("trade", *(trades[i][n].item() for n in ("ts_recv", "side", "price", "qty")), -1, -1)
        for i, kind in enumerate(rows["kind"].tolist())
    ]  # fmt: skip


def test_the_sample_reads_as_it_is_written(shared_data):
    path = shared_data / "l3" / NAME
    rows, source = read(path)
    with path.open() as lines:
        assert plain(rows) == naive(lines)
    spec = source.instruments[0]
    assert (spec.venue, spec.symbol, spec.tick_size) == ("nasdaq", "AAPL", 0.01)


def test_each_type_of_message(tmp_path):
    path = tmp_path / "XYZ_2012-06-21_message.csv"
    path.write_text(
        "34200.000001,1,7,100,5850000,1\n34200.1,2,7,30,5850000,1\n34200.2,4,7,20,5850000,1\n"
        "34200.3,3,7,50,5850000,1\n34200.4,5,0,10,5850000,-1\n34200.5,6,-1,10,5850000,-1\n"
        "34200.6,2,99,10,5850000,1\n34200.7,7,0,0,-1,-1\n".replace("-1,10", "1,10")
    )
    rows, source = read(path)
    assert rows["kind"].tolist() == [5, 5, 5, 1, 5, 1, 1]
    orders = rows[rows["kind"] == EventKind.MBO].view(MBO)
    assert orders["action"].tolist() == [1, 2, 4, 3]
    assert orders["qty"].tolist() == [100, 70, 20, 50]
    trades = rows[rows["kind"] == EventKind.TRADE].view(TRADE)
    assert trades["side"].tolist() == [-1, 1, 0]
    assert (trades["flags"] & int(Flag.OFF_BOOK) != 0).tolist() == [False, False, True]
    assert source.counts.ignored == {"cancel_of_older_order": 1, "halt": 1}


def test_other_files_are_refused(shared_data, tmp_path):
    book = shared_data / "l3" / NAME.replace("message", "orderbook")
    with pytest.raises(
        DataError, match=r"expected time,type.*the orderbook file; give the message"
    ):
        open_source(book, format="lobster")
    (tmp_path / "m.csv").write_text("34200.1,1,7,100,5850000,1\n")
    with pytest.raises(DataError, match=r"no symbol and date in the name.*rename the file"):
        open_source(tmp_path / "m.csv")
