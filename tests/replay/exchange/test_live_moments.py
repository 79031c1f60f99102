"""The exchange beside live rows is that of a backtest: the same fills, fees, funding and ends."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.events import INTENT, EventKind, OrderEvent
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.backtest import Backtest, BacktestConfig
from replay.exchange.config import ExchangeConfig
from replay.exchange.fee_config import FeeConfig
from replay.exchange.latency_config import LatencyConfig
from replay.exchange.live import LiveExchange
from replay.exchange.margin_config import MarginConfig
from replay.exchange.reports import LOST, NO_MARGIN
from tests.naive.exchange import MARKET, Wanted
from tests.replay.exchange.scripted import (
    DUE,
    T0,
    Scripted,
    funded,
    params,
    scripts,
    stated,
    table,
    told,
)
from tests.replay.exchange.test_live import intent
from tests.small_books import examples

nan = math.nan
DEEP = book(
    [(99.9, 2.0), (99.0, 2.0), (98.0, 9.0)], [(100.1, 9.0), (102.0, 9.0)], T0, snapshot=True,
)  # fmt: skip
REPORTS = (EventKind.FILL, EventKind.ACC_ORDER, EventKind.ACC_BAL)


def reports_of(events, journal, config, cut):
    """Return what the exchange says that gets the rows in pieces, and each request in its time."""
    live = LiveExchange(table(), config)
    intents = journal[journal["kind"] == EventKind.INTENT].view(INTENT)
    out, start = [], 0

    def feed(end):
        nonlocal start
        out.extend(
            live.step(events[place : min(place + cut, end)].copy())
            for place in range(start, end, cut)
        )
        start = max(start, end)

    for now in np.unique(intents["ts_recv"]).tolist():
        feed(int(np.searchsorted(events["ts_recv"], now, side="right")))
        out.append(live.submit(intents[intents["ts_recv"] == now].copy(), now))
    feed(len(events))
    out.append(live.advance(int(events["ts_recv"][-1])))
    return np.concatenate(out), live


FEES = st.sampled_from(
    [
        {},
        {"maker_fee": -0.0005, "sell_fee": 0.001},
        {"taker_per_unit": 0.25, "fee_per_fill": 0.5, "fees": {"B": FeeConfig(taker_fee=0.01)}},
    ]
)
LATENCIES = st.sampled_from(
    [
        {},
        {"entry_latency_us": 400, "response_latency_us": 900},
        {"latency": LatencyConfig("feed", factor=1.0, offset_us=300.0)},
        {
            "latency": LatencyConfig(
                "sampled", distribution="lognormal", mean_us=900.0, sigma=0.7, seed=5
            )
        },
        {"latency": LatencyConfig("constant", entry_us=-700)},
    ]
)
MARGINS = st.one_of(
    st.none(),
    st.builds(
        lambda balance, near, fee: MarginConfig(
            float(balance), initial=0.1, maintenance=0.1 * near, liquidation_fee=fee
        ),
        st.integers(12, 60), st.sampled_from([0.5, 0.9, 1.0]), st.sampled_from([0.0, 0.01]),
    ),
)  # fmt: skip
CONFIGS = st.builds(
    lambda fees, latency, margin, rule, **others: ExchangeConfig(
        margin=margin, consume=rule is not None, self_trade=rule, **fees, **latency, **others
    ),
    FEES, LATENCIES, MARGINS,
    rule=st.sampled_from([None, None, "cancel_newest", "cancel_oldest", "cancel_both"]),
    queue=st.sampled_from(["risk_averse", "power", "through"]),
    partial=st.booleans(),
    funding=st.sampled_from([True, True, True, False]),
)  # fmt: skip


@st.composite
def opened(draw):
    """Draw a script that begins with a position in each instrument."""
    script = draw(scripts(reduces=True))
    for inst in (0, 1):
        side, qty = draw(st.sampled_from([1, -1])), draw(st.integers(2, 12)) / 4
        script[inst : inst + 1] = [Wanted(inst, MARKET, inst, side, qty=qty)]
    return script


@pytest.mark.slow
@settings(max_examples=examples(120), deadline=None)
@given(
    st.one_of(funded(late=0), funded(marks=(60.0, 100.0, 140.0, 97.0, nan), late=0)),
    opened(), CONFIGS, st.integers(1, 9),
)  # fmt: skip
def test_reports_are_those_of_a_backtest_over_the_same_rows_in_any_pieces(
    events, script, config, cut
):
    """The exchange's clock is the receipt clock in both: rows take no time to us."""
    events = events[np.lexsort((events["inst"], events["ts_recv"]))]
    last = max(int(events["ts_recv"][-1]), T0 + 50_000) + 60_000
    events = rows(events, trade(100.0, 1.0, 0, last))
    source = MemorySource(events, table())
    test = Backtest(
        source, [Scripted(script=params(script))],
        config=BacktestConfig(exchange=config, timers=((1, 0.001),), mark_every_s=0.01),
    )  # fmt: skip
    result = test.run()
    expected = result.journal[np.isin(result.journal["kind"], REPORTS)]
    found, live = reports_of(events, result.journal, config, cut)
    assert told(found) == told(expected)
    assert found.view(np.int64).tolist() == expected.view(np.int64).tolist()  # every byte
    for name, count in live.counters().items():
        assert count == result.counters[name], name


