"""Reduce-only orders end when what they were to reduce is gone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.events import ACC_ORDER, SELL, Action, Flag, OrderEvent
from extrema_nb.testing import MemorySource, book, trade
from replay.exchange.model import FAR, X_NEXT_EXPIRY, X_REDUCES
from replay.exchange.reports import CANNOT_REDUCE
from tests.naive import exchange as twin
from tests.naive.exchange import MARKET, Spec, Wanted
from tests.naive.reducing import NaiveReducing
from tests.replay.exchange.scripted import ACTIONS, TICKS, market_rows, scripts, table, told
from tests.replay.exchange.test_arrival import raw
from tests.replay.exchange.test_matching import Market
from tests.replay.exchange.test_matching import told as brief
from tests.replay.exchange.test_stops import stop
from tests.replay.test_backtest import PERIOD, Cut, backtest
from tests.small_books import examples

E = OrderEvent
ONLY = int(Flag.REDUCE_ONLY)


def holding(qty=2.0):
    """Return a market in which we hold `qty`, with two reduce-only sells that rest."""
    market = Market()
    market.ask(1, MARKET, qty=qty)
    for id_, tick in ((2, 1005), (3, 1010)):
        raw(market, id_, side=SELL, tick=tick, flags=ONLY)
    return market


def test_orders_without_a_position_to_reduce_end_in_the_moment_in_which_it_goes():
    market = holding()
    assert market.ask(4, MARKET, side=SELL, qty=1.5) == [(4, 99.9, 1.5), (4, E.TRADE)]
    closing = raw(market, 5, action=MARKET, side=SELL, qty=0.5)
    assert brief(closing) == [(5, 99.9, 0.5), (5, E.TRADE), (2, E.EXPIRED), (3, E.EXPIRED)]
    ended = np.array(closing[-2:]).view(ACC_ORDER)
    assert set(ended["ts_event"]) == {market.now}
    assert set(ended["code"]) == {CANNOT_REDUCE}
    assert list(ended["leaves_qty"]) == [1.0, 1.0]
    assert len(market.live.open_orders(0)) == 0
    assert market.live._x.clock[X_NEXT_EXPIRY] == FAR


def test_a_position_that_turns_ends_them_and_another_instrument_does_not():
    market = holding()
    market.rows(book([(99.9, 9.0)], [(100.1, 9.0)], inst=1, snapshot=True))
    assert market.ask(4, MARKET, inst=1, side=SELL, qty=9.0) == [(4, 99.9, 9.0), (4, E.TRADE)]
    assert market.ask(5, MARKET, side=SELL, qty=3.0)[2:] == [(2, E.EXPIRED), (3, E.EXPIRED)]


def test_a_trade_that_closes_the_position_ends_them_too():
    market = holding()
    market.ask(4, side=SELL, tick=1001, qty=2.0)
    assert market.rows(trade(100.2, 1.0, 1)) == [
        (4, 100.1, 2.0), (4, E.TRADE), (2, E.EXPIRED), (3, E.EXPIRED),
    ]  # fmt: skip


def test_orders_that_may_open_a_position_and_stops_that_wait_stay():
    market = holding()
    market.ask(6, side=SELL, tick=1020)
    stop(market, 7, side=-1, trigger=90.0, flags=ONLY)
    market.ask(4, MARKET, side=SELL, qty=2.0)
    assert [int(row["client_order_id"]) for row in market.live.open_orders(0)] == [6]
    assert market.ask(7, action=Action.CANCEL) == [(7, E.CANCELED)]


def test_nothing_is_looked_for_where_no_such_order_ever_came():
    market = Market()
    market.ask(1, MARKET, qty=1.0)
    market.ask(2, MARKET, side=SELL, qty=1.0)
    assert market.live._x.clock[X_REDUCES] == 0
    assert market.live._x.clock[X_NEXT_EXPIRY] == FAR


@st.composite
def positions(draw):
    """Draw positions that are opened, meant to be reduced, and closed or turned by another order."""
    out = []
    for at in (1, 9, 17):
        inst, side = draw(st.integers(0, 1)), draw(st.sampled_from([1, -1]))
        held = draw(st.integers(1, 8)) / 4
        out.append(Wanted(at, MARKET, inst, side, qty=held))
        for _ in range(draw(st.integers(1, 3))):
            away = Wanted(
                at + draw(st.integers(1, 3)), 1, inst, -side, draw(TICKS) + 4 * side,
                draw(st.integers(1, 8)) / 4, draw(st.sampled_from([0, 0, 1])), reduce=True,
            )  # fmt: skip
            out.append(away)
        closing = draw(st.sampled_from([MARKET, MARKET, 1]))
        more = draw(st.sampled_from([0.0, 0.0, 0.25, -0.25]))
        out.append(
            Wanted(at + 5, closing, inst, -side, draw(TICKS), max(held + more, 0.25),
                   reduce=draw(st.booleans()))
        )  # fmt: skip
    return (out + draw(scripts(reduces=True)))[:ACTIONS]


def test_the_drawn_positions_leave_orders_without_a_use():
    """Else the property below would say nothing."""
    ended = []

    class Counted(NaiveReducing):
        def stop(self, order):
            ended.append(order.id in self.idle)
            super().stop(order)

    @settings(max_examples=40, database=None, derandomize=True)
    @given(market_rows(least=25), positions())
    def play(events, script):
        naive = Counted([Spec("0.1", 0.25, -0.001, 0.002)] * 2)
        twin.run(naive, events, script, period=PERIOD)

    play()
    assert sum(ended) > 10


@settings(max_examples=examples(150))
@given(
    market_rows(least=25), positions(), st.booleans(), st.sampled_from([0, 0, 700]),
    st.sampled_from([0, 500]), st.none() | st.lists(st.integers(1, 12), min_size=1, max_size=3),
)  # fmt: skip
def test_a_run_with_reduce_only_orders_is_that_of_the_naive_twin(
    events, script, partial, entry, response, sizes
):
    source = Cut(events, sizes) if sizes else MemorySource(events, table())
    test = backtest(
        events, script, queue="risk_averse", entry=entry, response=response, source=source,
        partial=partial,
    )  # fmt: skip
    naive = NaiveReducing([Spec("0.1", 0.25, -0.001, 0.002)] * 2, "risk_averse", 2.0, partial)
    with pytest.MonkeyPatch.context() as patch:
        if sizes:
            patch.setattr("replay.scan.KEEP_ROWS", 0)
        found = told(test.run().journal)
    assert found == twin.run(naive, events, script, period=PERIOD, entry=entry, response=response)
    assert test.group.counters()["odd_reports"] == 0
