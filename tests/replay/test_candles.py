"""Candles from trades, against candles that are made trade by trade."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from extrema_nb.errors import ConfigError
from extrema_nb.events import BUY, CANDLE, EventKind, Flag
from extrema_nb.testing import MemorySource, bbo, rows, trade
from replay.candles import CandleSource

SECOND = 1_000_000  # µs


def read(events, interval_s=1.0, batch_rows=65_536):
    parts = list(CandleSource(MemorySource(events), interval_s).batches(batch_rows))
    return np.concatenate(parts)


def obvious(trades, interval):
    """Return (inst, open time, o, h, l, c, volume) of each candle in the order of its end."""
    open_, found = {}, []
    for inst, ts, price, qty in trades:
        slot = ts // interval
        if inst in open_ and open_[inst][0] != slot:
            slot_, *values = open_.pop(inst)
            found.append((inst, slot_ * interval, *values))
        if inst in open_:
            _, o, h, l, _, v = open_[inst]  # noqa: E741
            open_[inst] = (slot, o, max(h, price), min(l, price), price, v + qty)
        else:
            open_[inst] = (slot, price, price, price, price, qty)
    return found


TRADES = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, SECOND), st.integers(1, 20), st.integers(1, 5)),
    max_size=40,
)


@given(steps=TRADES, batch_rows=st.integers(1, 50))
def test_candles_are_those_of_the_obvious_way_in_any_cut(steps, batch_rows):
    ts, made = 0, []
    for inst, step, price, qty in steps:
        ts += step
        made.append((inst, ts, float(price), float(qty)))
    events = rows(*(trade(p, q, BUY, ts=t, inst=i) for i, t, p, q in made))
    out = read(events, batch_rows=batch_rows) if made else events
    candles = out[out["kind"] == EventKind.CANDLE].view(CANDLE)
    names = ("inst", "ts_event", "open", "high", "low", "close", "volume")
    assert [tuple(c[n] for n in names) for c in candles] == obvious(made, SECOND)
    assert out[out["kind"] != EventKind.CANDLE].tobytes() == events.tobytes()
    assert (np.diff(out["ts_recv"]) >= 0).all()


def test_a_candle_comes_just_before_the_trade_that_ends_it():
    events = rows(
        trade(1.0, 1.0, ts=10), bbo(1, 1, 2, 1, ts=SECOND), trade(2.0, 1.0, ts=SECOND + 5)
    )
    out = read(events)
    assert out["kind"].tolist() == [
        EventKind.TRADE,
        EventKind.BBO,
        EventKind.CANDLE,
        EventKind.TRADE,
    ]
    assert out["ts_recv"][2] == SECOND + 5
    assert out["flags"][2] == Flag.CLOSED | Flag.SYNTHETIC | Flag.LAST


def test_an_interval_below_a_millisecond_is_refused():
    with pytest.raises(ConfigError, match=r"candle interval of 0\.0 s, expected at least 0\.001 s"):
        CandleSource(MemorySource(trade(1.0, 1.0)), 0.0)


def test_the_description_tells_the_interval():
    assert CandleSource(MemorySource(trade(1.0, 1.0)), 60.0).describe()["candles_s"] == 60.0