class Paper:
    """An exchange beside live rows, and a position of 2 at 100.1 taken at T0 + 1."""

    def __init__(self, *parts, qty=2.0, **assumed):
        config = ExchangeConfig(**{"maker_fee": 0.0, "taker_fee": 0.0} | assumed)
        self.live = LiveExchange(table(), config)
        self.live.step(rows(DEEP, *parts))
        self.said = told(
            self.live.submit(intent(1, Wanted(0, MARKET, side=1, qty=qty), T0 + 1), T0 + 1)
        )

    def step(self, *parts):
        self.said = told(self.live.step(rows(*parts)))
        return self.said

    def advance(self, now):
        self.said = told(self.live.advance(now))
        return self.said


def test_funding_is_paid_in_a_silent_market_at_the_time_that_was_stated_last():
    paper = Paper(stated())
    assert paper.live.wakes_at == DUE
    paper.step(stated(T0 + 10, mark=101.0))
    assert paper.advance(DUE - 1) == []
    assert paper.advance(DUE + 5) == [("funding", 0, pytest.approx(0.202), DUE, DUE)]
    assert paper.live.wakes_at is None
    assert paper.live.counters()["funding_payments"] == 1


def test_a_payment_moves_with_what_the_venue_states_and_a_time_that_has_passed_is_none():
    paper = Paper(stated())
    later = DUE + 1_000
    paper.step(stated(T0 + 10, due=later))
    assert paper.advance(DUE) == []
    assert [p[3] for p in paper.advance(later)] == [later]
    # rows from before the payment that come after it
    paper.step(stated(later + 5, due=later), stated(later + 6, due=later - 500))
    assert paper.live.wakes_at is None
    assert paper.advance(later + 90_000) == []


def test_the_exchange_pays_by_our_clock_whatever_the_venues_says():
    paper = Paper()
    paper.step(stated(T0 + 10, due=T0 + 5_000, ts_event=T0 - 60_000_000))
    assert [p[3] for p in paper.advance(T0 + 5_000)] == [T0 + 5_000]
    paper.step(stated(T0 + 6_000, due=T0 + 5_999, ts_event=T0))  # late: that time has passed
    assert paper.live.wakes_at is None


def test_rows_without_a_time_and_payments_without_a_price_are_counted():
    empty = book([(99.9, 0.0), (99.0, 0.0), (98.0, 0.0)], [], T0 + 20)
    paper = Paper(stated(mark=nan), stated(due=-1, inst=1))
    paper.step(empty)
    assert paper.advance(DUE) == []
    counted = paper.live.counters()
    assert (counted["funding_without_price"], counted["funding_rows_without_time"]) == (1, 1)


def test_an_account_with_too_little_margin_is_closed_when_a_mark_says_so():
    paper = Paper(qty=3.0, margin=MarginConfig(31.0, maintenance=0.05))
    assert paper.step(stated(T0 + 10, rate=nan, mark=94.6, due=-1)) == []
    paper.step(stated(T0 + 20, rate=nan, mark=94.4, due=-1))
    assert paper.live.wakes_at == T0 + 20
    closed = paper.advance(T0 + 20)
    assert [w[:5] for w in closed if w[0] == "fill"] == [
        ("fill", -1, -1, 99.9, 2.0), ("fill", -1, -1, 99.0, 1.0),
    ]  # fmt: skip
    assert paper.live.counters()["liquidations"] == 1


def test_what_the_book_could_not_take_is_tried_again_when_a_price_moves():
    thin = book([(99.9, 0.0), (99.0, 0.0), (98.0, 1.0)], [], T0 + 10)
    paper = Paper(qty=3.0, margin=MarginConfig(31.0, maintenance=0.05))
    paper.step(thin)
    paper.step(stated(T0 + 20, rate=nan, mark=90.0, due=-1))
    assert [w[4] for w in paper.advance(T0 + 20) if w[0] == "fill"] == [1.0]
    paper.step(book([(98.0, 5.0)], [], T0 + 30))  # a mark is known: the touch says nothing
    assert paper.advance(T0 + 30) == []
    paper.step(stated(T0 + 40, rate=nan, mark=89.0, due=-1))
    assert [w[4] for w in paper.advance(T0 + 40) if w[0] == "fill"] == [2.0]


def test_an_order_that_needs_too_much_margin_is_refused():
    paper = Paper(qty=3.25, margin=MarginConfig(32.0, initial=0.1))
    assert [(w[0], w[2], w[5]) for w in paper.said] == [("order", OrderEvent.REJECTED, NO_MARGIN)]


def test_a_refused_request_is_told_after_its_round_trip():
    paper = Paper(latency=LatencyConfig("constant", entry_us=-700))
    assert paper.said == []
    (report,) = paper.advance(T0 + 701)
    assert (report[2], report[5]) == (OrderEvent.REJECTED, LOST)
    assert report[-2:] == (T0 + 1, T0 + 701)


def test_the_latency_of_the_feed_is_that_of_the_newest_book_row():
    late = book([(99.8, 1.0)], [], T0 + 1_000, ts_event=T0 + 400)
    paper = Paper(latency=LatencyConfig("feed", factor=2.0, offset_us=50.0))
    paper.step(late)
    sent = T0 + 2_000
    assert told(paper.live.submit(intent(7, Wanted(0, 1, tick=990, qty=1.0), sent), sent)) == []
    (report,) = [w for w in paper.advance(sent + 10_000) if w[1] == 7]
    assert report[-2:] == (sent + 1_250, sent + 2_500)
