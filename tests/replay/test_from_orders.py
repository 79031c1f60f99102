"""Books made of single orders: each level what its orders hold, whatever the batches."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.events import LOB_LEVEL, MBO, EventKind, Flag
from extrema_nb.testing import MemorySource, rows, trade
from replay.convert import convert
from replay.inputs import BookFrom
from replay.sources import open_source
from tests.naive.exchange import Wanted
from tests.naive.l2 import NaiveBook
from tests.naive.l3 import NaiveOrders
from tests.order_rows import ADD, DELETE, EXECUTE, MODIFY, T0, mbo, order_streams
from tests.replay.exchange.scripted import table
from tests.replay.exchange.scripted import told as told_of
from tests.replay.sources.formats.test_databento import written
from tests.replay.test_backtest import Cut, backtest
from tests.small_books import examples

LAST, START = int(Flag.LAST), int(Flag.START)


def made(events, *, source=None):
    source = BookFrom(source or MemorySource(events, table()), "orders")
    return np.concatenate(list(source.batches()))


def levels(book):
    return {
        (side, tick, qty) for side in (0, 1) for tick, qty in book.levels[side].items()
    }  # fmt: skip


@settings(max_examples=examples(60))
@given(order_streams(insts=2))
def test_after_each_message_the_book_is_that_of_its_orders(events):
    twin = NaiveOrders(Fraction(1, 4), 10)
    books = [NaiveBook(0.25), NaiveBook(0.25)]
    now = 0
    out = made(events)
    for place, row in enumerate(out):
        inst = int(row["inst"])
        if row["kind"] == EventKind.MBO:
            twin.apply(out[place : place + 1].view(MBO)[0], now)
            now += 1
        else:
            level = out[place : place + 1].view(LOB_LEVEL)[0]
            side = None if level["side"] == 0 else (0 if level["side"] > 0 else 1)
            tick = 0 if side is None else round(level["price"] * 10)
            books[inst].row(int(level["flags"]), side, tick, float(level["qty"]))
        is_last = place + 1 == len(out) or out[place + 1]["kind"] == EventKind.MBO
        if is_last:
            wanted = {}
            for order in twin.orders:
                if order.inst == inst:
                    key = (0 if order.side > 0 else 1, order.tick)
                    wanted[key] = wanted.get(key, 0.0) + float(order.left)
            assert levels(books[inst]) == {(*key, qty) for key, qty in wanted.items()}


@settings(max_examples=examples(40))
@given(order_streams(insts=2), st.lists(st.integers(1, 12), min_size=1, max_size=3))
def test_batches_change_nothing(events, sizes):
    assert made(events, source=Cut(events, sizes)).tobytes() == made(events).tobytes()


@settings(max_examples=examples(40))
@given(order_streams(insts=2))
def test_rows_of_the_source_stay_and_every_message_with_levels_has_one_end(events):
    out = made(events)
    assert out[out["kind"] == EventKind.MBO].tobytes() == events.tobytes()
    assert (out["ts_recv"][1:] >= out["ts_recv"][:-1]).all()
    lob = out[out["kind"] == EventKind.LOB]
    assert (lob["flags"] & int(Flag.SYNTHETIC) != 0).all()
    ends = (out["kind"] == EventKind.LOB) & (out["flags"] & LAST != 0)
    assert np.count_nonzero(ends) <= len(events)  # each order row is a message here
    follows_order = np.r_[out["kind"][1:] == EventKind.MBO, True]
    assert (ends == ((out["kind"] == EventKind.LOB) & follows_order)).all()


def told(out):
    lob = out[out["kind"] == EventKind.LOB].view(LOB_LEVEL)
    return [
        (int(r["side"]), float(r["price"]), float(r["qty"]), bool(r["flags"] & LAST)) for r in lob
    ]  # fmt: skip


def test_a_message_of_several_orders_ends_once():
    events = rows(
        mbo(ADD, 1, 100.0, 1.0, 1, flags=0),
        mbo(ADD, 2, 100.0, 0.5, 1, flags=0),
        mbo(MODIFY, 1, 99.9, 1.0, 1, flags=0),
        mbo(0),  # says no more than that the message ends
        trade(100.0, 1.0, ts=T0 + 5),
        mbo(DELETE, 2, ts=T0 + 6),
        mbo(EXECUTE, 1, 99.9, 0.25, 1, ts=T0 + 7),
    )
    out = told(made(events))
    assert out[:4] == [
        (1, 100.0, 1.0, False), (1, 100.0, 1.5, False), (1, 100.0, 0.5, False),
        (1, 99.9, 1.0, False),
    ]  # fmt: skip
    assert out[4][0] == 0
    assert out[4][3]
    assert out[5:] == [(1, 100.0, 0.0, True), (1, 99.9, 0.75, True)]


def test_a_void_side_is_removed_level_by_level():
    events = rows(
        *(mbo(ADD, k, 100.0 + k / 10, 1.0, -1) for k in range(3)),
        mbo(ADD, 9, 99.0, 1.0, 1),
        mbo(0, side=-1, flags=START | LAST),
    )
    gone = told(made(events))[4:]
    assert sorted(row[:3] for row in gone) == [
        (-1, 100.0, 0.0), (-1, 100.1, 0.0), (-1, 100.2, 0.0),
    ]  # fmt: skip
    assert [row[3] for row in gone] == [False, False, True]


def test_the_snapshot_of_a_captured_book_gives_its_levels(shared_data):
    """8,725 orders of a future, read by Databento's own package."""
    path = shared_data / "l3" / "esh4-glbx-mdp3-20231224.mbo.dbn.zst"
    source = BookFrom(open_source(path), "orders")
    out = np.concatenate(list(source.batches(1000)))
    orders = out[out["kind"] == EventKind.MBO].view(MBO)
    lob = out[out["kind"] == EventKind.LOB].view(LOB_LEVEL)
    final = {(int(r["side"]), float(r["price"])): float(r["qty"]) for r in lob[1:]}
    sums: dict[tuple, float] = {}
    for r in orders:
        key = (int(r["side"]), float(r["price"]))
        sums[key] = sums.get(key, 0.0) + float(r["qty"])
    assert len(orders) == 8725
    assert final == sums
    assert int(lob["flags"][0]) & START
    assert np.flatnonzero(lob["flags"] & LAST).tolist() == [len(lob) - 1]


