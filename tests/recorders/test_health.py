"""Lag and clock as rows: of the right rows, venue by venue, in time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import STATUS, Flag, StatusCode
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.testing import bbo, instrument_table, rows, trade
from recorders import health as module
from recorders.health import Health

SECOND = 1_000_000


def late(us, ts=SECOND, inst=0):
    return trade(1.0, 1.0, ts=ts, inst=inst, ts_event=ts - us)


def told(events, table=None, tasks=None, asked=frozenset()):
    health = Health(table or instrument_table(), tasks or {}, 10.0, asked)
    health.rows(0)
    health.feed(events)
    assert health.rows(9 * SECOND).size == 0
    return health.rows(10 * SECOND).view(STATUS)


@given(lags=st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=50))
def test_lag_is_median_and_greatest_and_the_clock_is_ahead_by_the_least(lags):
    lag, clock = told(rows(*(late(us) for us in lags)))
    assert (lag.code, lag.count, lag.expected) == (StatusCode.LAG, len(lags), max(lags))
    assert lag.found == int(np.median(lags))
    assert (clock.code, clock.found) == (StatusCode.CLOCK, -min(lags))
    assert (lag.ts_recv, lag.inst, lag.flags) == (10 * SECOND, -1, Flag.LAST | Flag.SYNTHETIC)


def test_a_venue_that_is_asked_for_its_clock_is_not_guessed_at():
    assert told(late(5), asked=frozenset({"binance-usdm"}))["code"].tolist() == [StatusCode.LAG]


def test_each_venue_has_its_own_rows_under_its_task():
    table = InstrumentTable(
        [*instrument_table(), Instrument(venue="okx", symbol="X", name="X_USDT_PERP")]
    )
    found = told(rows(late(5), late(7, inst=2)), table, {1: "binance-usdm", 2: "okx"})
    assert [(r.task, r.code, r.found) for r in found] == [
        (1, StatusCode.LAG, 5), (1, StatusCode.CLOCK, -5),
        (2, StatusCode.LAG, 7), (2, StatusCode.CLOCK, -7),
    ]  # fmt: skip


def test_what_is_not_stamped_by_the_venue_says_nothing():
    own = bbo(1.0, 1.0, 2.0, 1.0, ts=SECOND, flags=Flag.SYNTHETIC, ts_event=0)
    assert told(own).size == 0


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "KEEP", 100)
    health = Health(instrument_table(), {}, 10.0)
    health.rows(0)
    for _ in range(50):
        health.feed(rows(*(late(us) for us in range(30))))
    assert health._lags.size <= 100 * len(health._names)
    lag = health.rows(10 * SECOND).view(STATUS)[0]
    assert lag.count == 1500
    assert 10 <= lag.found <= 19


def test_without_an_interval_nothing_is_told():
    health = Health(instrument_table(), {}, 0.0)
    health.feed(late(5))
    assert health.rows(100 * SECOND).size == 0


def test_it_is_silent_when_nothing_came():
    health = Health(instrument_table(), {}, 1.0)
    assert [health.rows(t * SECOND).size for t in range(4)] == [0] * 4
