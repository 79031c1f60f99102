"""Accounts with too little margin: what is closed, when, at what price, and who hears of it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.events import FILL, EventKind, Flag, OrderEvent
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.backtest import Backtest, BacktestConfig
from replay.exchange.config import ExchangeConfig
from replay.exchange.liquidation import liquidate
from replay.exchange.margin_config import MarginConfig
from replay.exchange.model import X_LIQUIDATING, X_LIQUIDATIONS, X_STOPS
from replay.exchange.reports import LIQUIDATED
from replay.run_frames import fills_frame
from replay.sweep import Sweep
from tests.naive.exchange import MARKET, Wanted
from tests.naive.exchange import run as slow_run
from tests.replay.exchange.runs import DEEP, END, order_events, paid_run
from tests.replay.exchange.scripted import (
    T0,
    Scripted,
    funded,
    naive,
    params,
    scripts,
    stated,
    table,
    told,
)
from tests.replay.exchange.test_matching import Market
from tests.replay.exchange.test_matching import told as market_told
from tests.replay.exchange.test_stops import stop
from tests.small_books import examples

nan = math.nan
CANCELED, TRADE = OrderEvent.CANCELED, OrderEvent.TRADE
FALL = T0 + 30_000
LONG = Wanted(at=1, action=MARKET, side=1, qty=3.0)
MARGIN = MarginConfig(31.0, initial=0.1, maintenance=0.05)  # 3 at 100.1 need 15.015


def mark(price, at=FALL):
    return stated(at, rate=nan, mark=price, due=-1)


def fills_of(result):
    fills = result.journal[result.journal["kind"] == EventKind.FILL].view(FILL)
    closing = fills[(fills["flags"] & Flag.LIQUIDATED) != 0]
    return [(int(f["client_order_id"]), float(f["price"]), float(f["qty"])) for f in closing]


@pytest.mark.parametrize(("price", "closed"), [(94.6, False), (94.4, True)])
def test_all_is_closed_when_the_equity_is_below_the_maintenance_margin(price, closed):
    """Bought 3 at 100.1 with 31: equity 31 + 3 (m - 100.1) is 5 % of 3 m at m = 94.49."""
    events = rows(DEEP, mark(100.0, T0), mark(price + 0.2, FALL - 1_000), mark(price), END)
    result, test = paid_run(events, LONG, margin=MARGIN)
    assert (fills_of(result) != []) == closed
    assert result.counters["liquidations"] == int(closed)
    assert test.group.ctx.positions["qty"][:, 0].tolist() == ([0.0, 0.0] if closed else [3.0, 3.0])


def test_positions_are_closed_level_by_level_of_what_the_book_shows():
    result, _ = paid_run(rows(DEEP, mark(94.0), END), LONG, margin=MARGIN)
    assert fills_of(result) == [(-1, 99.9, 2.0), (-1, 99.0, 1.0)]  # though fills are whole
    (at, *_), *_ = (w[-2:] for w in told(result.journal) if w[0] == "fill" and w[1] == -1)
    assert at == FALL


def test_what_the_book_can_not_take_stays_open_until_a_price_moves():
    thin = book([(99.9, 0.0), (99.0, 0.0), (98.0, 1.0)], [], FALL - 1_000)
    later = book([(98.0, 5.0)], [], FALL + 5_000)
    events = rows(DEEP, thin, mark(90.0), later, mark(89.0, FALL + 9_000), END)
    result, test = paid_run(events, LONG, margin=MARGIN)
    assert fills_of(result) == [(-1, 98.0, 1.0), (-2, 98.0, 2.0)]
    assert (-1, "EXPIRED", LIQUIDATED) in order_events(result)
    assert result.counters["liquidations"] == 2
    assert test.group.ctx.positions["qty"][0, 0] == 0.0


def test_orders_of_all_instruments_are_cancelled_first():
    script = [
        LONG,
        Wanted(at=2, action=1, side=-1, tick=1015, qty=0.5),
        Wanted(at=3, action=1, inst=1, tick=100, qty=0.25),
    ]
    other = book([(10.1, 1.0)], [(10.3, 1.0)], T0, snapshot=True, inst=1)
    result, test = paid_run(rows(DEEP, other, mark(94.0), END), *script, margin=MARGIN)
    assert order_events(result)[-4:] == [
        (2, "CANCELED", LIQUIDATED), (3, "CANCELED", LIQUIDATED), (-1, "TRADE", 0), (-1, "TRADE", 0),
    ]  # fmt: skip
    assert test.group.ctx.n_open.sum() == 0
    assert test.group.counters()["odd_reports"] == 0


def test_waiting_stops_are_cancelled_too():
    market = Market()
    market.ask(1, tick=999)
    stop(market, 2, trigger=101.0)
    stop(market, 3, trigger=101.0)
    x = market.live._x  # kernels see it
    x.held[0] = -2.5
    x.clock[X_LIQUIDATING] = 1
    steps = 0
    while x.clock[X_LIQUIDATING] != 0:
        liquidate(x)
        steps += 1
    assert steps == 6  # one instrument's orders, two stops, two positions, the end
    assert market_told(market.live.advance(market.now)) == [
        (1, CANCELED), (2, CANCELED), (3, CANCELED),
        (-1, 100.1, 2.0), (-1, TRADE), (-1, 100.2, 0.5), (-1, TRADE),
    ]  # fmt: skip
    assert (x.held[0], x.clock[X_STOPS], x.clock[X_LIQUIDATIONS]) == (0.0, 0, 1)


def test_a_liquidation_costs_its_fee_beside_the_takers():
    margin = MarginConfig(31.0, liquidation_fee=0.01)
    result, test = paid_run(rows(DEEP, mark(94.0), END), LONG, margin=margin, taker_fee=0.001)
    closed = fills_frame(result.journal, table()).filter("liquidation")
    assert closed["fee"].to_list() == pytest.approx([2 * 99.9 * 0.011, 99.0 * 0.011])
    held = test.group.ctx.positions[:, 0]
    assert held["fee"][0] == pytest.approx(held["fee"][1])
    assert held["cash"][0] == pytest.approx(2 * 99.9 + 99.0 - 3 * 100.1)
    assert held["realized"][0] == pytest.approx(held["cash"][0])


def test_the_mid_counts_where_no_mark_is_stated():
    down = book([(99.9, 0.0), (99.0, 0.0), (98.0, 0.0), (93.9, 9.0)], [(94.1, 9.0)], FALL)
    result, _ = paid_run(rows(DEEP, down, END), LONG, margin=MARGIN)
    assert fills_of(result) == [(-1, 93.9, 3.0)]


def test_it_happens_after_all_rows_of_the_moment_and_before_requests_that_arrive_in_it():
    better = book([(99.95, 0.0), (100.0, 9.0)], [], FALL)
    at_once = Wanted(at=30, action=MARKET, side=-1, qty=1.0)
    events = rows(DEEP, mark(94.0), better, END)
    result, _ = paid_run(events, LONG, at_once, margin=MARGIN)
    assert fills_of(result) == [(-1, 100.0, 3.0)]
    assert order_events(result)[-2:] == [(-1, "TRADE", 0), (2, "TRADE", 0)]


def test_funding_can_be_what_is_too_much():
    due = stated(T0, rate=0.06, mark=100.0, due=FALL)
    result, _ = paid_run(rows(DEEP, due, END), LONG, margin=MARGIN)  # pays 18 of 31
    assert [w[0] for w in told(result.journal)][-5:] == [
        "funding",
        "fill",
        "order",
        "fill",
        "order",
    ]


def test_an_account_that_was_closed_may_not_open_what_it_can_not_pay():
    script = [LONG, Wanted(at=40, action=MARKET, qty=3.25), Wanted(at=41, action=MARKET, qty=0.25)]
    result, _ = paid_run(rows(DEEP, mark(94.0), END), *script, margin=MARGIN)
    assert [e[1] for e in order_events(result)][-2:] == ["REJECTED", "TRADE"]


MARGINS = st.builds(
    lambda balance, near, fee: MarginConfig(
        float(balance), initial=0.1, maintenance=0.1 * near, liquidation_fee=fee
    ),
    st.integers(12, 60), st.sampled_from([0.5, 0.9, 1.0]), st.sampled_from([0.0, 0.01]),
)  # fmt: skip


@st.composite
def opened(draw):
    """Draw a script that begins with a position in each instrument."""
    script = draw(scripts())
    for inst in (0, 1):
        side, qty = draw(st.sampled_from([1, -1])), draw(st.integers(2, 12)) / 4
        script[inst : inst + 1] = [Wanted(inst, MARKET, inst, side, qty=qty)]
    return script


@pytest.mark.slow
@settings(max_examples=examples(150), deadline=None)
@given(
    st.one_of(funded(), funded(marks=(60.0, 100.0, 140.0, 97.0, nan))), opened(), MARGINS,
    st.sampled_from([0, 400]), st.sampled_from([0, 900]), st.booleans(),
)  # fmt: skip
def test_a_run_with_margin_is_the_slow_one_however_rows_are_cut(
    events, script, margin, entry, response, partial
):
    config = BacktestConfig(
        exchange=ExchangeConfig(
            entry_latency_us=entry, response_latency_us=response, partial=partial, margin=margin
        ),
        timers=((1, 0.001),), mark_every_s=0.003,
    )  # fmt: skip
    source = MemorySource(events, table())
    strategies = [Scripted(script=params(script))]
    test = Backtest(source, strategies, config=config)
    result = test.run()
    rates = (margin.balance, margin.initial, margin.maintenance, margin.liquidation_fee)
    slow = slow_run(
        naive(partial=partial, margin=rates), events, script, period=1_000, entry=entry,
        response=response,
    )  # fmt: skip
    for mine, theirs in zip(told(result.journal), slow, strict=True):
        assert mine[0] == theirs[0]
        for ours, other in zip(mine[1:], theirs[1:], strict=True):
            assert ours == pytest.approx(other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("replay.scan.KEEP_ROWS", 0)
        patch.setattr("replay.prepared.TAPE_ROWS", 7)
        cut = Backtest(source, strategies, config=config).run()
    assert cut.journal.tobytes() == result.journal.tobytes()
    assert cut.marks.tobytes() == result.marks.tobytes()


@pytest.mark.slow
def test_variants_of_a_sweep_are_liquidated_as_runs_of_their_own():
    sets = [{"exchange.entry_latency_us": us} for us in (0, 28_000, 40_000)]
    events = rows(DEEP, mark(94.0), trade(94.0, 1.0, ts=T0 + 60_000), END)
    config = BacktestConfig(exchange=ExchangeConfig(margin=MARGIN), timers=((1, 0.001),))
    script = params([LONG])
    sweep = Sweep(
        MemorySource(events, table()), lambda _: [Scripted(script=script)], sets, config=config,
        keep_journals=True,
    )  # fmt: skip
    found = []
    for outcome in sweep.run():
        latency = outcome.params["exchange.entry_latency_us"]
        exchange = ExchangeConfig(margin=MARGIN, entry_latency_us=latency)
        alone = BacktestConfig(exchange=exchange, timers=config.timers)
        single = Backtest(MemorySource(events, table()), [Scripted(script=script)], config=alone)
        assert outcome.journal.tobytes() == single.run().journal.tobytes()
        found.append(len(fills_of(outcome)))
    assert found[0] > 0


@pytest.mark.slow
@pytest.mark.parametrize("after", [500, 10_000, 29_999, 30_000, 45_000, 70_000])
def test_a_run_that_is_saved_mid_way_owes_and_is_closed_as_one_that_is_not(tmp_path, after):
    paying = stated(T0, rate=1e-3, mark=100.0, due=T0 + 20_000)
    script = [LONG, Wanted(at=50, action=MARKET, qty=1.0)]
    again = stated(T0 + 40_000, rate=2e-3, mark=95.0, due=T0 + 80_000)
    events = rows(DEEP, paying, mark(94.0), again, END)
    whole, _ = paid_run(events, *script, margin=MARGIN)
    config = BacktestConfig(
        exchange=ExchangeConfig(maker_fee=0.0, taker_fee=0.0, margin=MARGIN),
        timers=((1, 0.001),), mark_every_s=0.01,
    )  # fmt: skip
    tests = [
        Backtest(MemorySource(events, table()), [Scripted(script=params(script))], config=config)
        for _ in range(2)
    ]
    tests[0].run_until(T0 + after, tmp_path / "half")
    rest = tests[1].run(resume=tmp_path / "half")
    assert rest.journal.tobytes() == whole.journal.tobytes()
    assert rest.marks.tobytes() == whole.marks.tobytes()
    assert rest.counters == whole.counters
    assert (whole.counters["liquidations"], whole.counters["funding_payments"]) == (1, 2)
