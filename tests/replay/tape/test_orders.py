"""Executions on a tape carry the place in time of the order that was executed."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.books.l3 import OLD
from extrema_nb.events import Flag
from extrema_nb.testing import rows, trade
from replay.tape.layout import K_CLEAR, K_EXECUTE
from replay.tape.orders import OrderStamps
from tests.order_rows import ADD, EXECUTE, MODIFY, T0, mbo, order_streams
from tests.replay.exchange.scripted import table

SPECS = table().specs()


def read(stamps, events):
    return stamps.read(events, np.arange(len(events)))


def told(deeds):
    return [
        (int(at), int(d["kind"]), int(d["side"]), int(d["tick"]), int(d["edge"]), float(d["qty"]))
        for at, d in zip(deeds.deed_at, deeds.deed, strict=True)
    ]  # fmt: skip


def test_an_execution_tells_when_its_order_came():
    events = rows(
        trade(100.0, 1.0, ts=T0), mbo(ADD, 1, 100.0, 2.0, 1), mbo(ADD, 2, 100.1, 2.0, -1),
        mbo(EXECUTE, 1, 100.0, 0.5, 1), mbo(MODIFY, 1, 99.9, 1.0, 1), mbo(EXECUTE, 1, 99.9, 1.0, 1),
        mbo(EXECUTE, 9, 100.1, 1.0, -1), mbo(0, side=-1, flags=int(Flag.START)),
    )  # fmt: skip
    assert told(read(OrderStamps(SPECS), events)) == [
        (3, K_EXECUTE, 1, 1000, 1, 0.5), (5, K_EXECUTE, 1, 999, 4, 1.0),
        (6, K_EXECUTE, -1, 1001, OLD, 1.0), (7, K_CLEAR, -1, 0, 0, 0.0),
    ]  # fmt: skip


def test_rows_without_single_orders_cost_nothing_and_still_count_as_time():
    stamps = OrderStamps(SPECS)
    deeds = read(stamps, rows(trade(1.0, 1.0, ts=T0), trade(1.0, 1.0, ts=T0)))
    assert (len(deeds.deed), deeds.counters) == (0, {})
    read(stamps, mbo(ADD, 1, 100.0, 1.0, 1))
    assert told(read(stamps, mbo(EXECUTE, 1, 100.0, 1.0, 1))) == [(0, K_EXECUTE, 1, 1000, -1, 1.0)]


@given(order_streams(insts=2), st.lists(st.integers(0, 60), max_size=4))
def test_tapes_that_are_cut_anywhere_say_the_same(events, cuts):
    whole = told(read(OrderStamps(SPECS), events))
    stamps = OrderStamps(SPECS)
    parts = []
    counters: dict[str, int] = {}
    edges = [0, *sorted(min(cut, len(events)) for cut in cuts), len(events)]
    for low, high in itertools.pairwise(edges):
        deeds = read(stamps, events[low:high])
        for name, count in deeds.counters.items():
            counters[name] = counters.get(name, 0) + count
        parts += [
            (at + low, kind, side, tick,
             edge if edge == OLD or kind == K_CLEAR else edge + low, qty)
            for at, kind, side, tick, edge, qty in told(deeds)
        ]  # fmt: skip
    assert parts == whole
    assert counters == read(OrderStamps(SPECS), events).counters
