"""Where other simulators are known to be wrong, arithmetic says what is right: docs/peer-agreement.md."""

from __future__ import annotations

import pytest

from extrema_nb.events import ACC_ORDER, BUY, FILL, SELL, EventKind, OrderEvent, OrderStatus
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.backtest import Backtest, BacktestConfig
from replay.exchange.config import ExchangeConfig
from replay.exchange.reports import NO_LIQUIDITY
from tests.naive.exchange import MARKET, Wanted
from tests.replay.exchange.scripted import T0, Scripted, params, table

PERIOD = 1_000  # µs
GTC, GTX = 0, 1
START = book([(99.9, 5.0)], [(100.1, 5.0)], T0, snapshot=True)
SWEEP = trade(99.0, 0.25, SELL, T0 + 5 * PERIOD)  # through every bid above it, small as it is
END = book([(98.0, 1.0)], [], T0 + 9 * PERIOD)


def run(events, *script, **assumptions):
    config = BacktestConfig(
        exchange=ExchangeConfig(**assumptions), timers=((1, PERIOD / 1e6),), mark_every_s=0.0
    )
    test = Backtest(MemorySource(events, table()), [Scripted(script=params(script))], config=config)
    journal = test.run().journal
    fills = journal[journal["kind"] == EventKind.FILL].view(FILL)
    reports = journal[journal["kind"] == EventKind.ACC_ORDER].view(ACC_ORDER)
    return fills, reports, test.group.ctx.positions[0, 0].copy()


def test_a_market_order_into_an_empty_side_is_rejected_with_a_reason():
    one_sided = book([(99.9, 5.0)], [], T0, snapshot=True)
    fills, reports, held = run(
        rows(one_sided, END), Wanted(at=1, action=MARKET, side=BUY, tick=1000, qty=1.0)
    )
    assert len(fills) == 0
    assert held.qty == held.cash == 0.0
    assert reports["status"].tolist() == [OrderStatus.REJECTED]
    assert reports["code"].tolist() == [NO_LIQUIDITY]


@pytest.mark.parametrize(
    ("qty", "tick", "new"),
    [(1.0, 998, 3.0), (3.0, 997, 1.0), (3.0, 998, 1.0), (1.0, 997, 3.0)],
)
def test_an_amended_order_executes_the_amended_quantity(qty, tick, new):
    fills, _, held = run(
        rows(START, SWEEP, END),
        Wanted(at=1, action=1, side=BUY, tick=998, qty=qty, tif=GTC),
        Wanted(at=3, action=3, side=BUY, tick=tick, qty=new, ref=1),
    )
    assert fills["qty"].tolist() == [new]
    assert fills["price"].tolist() == [tick / 10]
    assert held.qty == new
    assert held.cash == pytest.approx(-new * tick / 10)


def test_orders_that_fill_together_are_told_in_order_of_their_ids():
    fills, _, _ = run(
        rows(START, SWEEP, END),
        *(Wanted(at=1, action=1, side=BUY, tick=tick, qty=1.0, tif=GTX)
          for tick in (995, 998, 993, 999, 997)),
    )  # fmt: skip
    assert fills["client_order_id"].tolist() == [1, 2, 3, 4, 5]
    assert fills["price"].tolist() == [99.5, 99.8, 99.3, 99.9, 99.7]


def test_a_post_only_order_amended_across_the_book_ends_at_the_price_it_asked_for():
    _, reports, held = run(
        rows(START, END),
        Wanted(at=1, action=1, side=BUY, tick=998, qty=1.0, tif=GTX),
        Wanted(at=3, action=3, side=BUY, tick=1002, qty=1.0, ref=1),
    )
    assert reports["event"].tolist() == [OrderEvent.ACCEPTED, OrderEvent.EXPIRED]
    assert reports["price"].tolist() == [99.8, 100.2]
    assert held.qty == 0.0


def test_a_part_that_is_all_that_is_left_ends_its_order_and_the_run_goes_on():
    trades = [trade(100.0, qty, SELL, T0 + at * PERIOD) for at, qty in ((5, 1.0), (6, 0.25))]
    sweep = trade(99.0, 100.0, SELL, T0 + 7 * PERIOD)
    fills, reports, held = run(
        rows(START, *trades, sweep, END),
        Wanted(at=1, action=1, side=BUY, tick=1000, qty=1.0, tif=GTC),
        Wanted(at=1, action=1, side=BUY, tick=998, qty=1.0, tif=GTC),
        partial=True,
    )
    assert fills["client_order_id"].tolist() == [1, 2]
    assert fills["qty"].tolist() == [1.0, 1.0]
    assert reports["status"][reports["client_order_id"] == 1].tolist()[-1] == OrderStatus.FILLED
    assert held.qty == 2.0


def test_what_is_left_of_an_order_that_takes_rests():
    fills, reports, held = run(
        rows(START, END), Wanted(at=1, action=1, side=BUY, tick=1001, qty=8.0, tif=GTC),
        partial=True,
    )  # fmt: skip
    assert fills["qty"].tolist() == [5.0]  # what was offered up to its limit
    assert reports["event"].tolist() == [OrderEvent.TRADE, OrderEvent.ACCEPTED]
    assert reports["leaves_qty"].tolist() == [3.0, 3.0]
    assert held.qty == 5.0


def test_an_order_that_fills_in_part_while_its_amend_is_on_its_way_has_the_amended_quantity_left():
    events = rows(
        START, trade(100.0, 2.0, SELL, T0 + 5 * PERIOD), trade(99.0, 100.0, SELL, T0 + 7 * PERIOD),
        END,
    )  # fmt: skip
    fills, _, held = run(
        events,
        Wanted(at=1, action=1, side=BUY, tick=1000, qty=3.175, tif=GTC),
        Wanted(at=4, action=3, side=BUY, tick=1000, qty=2.675, ref=1),
        partial=True,
        entry_latency_us=2 * PERIOD,
    )
    assert fills["qty"].tolist() == [2.0, 2.675]
    assert held.qty == pytest.approx(4.675)


def test_every_level_of_a_sweep_and_the_filled_part_of_an_ioc_reach_position_and_cash():
    start = book([(99.9, 5.0)], [(100.1, 1.0), (100.2, 2.0), (100.4, 9.0)], T0, snapshot=True)
    fills, reports, held = run(
        rows(start, END), Wanted(at=1, action=1, side=BUY, tick=1002, qty=8.0, tif=2), partial=True
    )
    assert fills["price"].tolist() == [100.1, 100.2]  # the limit level too
    assert fills["qty"].tolist() == [1.0, 2.0]
    assert reports["event"].tolist()[-1] == OrderEvent.EXPIRED
    assert (held.qty, held.trades) == (3.0, 2)
    assert held.cash == pytest.approx(-100.1 - 2 * 100.2)


def test_a_market_order_goes_as_far_as_there_is_something_to_take():
    wide = book([(99.9, 5.0)], [(100.1, 5.0), (115.0, 5.0)], T0, snapshot=True)
    fills, _, held = run(
        rows(wide, END), Wanted(at=1, action=MARKET, side=BUY, tick=1000, qty=8.0), partial=True
    )
    assert [(f["price"], f["qty"]) for f in fills] == [(100.1, 5.0), (115.0, 3.0)]
    assert held.qty == 8.0
