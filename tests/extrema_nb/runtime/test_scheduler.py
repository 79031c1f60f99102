"""Timers."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.clock import SystemClock
from extrema_nb.events import SCHEDULE, EventKind
from extrema_nb.runtime.scheduler import Ticker, run_ticker
from tests.patience import PATIENCE_S


def test_first_tick_comes_at_once_and_the_grid_does_not_drift():
    ticker = Ticker(3, 1_000, 50)
    first = ticker.take(50).view(SCHEDULE)[0]
    assert (first["timer"], first["tick"], first["period"]) == (3, 0, 1_000)
    assert (first["ts_event"], first["ts_recv"], first["kind"]) == (50, 50, EventKind.SCHEDULE)
    assert ticker.take(1_049) is None
    late = ticker.take(1_300).view(SCHEDULE)[0]
    assert (late["tick"], late["ts_event"], late["ts_recv"]) == (1, 1_050, 1_300)
    assert ticker.due == 2_050


def test_missed_ticks_are_counted_and_do_not_burst():
    ticker = Ticker(1, 10, 0)
    ticker.take(0)
    row = ticker.take(57).view(SCHEDULE)[0]
    assert (row["tick"], row["ts_event"]) == (5, 50)
    assert ticker.missed == 4
    assert ticker.take(57) is None


@given(st.integers(1, 100), st.lists(st.integers(0, 500), max_size=40))
def test_told_and_missed_ticks_add_up(period, steps):
    ticker = Ticker(1, period, 0)
    now, told, last = 0, 0, -1
    for step in steps:
        now += step
        row = ticker.take(now)
        if row is not None:
            told += 1
            assert row.view(SCHEDULE)["tick"][0] > last
            last = int(row.view(SCHEDULE)["tick"][0])
            assert row["ts_event"][0] <= now < row["ts_event"][0] + period
    assert told + ticker.missed == last + 1


def test_it_runs_until_cancelled():
    async def main():
        clock = SystemClock()
        ticks = []
        three = asyncio.Event()

        def take(rows):
            ticks.extend(rows.view(SCHEDULE)["tick"].tolist())
            if len(ticks) >= 3:
                three.set()

        running = asyncio.create_task(run_ticker(Ticker(1, 2_000, clock.now()), clock, take))
        await asyncio.wait_for(three.wait(), PATIENCE_S)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert ticks[0] == 0
        assert ticks == sorted(set(ticks))

    asyncio.run(main())
