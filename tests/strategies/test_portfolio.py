"""A signal and an executor that talk by targets."""

from __future__ import annotations

import math

import pytest

from extrema_nb.events import BUY, INST_INTENT, IOC, SELL, EventKind
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.testing import book, instrument_table, row, rows, trade
from strategies.portfolio import FlowSignal, TargetExecutor

BOOK = book([(999.9, 1.0)], [(1000.1, 1.0)], 1, snapshot=True)


@pytest.mark.parametrize("order", [1, -1], ids=["signal first", "executor first"])
def test_the_executor_acts_in_the_row_in_which_the_signal_speaks(order):
    modules = [FlowSignal(scale=1.0), TargetExecutor(max_qty=0.1, through=2.0)][::order]
    group = KernelGroup(modules, instrument_table())
    out = group.step(rows(BOOK, trade(1000.0, 1.0, BUY, 5)))
    (target,) = out.targets.view(INST_INTENT)
    assert target["weight"] == pytest.approx(math.tanh(1.0))
    assert target["module"] == modules.index(next(m for m in modules if type(m) is FlowSignal))
    (intent,) = out.intents
    assert (intent["side"], intent["tif"], intent["ts_recv"]) == (BUY, IOC, 5)
    assert intent["price"] == pytest.approx(1000.3)
    assert intent["qty"] == pytest.approx(0.076)  # tanh(1) of 0.1, in whole lots


def test_flow_fades_by_half_in_its_half_life():
    group = KernelGroup([FlowSignal(half_life_s=2.0, step=9.0)], instrument_table())
    group.step(rows(trade(1.0, 4.0, SELL, 1), trade(1.0, 1.0, BUY, 2_000_001)))
    assert group.state(0).flow == pytest.approx(-1.0)


def test_the_executor_holds_what_the_weight_says_and_waits_for_its_orders():
    group = KernelGroup([TargetExecutor(max_qty=0.1)], instrument_table())
    group.step(BOOK)

    def told(weight, ts):
        return group.step(row(EventKind.INST_INTENT, ts, weight=weight)).intents

    assert told(1.0, 2)["qty"].tolist() == [pytest.approx(0.1)]
    assert len(told(0.5, 3)) == 0  # the first order is still open
    group.step(
        rows(
            row(EventKind.FILL, 4, client_order_id=1, trade_id=1, price=1000.1, qty=0.1, side=BUY),
            row(EventKind.ACC_ORDER, 4, client_order_id=1, event=2, status=6, side=BUY),
        )
    )
    assert [(i["side"], i["qty"]) for i in told(0.5, 5)] == [(SELL, pytest.approx(0.05))]


def test_without_a_book_nothing_is_done():
    group = KernelGroup([TargetExecutor()], instrument_table())
    assert len(group.step(row(EventKind.INST_INTENT, 1, weight=1.0)).intents) == 0
