"""Candles are what the trades say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.local_venue.specs import known_spec
from replay.local_venue.tape import INTERVAL_MS, Tape, Trade

TRADES = st.lists(
    st.tuples(st.integers(1, 90_000), st.integers(1, 50), st.integers(1, 9), st.booleans()),
    min_size=1,
    max_size=60,
)


def filled(rows):
    tape, time, trades = Tape(known_spec("BTCUSDT")), 1_700_000_000_000, []
    for number, (gap, ticks, lots, sell) in enumerate(rows):
        time += gap
        trades.append(Trade(number, ticks, lots, time, sell))
        tape.add(trades[-1])
    return tape, trades


@given(TRADES, st.sampled_from(["1m", "3m", "1h"]))
def test_candles_equal_the_trades_grouped_by_time(rows, interval):
    tape, trades = filled(rows)
    step = INTERVAL_MS[interval]
    groups: dict[int, list[Trade]] = {}
    for trade in trades:
        groups.setdefault(trade.time // step * step, []).append(trade)
    found = tape.candles(interval)
    assert [c.start for c in found] == sorted(groups)
    for candle in found:
        mine = groups[candle.start]
        prices = [t.ticks for t in mine]
        assert (candle.open, candle.close) == (prices[0], prices[-1])
        assert (candle.high, candle.low) == (max(prices), min(prices))
        assert (candle.lots, candle.count) == (sum(t.lots for t in mine), len(mine))
        assert candle.quote == sum(t.ticks * t.lots for t in mine)
        assert candle.taker_lots == sum(t.lots for t in mine if not t.sell)
        assert (candle.first, candle.last) == (mine[0].trade_id, mine[-1].trade_id)


def test_a_week_opens_on_monday():
    tape, _ = filled([(1, 1, 1, False)])
    assert tape.candles("1w")[0].start == 1_699_833_600_000  # Monday, 2023-11-13


def test_a_trade_in_a_new_minute_gives_the_one_that_it_closed():
    tape = Tape(known_spec("BTCUSDT"))
    assert tape.add(Trade(1, 5, 1, 0, sell=False)) is None
    assert tape.add(Trade(2, 6, 1, 59_999, sell=False)) is None
    closed = tape.add(Trade(3, 7, 1, 60_000, sell=False))
    assert closed is not None
    assert (closed.open, closed.close) == (5, 6)


def test_a_row_is_what_klines_shows():
    tape, _ = filled([(1, 600_001, 2, True)])
    row = tape.row(tape.candles("1m")[0], "1m")
    assert row[1:6] == ["60000.10"] * 4 + ["0.002"]
    assert row[6] == row[0] + 59_999
    assert float(row[7]) == pytest.approx(120.0002)


def test_the_last_price_is_zero_before_the_first_trade():
    assert Tape(known_spec("BTCUSDT")).last_price() == 0
