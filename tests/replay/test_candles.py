"""Candles from trades: equal to a naive count, in any batches, never before they are known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError
from extrema_nb.events import CANDLE, TRADE, EventKind, Flag
from extrema_nb.testing import MemorySource, bbo, rows, trade
from replay.candles import CandleSource

import numpy as np  # isort: skip

SECOND = 1_000_000


@st.composite
def markets(draw):
    now = 0
    parts = []
    for _ in range(draw(st.integers(0, 40))):
        now += draw(st.sampled_from([0, 1, 200_000, 900_000, 3_000_000]))
        inst = draw(st.integers(0, 1))
        if draw(st.integers(0, 4)) == 0:
            parts.append(bbo(1.0, 1.0, 2.0, 1.0, now, inst=inst))
        else:
            qty = draw(st.sampled_from([0.1, 0.2, 0.3, 1e-8, 7.0]))
            parts.append(trade(draw(st.integers(90, 110)) / 1.0, qty, 1, now, inst=inst))
    return rows(*parts)


def naive(events):
    """Return (inst, open time, o, h, l, c, v, time told) of every candle that is complete."""
    out, running = [], {}
    for row in events[events["kind"] == EventKind.TRADE].view(TRADE):
        inst, now = int(row["inst"]), int(row["ts_recv"])
        slot, price, qty = now // SECOND, float(row["price"]), float(row["qty"])
        if inst in running and running[inst][0] != slot:
            start, prices, volume = running.pop(inst)
            out.append(
                (inst, start * SECOND, prices[0], max(prices), min(prices), prices[-1], volume, now)
            )
        start, prices, volume = running.setdefault(inst, (slot, [], 0.0))
        running[inst] = (start, [*prices, price], volume + qty)
    return out


@given(markets(), st.integers(1, 50))
def test_candles_are_those_of_a_naive_count_in_any_batches(events, batch_rows):
    source = CandleSource(MemorySource(events), 1.0)
    found = np.concatenate([events[:0], *source.batches(batch_rows)])
    made = found[found["kind"] == EventKind.CANDLE].view(CANDLE)
    names = ("inst", "ts_event", "open", "high", "low", "close", "volume", "ts_recv")
    assert [tuple(row[name].item() for name in names) for row in made] == naive(events)
    assert found[found["kind"] != EventKind.CANDLE].tobytes() == events.tobytes()
    assert (np.diff(found["ts_recv"]) >= 0).all()
    assert set(made["flags"].tolist()) <= {Flag.CLOSED | Flag.SYNTHETIC | Flag.LAST}


def test_a_candle_comes_just_before_the_trade_that_ends_it():
    events = rows(trade(1.0, 1.0, ts=5), trade(2.0, 1.0, ts=SECOND - 1), trade(3.0, 1.0, ts=SECOND))
    found = np.concatenate(list(CandleSource(MemorySource(events), 1.0).batches()))
    assert found["kind"].tolist() == [1, 1, EventKind.CANDLE, 1]
    assert found.view(CANDLE)[2]["close"] == 2.0
    assert found["ts_event"][2] == 0


def test_an_interval_is_at_least_a_millisecond():
    with pytest.raises(ConfigError, match=r"interval of 0.0 s, expected at least 0.001 s"):
        CandleSource(MemorySource(rows(trade(1.0, 1.0))), 0.0)


def test_what_is_known_of_the_source_is_still_known():
    source = CandleSource(MemorySource(rows(trade(1.0, 1.0))), 60)
    assert source.describe() == {"source": "memory", "rows": 1, "candles_s": 60.0}
