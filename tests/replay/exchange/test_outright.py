"""What is done outright leaves both sides as requests and reports on their way would."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.strategy.state import C_NEAR
from extrema_nb.testing import MemorySource, book, rows
from replay.backtest import BacktestConfig
from replay.exchange.config import ExchangeConfig
from replay.exchange.margin_config import MarginConfig
from replay.exchange.model import X_JOURNAL, X_NEAR, X_OUTRIGHT, X_REPORT_HEAD, X_REPORT_TAIL
from replay.sweep import Sweep
from tests.naive.exchange import Wanted
from tests.replay.exchange.runs import END
from tests.replay.exchange.scripted import T0, Quiet, market_rows, params, scripts, table
from tests.small_books import examples

# places that only say where something was last, and what was written where
HERE = [C_NEAR]
THERE = [X_NEAR, X_OUTRIGHT, X_REPORT_HEAD, X_REPORT_TAIL, X_JOURNAL]
TWO_SIDES = rows(
    book([(99.9, 2.0)], [(100.1, 2.0)], T0, snapshot=True),
    book([(99.9, 2.0)], [(100.1, 2.0)], T0, snapshot=True, inst=1),
    END,
)


def after(events, *quiet, **exchange):
    """Return what a run without a journal leaves of a context and an exchange, as bytes."""
    config = BacktestConfig(
        exchange=ExchangeConfig(**exchange), timers=((1, 0.001),), mark_every_s=0.002
    )
    sweep = Sweep(
        MemorySource(events, table()),
        lambda _: [Quiet(script=params(script)) for script in quiet],
        [{}], config=config, threads=1,
    )  # fmt: skip
    tapes = sweep.tapes
    (steps,) = sweep._locksteps([0], tapes.data.first_ts, tapes.data.last_ts, tapes.shift)
    sweep._done, sweep._total = 0, 1
    sweep._pass([steps], tapes)
    (variant,) = steps.variants
    ctx, x = variant.group.ctx, variant.x
    simple = bool(x.clock[X_OUTRIGHT])
    here, there = ctx.clock.copy(), x.clock.copy()
    here[HERE] = there[THERE] = 0
    orders = [
        ctx.open_orders[module, inst, :n].tobytes()
        for module, counts in enumerate(ctx.n_open)
        for inst, n in enumerate(counts)
    ]
    resting = [x.resting[inst, :n].tobytes() for inst, n in enumerate(x.n_orders)]
    parts = [here, there, ctx.positions, ctx.finished, ctx.n_open, x.n_orders, x.held]
    marks = variant.marks().tobytes()
    answers = [state["answers"].tolist() for state in variant.group.states]
    held = [part.tobytes() for part in parts]
    return held, orders, resting, marks, answers, simple


@settings(max_examples=examples(60), deadline=None)
@given(
    events=market_rows(most=25),
    first=scripts(),
    second=scripts(),
    queue=st.sampled_from(["risk_averse", "power", "through"]),
    partial=st.booleans(),
)
def test_two_modules_end_as_they_do_by_requests_and_reports(events, first, second, queue, partial):
    *outright, simple = after(events, first, second, queue=queue, partial=partial)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("replay.exchange.model._is_simple", lambda _: False)
        *sent, by_report = after(events, first, second, queue=queue, partial=partial)
    assert (simple, by_report) == (True, False)
    assert outright == sent


def test_an_order_that_is_cancelled_in_the_row_that_sends_it_is_gone():
    script = [
        Wanted(at=1, action=1, tick=990, qty=1.0),
        Wanted(at=1, action=1, tick=991, qty=1.0),
        Wanted(at=1, action=2, ref=1),
    ]
    _, orders, resting, _, answers, simple = after(TWO_SIDES, script)
    assert simple
    assert answers[0][0][:3] == [1, 2, 1]
    assert [len(orders[0]), len(resting[0])] == [80, 112]  # the second one is left


@pytest.mark.parametrize(
    "exchange",
    [
        {"entry_latency_us": 1},
        {"response_latency_us": 1},
        {"consume": True},
        {"margin": MarginConfig(1_000.0)},
    ],
)
def test_what_is_not_simple_goes_by_request_and_report(exchange):
    *_, simple = after(TWO_SIDES, [Wanted(at=1, action=1, tick=990, qty=1.0)], **exchange)
    assert not simple
