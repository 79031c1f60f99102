"""Funding in a run: what positions pay, when, and how the strategy hears of it."""

# ruff: noqa: N805  # handlers have no self

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import extrema_nb as xnb
from extrema_nb.events import ACC_BAL, EventKind, Flag, unpack_text
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.backtest import Backtest, BacktestConfig
from replay.exchange.config import ExchangeConfig
from replay.sweep import Sweep
from tests.naive.exchange import MARKET, Wanted
from tests.naive.exchange import run as slow_run
from tests.replay.exchange.scripted import (
    DUE,
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
from tests.small_books import examples

nan = math.nan
QUOTES = book([(99.9, 9.0)], [(100.1, 9.0)], T0, snapshot=True)
END = trade(95.0, 1.0, ts=T0 + 90_000)


def run(events, *script, table_=None, latency=0, strategy=Scripted, **exchange):
    config = BacktestConfig(
        exchange=ExchangeConfig(
            entry_latency_us=latency, response_latency_us=latency, maker_fee=0.0, taker_fee=0.0,
            **exchange,
        ),
        timers=((1, 0.001),), mark_every_s=0.01,
    )  # fmt: skip
    source = MemorySource(events, table_ or table())
    test = Backtest(source, [strategy(script=params(script))], config=config)
    return test.run(), test


def paid(result):
    return [w for w in told(result.journal) if w[0] == "funding"]


BUY = Wanted(at=1, action=MARKET, side=1, qty=2.0)
SELL = Wanted(at=1, action=MARKET, side=-1, qty=2.0)


def test_a_long_pays_a_positive_rate_on_its_value_at_the_mark_and_a_short_receives_it():
    events = rows(QUOTES, stated(mark=102.0), END)
    result, test = run(events, BUY)
    assert paid(result) == [("funding", 0, pytest.approx(2.0 * 102.0 * 1e-3), DUE, DUE)]
    held = test.group.ctx.positions["funding"]
    assert held[:, 0].tolist() == pytest.approx([0.204, 0.204])  # the module's and the account's
    assert result.counters["funding_payments"] == 1
    result, _ = run(events, SELL)
    assert paid(result)[0][2] == pytest.approx(-0.204)


def test_a_negative_rate_is_paid_by_shorts():
    result, _ = run(rows(QUOTES, stated(rate=-1e-3), END), SELL)
    assert paid(result)[0][2] == pytest.approx(0.2)


def test_an_inverse_contract_pays_in_base():
    contracts = InstrumentTable(
        [
            Instrument(
                venue="x", symbol="A", name="A", tick_size=0.1, lot_size=1.0, inverse=True,
                contract_value=100.0, base="BTC", quote="USD",
            )
        ]
    )  # fmt: skip
    events = rows(
        book([(49_999.9, 50.0)], [(50_000.0, 50.0)], T0, snapshot=True),
        stated(mark=40_000.0),
        trade(50_000.0, 1.0, ts=T0 + 90_000),
    )
    result, _ = run(events, Wanted(at=1, action=MARKET, qty=8.0), table_=contracts)
    # eight contracts of 100 USD at 40,000 are 0.02 BTC
    assert paid(result)[0][2] == pytest.approx(0.02 * 1e-3)
    balance = result.journal[result.journal["kind"] == EventKind.ACC_BAL].view(ACC_BAL)[0]
    assert unpack_text(balance["asset"]) == "BTC"
    assert balance["flags"] == Flag.LAST | Flag.SYNTHETIC


def test_who_holds_nothing_pays_nothing():
    flat = Wanted(at=3, action=MARKET, side=-1, qty=2.0)
    result, _ = run(rows(QUOTES, stated(), END), BUY, flat)
    assert paid(result) == []
    assert result.counters["funding_payments"] == 0


def test_without_a_mark_price_the_mid_at_the_exchange_counts():
    moved = book([(99.9, 0.0), (97.9, 1.0)], [(98.1, 1.0)], T0 + 49_000)
    result, _ = run(rows(QUOTES, stated(mark=nan), moved, END), BUY)
    assert paid(result)[0][2] == pytest.approx(2.0 * 98.0 * 1e-3)


def test_without_any_price_nothing_is_paid_and_it_is_counted():
    gone = book([], [(100.1, 0.0)], T0 + 49_000)
    result, _ = run(rows(QUOTES, stated(mark=nan), gone, END), BUY)
    assert paid(result) == []
    assert result.counters["funding_without_price"] == 1


def test_rows_without_a_time_are_counted():
    result, _ = run(rows(QUOTES, stated(due=-1), END), BUY)
    assert paid(result) == []
    assert result.counters["funding_rows_without_time"] == 1


def test_the_position_of_that_very_moment_counts():
    """Market rows of the moment come before, requests that arrive then after."""
    rested = Wanted(at=1, action=1, side=1, tick=999, qty=1.0)
    through = trade(99.8, 1.0, -1, ts=DUE)
    result, _ = run(rows(QUOTES, stated(), through, END), rested)
    assert paid(result)[0][2] == pytest.approx(0.1)
    at_once = Wanted(at=50, action=MARKET, qty=1.0)  # the timer of DUE
    result, _ = run(rows(QUOTES, stated(), END), at_once)
    assert paid(result) == []
    earlier = Wanted(at=49, action=MARKET, qty=1.0)
    result, _ = run(rows(QUOTES, stated(), END), earlier)
    assert paid(result)[0][2] == pytest.approx(0.1)


def test_the_strategy_hears_of_it_one_response_latency_later():
    result, test = run(rows(QUOTES, stated(), END), BUY, latency=700)
    assert [(p[3], p[4]) for p in paid(result)] == [(DUE, DUE + 700)]
    before, after = (result.marks[result.marks["ts"] == DUE + us][0] for us in (0, 10_000))
    assert (before["funding"], after["funding"]) == (0.0, pytest.approx(0.2))
    assert after["equity"] == pytest.approx(before["equity"] - 0.2)
    assert test.group.ctx.positions["fee"].sum() == 0.0


def test_what_is_paid_when_all_is_closed_on_the_way_goes_to_the_first_module():
    close = Wanted(at=50, action=MARKET, side=-1, qty=2.0)
    result, test = run(rows(QUOTES, stated(), END), BUY, close)
    assert [w[0] for w in told(result.journal)][-4:] == ["funding", "ask", "fill", "order"]
    assert test.group.ctx.positions["funding"][:, 0].tolist() == pytest.approx([0.2, 0.2])


def test_instruments_pay_by_themselves_in_their_order():
    script = [BUY, Wanted(at=1, action=MARKET, inst=1, side=-1, qty=1.0)]
    other = book([(9.9, 9.0)], [(10.1, 9.0)], T0, snapshot=True, inst=1)
    events = rows(QUOTES, other, stated(mark=10.0, inst=1), stated(), END)
    result, _ = run(events, *script)
    assert [(p[1], p[2]) for p in paid(result)] == [
        (0, pytest.approx(0.2)), (1, pytest.approx(-0.01)),
    ]  # fmt: skip


def test_it_can_be_switched_off():
    result, test = run(rows(QUOTES, stated(), END), BUY, funding=False)
    assert paid(result) == []
    assert test.group.ctx.positions["funding"].sum() == 0.0


class Balances(xnb.Strategy):
    """Buy once, leave an order until the payment, and note what every balance row says."""

    class Params:
        script: xnb.f8[24, 8]
        qty: xnb.f8 = 1.0

    class State:
        heard: xnb.i8 = 0
        change: xnb.f8 = 0.0
        mid: xnb.f8 = 0.0
        funding: xnb.f8 = 0.0

    def on_schedule(ctx, p, s, tick):
        if tick.tick == 1:
            ctx.market(0, 1, p.qty)
            ctx.good_till(0, 1, 90.0, 1.0, ctx.now + 49_000)

    def on_acc_bal_pos(ctx, p, s, balance):
        s.heard += 1
        s.change = balance.change
        s.mid = ctx.book(0).mid
        s.funding = ctx.account(0).funding


def test_a_strategy_that_hears_balances_sees_the_book_of_that_moment():
    moved = book([(99.9, 0.0), (97.9, 1.0)], [(98.1, 1.0)], T0 + 49_000)
    late = book([(97.9, 0.0), (95.9, 1.0)], [(96.1, 1.0)], T0 + 51_000)
    result, test = run(rows(QUOTES, stated(), moved, late, END), strategy=Balances)
    state = test.group.state(0)
    assert (state["heard"], state["change"]) == (1, pytest.approx(-0.1))
    assert (state["mid"], state["funding"]) == (98.0, pytest.approx(0.1))
    # an order that expires at that very time does so after the payment
    assert [w[0] for w in told(result.journal) if w[-1] == DUE] == ["funding", "order"]


@pytest.mark.slow
@settings(max_examples=examples(80), deadline=None)
@given(funded(), scripts(), st.sampled_from([0, 400]), st.sampled_from([0, 900]), st.booleans())
def test_a_run_with_funding_is_the_slow_one_however_rows_are_cut(
    events, script, entry, response, partial
):
    config = BacktestConfig(
        exchange=ExchangeConfig(
            entry_latency_us=entry, response_latency_us=response, partial=partial
        ),
        timers=((1, 0.001),), mark_every_s=0.003,
    )  # fmt: skip
    source = MemorySource(events, table())
    strategies = [Scripted(script=params(script))]
    test = Backtest(source, strategies, config=config)
    result = test.run()
    slow = slow_run(
        naive(partial=partial), events, script, period=1_000, entry=entry, response=response
    )
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
@pytest.mark.parametrize("kind", [Balances, Scripted])
def test_variants_of_a_sweep_pay_as_runs_of_their_own(kind):
    name = "qty" if kind is Balances else "exchange.entry_latency_us"
    sets = [{name: value} for value in (1, 2, 3)]
    events = rows(QUOTES, stated(), stated(T0 + 60_000, due=T0 + 80_000), END)
    config = BacktestConfig(timers=((1, 0.001),), mark_every_s=0.01)
    script = params([BUY])

    def make(values):
        return [kind(script=script, **{k: v for k, v in values.items() if "." not in k})]

    sweep = Sweep(MemorySource(events, table()), make, sets, config=config, keep_journals=True)
    for outcome in sweep.run():
        exchange = ExchangeConfig(
            entry_latency_us=outcome.params.get("exchange.entry_latency_us", 0)
        )
        alone = BacktestConfig(exchange=exchange, timers=config.timers, mark_every_s=0.01)
        single = Backtest(MemorySource(events, table()), make(outcome.params), config=alone).run()
        assert outcome.journal.tobytes() == single.journal.tobytes()
        assert outcome.marks.tobytes() == single.marks.tobytes()
        assert len(paid(outcome)) == 2
        assert outcome.funding == pytest.approx(sum(p[2] for p in paid(outcome)))
        assert outcome.funding == np.float64(single.marks["funding"][-2:].sum())
