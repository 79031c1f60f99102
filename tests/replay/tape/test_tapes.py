"""Cutting a source into tapes loses nothing, doubles nothing and keeps both orders."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.tape.order import exchange_order
from replay.tape.tapes import END, stretches
from tests.replay.exchange.scripted import market_rows, table
from tests.small_books import examples


def cut(events, sizes):
    start, turn = 0, 0
    while start < len(events):
        yield events[start : start + sizes[turn % len(sizes)]].copy()
        start, turn = start + sizes[turn % len(sizes)], turn + 1


@settings(max_examples=examples(60))
@given(market_rows(most=24), st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_rows_of_both_clocks_come_once_in_their_order_up_to_each_horizon(events, sizes):
    longest = int((events["ts_recv"] - events["ts_event"]).max())
    local, market, before = [], [], -END
    for data, horizon in stretches(cut(events, sizes), table().specs(), longest):
        times, recv = data.tape.market_ts.copy(), data.tape.local_ts.copy()
        assert ((before < times) & (times <= horizon)).all()
        assert ((before < recv) & (recv <= horizon)).all()
        local.append(recv)
        market.append(times)
        before = horizon
    assert before == END
    assert np.concatenate(local).tolist() == events["ts_recv"].tolist()
    order = exchange_order(events, np.ones(len(events), np.bool_), 2)
    assert np.concatenate(market).tolist() == events["ts_event"][order].tolist()


def test_no_rows_are_no_tapes():
    assert list(stretches([], table().specs(), 0)) == []
