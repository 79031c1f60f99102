"""Rows over time: the same picture whatever the batches, in bounded memory."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import EventKind, Flag, StatusCode, empty_events
from extrema_nb.testing import bbo, instrument_table, row, rows, trade
from replay.timeline import STEPS, Timeline, drift_ppm

T0 = 1_700_000_000_000_000


def fed(events, size=1000):
    timeline = Timeline(instrument_table())
    for at in range(0, len(events), size):
        timeline.feed(events[at : at + size])
    timeline.feed(empty_events(0))
    return timeline


def many(times, delay=1000):
    out = empty_events(len(times))
    out["kind"] = EventKind.TRADE
    out["ts_recv"] = T0 + np.asarray(times)
    out["ts_event"] = out["ts_recv"] - delay
    return out


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=40).map(sorted), st.integers(1, 40))
def test_no_row_is_lost_however_the_steps_were_joined(times, size):
    timeline = fed(many(times), size)
    (frame,) = timeline.rates().values()
    assert round(frame["value"].sum() * timeline.width / 1e6) == len(times)
    assert frame.height <= STEPS
    counts = frame["value"].to_numpy() * timeline.width / 1e6
    wanted = np.bincount((np.array(times) - times[0]) // timeline.width, minlength=frame.height)
    assert counts.round().astype(int).tolist() == wanted.tolist()
    assert frame["ts"][0] == T0 + times[0]


def test_delays_are_told_by_venue_and_step():
    times = np.arange(0, 100_000_000, 10_000)
    delay = 1000 + times // 1_000_000
    late = fed(many(times, delay)).late()
    (frame,) = late.values()
    assert list(late) == ["binance-usdm"]
    assert frame["least"][0] == 1.0
    assert frame["median"].is_sorted()
    assert (frame["least"] <= frame["median"]).all()
    assert (frame["median"] <= frame["p95"]).all()
    assert drift_ppm(frame) == pytest.approx(1.0, abs=0.1)


def test_a_short_span_tells_no_drift():
    (frame,) = fed(many(range(0, 1_000_000, 100))).late().values()
    assert drift_ppm(frame) is None
    assert drift_ppm(pl.DataFrame({"ts": [1], "least": [0.0]})) is None


def test_prices_and_trouble_stand_at_their_times():
    events = rows(
        trade(100.0, 1.0, ts=T0), trade(101.0, 1.0, ts=T0 + 1),
        bbo(1.0, 1.0, 3.0, 1.0, ts=T0 + 20_000, inst=1),
        row(EventKind.STATUS, T0 + 30_000, code=StatusCode.GAP),
        row(EventKind.STATUS, T0 + 30_000, code=StatusCode.RESYNCED),
        trade(102.0, 1.0, ts=T0 + 40_000, flags=int(Flag.STALE)),
    )  # fmt: skip
    timeline = fed(events)
    prices = timeline.prices()
    assert prices["BTC_USDT_PERP"]["value"].to_list() == [101.0, 102.0]
    assert prices["BTC_USDT_PERP"]["ts"].to_list() == [T0, T0 + 40_000]
    assert prices["ETH_USDT_PERP"]["value"].to_list() == [2.0]
    marks = timeline.marks()
    assert marks["trouble"]["value"].to_list() == [0, 0, 0, 1, 0]
    assert marks["stale"]["value"].to_list() == [0, 0, 0, 0, 1]