@pytest.mark.slow
def test_a_captured_day_of_single_orders_ends_with_what_its_events_left(shared_data):
    """Bitstamp, 50,414 events, followed by hand as its own columns tell them."""
    source = open_source(shared_data / "l3" / "bitstamp_obanalytics_orders.csv.xz")
    out = np.concatenate(list(BookFrom(source, "orders").batches(7_000)))
    left: dict[int, tuple[int, float, float]] = {}
    for row in out[out["kind"] == EventKind.MBO].view(MBO):
        order_id, action, qty = int(row["order_id"]), int(row["action"]), float(row["qty"])
        if action == EXECUTE:
            if order_id in left:
                side, price, before = left[order_id]
                left[order_id] = (side, price, before - qty)
        elif action == DELETE:
            left.pop(order_id, None)
        else:
            left[order_id] = (int(row["side"]), float(row["price"]), qty)
    wanted: dict[tuple[int, float], float] = {}
    for side, price, qty in left.values():
        if qty > 5e-9:
            wanted[side, price] = wanted.get((side, price), 0.0) + qty
    lob = out[out["kind"] == EventKind.LOB].view(LOB_LEVEL)
    final = {(int(r["side"]), float(r["price"])): float(r["qty"]) for r in lob}
    final = {key: qty for key, qty in final.items() if qty > 0.0}
    assert final.keys() == wanted.keys()
    assert final == pytest.approx(wanted, abs=1e-9)
    assert len(final) > 100


@pytest.mark.slow
def test_a_databento_file_and_its_recording_give_the_same_fill(tmp_path):
    """Our bid stands behind an order of four and before one of ten, of which three are filled."""
    path = written(
        tmp_path / "x.mbo.dbn",
        ("R", "N", 0.0, 0, 0, 40), ("A", "B", 100.0, 4, 1, 40), ("A", "A", 101.0, 4, 3, 168),
        *[("M", "A", 101.0, 4, 3, 128)] * 5, ("A", "B", 100.0, 10, 2, 128), ("T", "A", 100.0, 7, 0, 0),
        ("F", "B", 100.0, 4, 1, 0), ("F", "B", 100.0, 3, 2, 0), ("C", "B", 100.0, 4, 1, 0),
        ("C", "B", 100.0, 3, 2, 128), *[("M", "A", 101.0, 4, 3, 128)] * 5,
    )  # fmt: skip
    convert(open_source(path), tmp_path / "recording")
    bid = [Wanted(at=2, action=1, tick=1000, qty=2.0)]
    journals = []
    for file in (path, tmp_path / "recording"):
        source = BookFrom(open_source(file), "orders")
        test = backtest(None, bid, queue="fifo", source=source, partial=True)
        journals.append(told_of(test.run().journal))
    fills = [line for line in journals[0] if line[0] == "fill"]
    assert [(line[3], line[4], line[6]) for line in fills] == [(100.0, 2.0, True)]
    assert journals[0] == journals[1]
