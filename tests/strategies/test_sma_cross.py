"""Two averages of closes."""

from __future__ import annotations

import numpy as np

from extrema_nb.events import BUY, SELL, EventKind, Flag
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.testing import candle, instrument_table, row, rows
from strategies.sma_cross import SmaCross


def closes(prices, start=0):
    return rows(*(candle(p, p, p, p, 1.0, start + i) for i, p in enumerate(prices)))


def test_it_goes_long_above_and_short_below_and_nowhere_before_it_knows():
    group = KernelGroup([SmaCross(fast=2, slow=4, qty=0.5)], instrument_table())
    assert len(group.step(closes([10, 10, 10])).intents) == 0
    (bought,) = group.step(closes([12], 3)).intents
    assert (bought["side"], bought["qty"]) == (BUY, 0.5)
    assert len(group.step(closes([13, 14], 4)).intents) == 0  # the order is on its way
    group.step(
        rows(
            row(EventKind.FILL, 7, client_order_id=1, trade_id=1, price=12.0, qty=0.5, side=BUY),
            row(EventKind.ACC_ORDER, 7, client_order_id=1, event=2, status=6, side=BUY),
        )
    )
    (sold,) = group.step(closes([1], 8)).intents
    assert (sold["side"], sold["qty"]) == (SELL, 1.0)


def test_the_averages_are_those_of_the_last_closes_however_long_it_runs():
    rng = np.random.default_rng(1)
    prices = rng.integers(50, 150, 1_300).astype(float)
    group = KernelGroup([SmaCross(fast=3, slow=512)], instrument_table())
    group.step(closes(prices))
    state = group.state(0)
    assert state.fast_sum == prices[-3:].sum()
    assert state.slow_sum == prices[-512:].sum()


def test_a_candle_that_is_not_closed_is_not_counted():
    group = KernelGroup([SmaCross()], instrument_table())
    group.step(candle(1, 1, 1, 1, 1, 0, flags=Flag.LAST))
    assert group.state(0).n == 0


def test_an_average_longer_than_the_memory_never_trades():
    group = KernelGroup([SmaCross(fast=2, slow=513)], instrument_table())
    assert len(group.step(closes(range(1, 600))).intents) == 0
