"""Messages on their way keep their order when their queues are moved to the front."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import extrema_nb as xnb
from extrema_nb.events import FILL, EventKind
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.strategy.risk import RiskLimits
from extrema_nb.strategy.state import ROW_LIMIT
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.backtest import Backtest, BacktestConfig
from replay.exchange.config import ExchangeConfig
from replay.exchange.messages import compact
from replay.exchange.model import (
    X_REPORT_HEAD,
    X_REPORT_TAIL,
    X_REQUEST_HEAD,
    X_REQUEST_TAIL,
    make_live_exchange,
)
from tests.naive.exchange import MARKET, Wanted
from tests.replay.exchange.runs import END, paid_run
from tests.replay.exchange.scripted import T0, funded, scripts, table, told
from tests.small_books import examples


def exchange():
    memory = []
    x = make_live_exchange(
        table().specs(), memory, ExchangeConfig(), max_orders=4, row_limit=ROW_LIMIT, window=128
    )
    return x, memory


def test_what_waits_moves_to_the_front_when_the_end_comes_near():
    x, keep = exchange()
    end = len(x.requests)
    x.requests["client_order_id"][end - 3 :] = [7, 8, 9]
    x.arrivals[end - 3 :] = [70, 80, 90]
    x.clock[X_REQUEST_HEAD], x.clock[X_REQUEST_TAIL] = end - 3, end
    assert compact(x)
    assert (x.clock[X_REQUEST_HEAD], x.clock[X_REQUEST_TAIL]) == (0, 3)
    assert x.requests["client_order_id"][:3].tolist() == [7, 8, 9]
    assert x.arrivals[:3].tolist() == [70, 80, 90]
    del keep


def test_an_empty_queue_begins_anew_and_a_full_one_is_said():
    x, keep = exchange()
    x.clock[X_REPORT_HEAD] = x.clock[X_REPORT_TAIL] = 5
    assert compact(x)
    assert x.clock[X_REPORT_TAIL] == 0
    x.clock[X_REPORT_TAIL] = len(x.reports)
    assert not compact(x)
    del keep


def fills_of_a_sweep(levels, *, entry, stop=False):
    """Return the fills of an order, or of a stop, that takes all levels of a book."""
    deep = book([(90.0, 1.0)], [((1001 + i) / 10, 0.25) for i in range(levels)], T0, snapshot=True)
    config = BacktestConfig(
        exchange=ExchangeConfig(partial=True, entry_latency_us=entry, response_latency_us=entry),
        timers=((1, 0.001),), mark_every_s=0.0,
    )  # fmt: skip
    module = Takes(qty=levels / 4, stop=int(stop))
    source = MemorySource(rows(deep, trade(95.0, 1.0, ts=T0 + 4_000), END), table())
    test = Backtest(source, [module], risk=RiskLimits(max_open_orders=4), config=config)
    journal = test.run().journal
    return journal[journal["kind"] == EventKind.FILL].view(FILL)


class Takes(xnb.Strategy):
    """Buy once, at once or by a stop."""

    class Params:
        qty: xnb.f8
        stop: xnb.i8

    def on_schedule(ctx, p, s, tick):  # noqa: N805
        if tick.tick == 1 and p.stop == 0:
            ctx.market(0, 1, p.qty)
        elif tick.tick == 1:
            ctx.stop_market(0, 1, 95.0, p.qty)


@pytest.mark.parametrize(
    ("entry", "stop"), [(0, False), (300, False), (0, True)], ids=["at once", "later", "stop"]
)
def test_an_order_may_take_more_levels_than_there_is_room_for_reports(entry, stop):
    levels = 1_200  # two reports each, and room for some two thousand
    fills = fills_of_a_sweep(levels, entry=entry, stop=stop)
    assert len(fills) == levels
    np.testing.assert_allclose(fills["price"], (1001 + np.arange(levels)) / 10)


LINEAR = {"contract_value": 0.01, "multiplier": 3.0}
INVERSE = {"contract_value": 100.0, "inverse": True, "base": "X"}
SPOT = {}


def contracts(*kinds):
    return InstrumentTable(
        Instrument(
            venue="x", symbol=name, name=name, tick_size=0.1, lot_size=0.25, maker_fee=-0.001,
            taker_fee=0.002, **kind,
        )
        for name, kind in zip("AB", kinds, strict=False)
    )  # fmt: skip


def test_a_mark_says_entry_and_profit_as_by_hand():
    """Buy 2 at 100.1 and 2 at 110.1, sell 1 at 119.9; then the mid is 120."""
    events = rows(
        book([(99.9, 9.0)], [(100.1, 9.0)], T0, snapshot=True),
        book([(109.9, 9.0)], [(110.1, 9.0)], T0 + 10_500, snapshot=True),
        book([(119.9, 9.0)], [(120.1, 9.0)], T0 + 20_500, snapshot=True),
        END,
    )
    script = [
        Wanted(at=at, action=MARKET, side=side, qty=qty)
        for at, side, qty in ((1, 1, 2.0), (15, 1, 2.0), (25, -1, 1.0))
    ]
    for kind, unit in ((SPOT, 1.0), (LINEAR, 0.03)):
        result, _ = paid_run(events, *script, names=contracts(kind))
        mark = result.marks[-1]
        assert mark["avg_price"] == pytest.approx(105.1)
        assert mark["realized"] == pytest.approx(unit * 14.8)
        assert mark["unrealized"] == pytest.approx(unit * 3 * 14.9)
        assert mark["equity"] == pytest.approx(unit * (14.8 + 44.7))
    result, _ = paid_run(events, *script, names=contracts(INVERSE))
    mark = result.marks[-1]
    entry = 4 / (2 / 100.1 + 2 / 110.1)
    assert mark["avg_price"] == pytest.approx(entry)
    assert mark["realized"] == pytest.approx(100 * (1 / entry - 1 / 119.9))
    assert mark["unrealized"] == pytest.approx(300 * (1 / entry - 1 / 120))
    assert mark["equity"] == pytest.approx(mark["realized"] + mark["unrealized"])


@pytest.mark.slow
@settings(max_examples=examples(120), deadline=None)
@given(funded(), scripts(), st.permutations([SPOT, LINEAR, INVERSE]), st.booleans())
def test_all_money_is_accounted_for(events, script, kinds, partial):
    """Cash + worth = realised + unrealised - fees - funding, at every mark and against the journal."""
    result, test = paid_run(
        events, *script, latency=300, free=False, names=contracts(*kinds), partial=partial
    )
    marks = result.marks[np.isfinite(result.marks["mid"])]
    profit = marks["realized"] + marks["unrealized"] - marks["fee"] - marks["funding"]
    assert marks["equity"] == pytest.approx(profit, abs=1e-9)
    fills = result.journal[result.journal["kind"] == EventKind.FILL].view(FILL)
    paid = [w for w in told(result.journal) if w[0] == "funding"]
    for inst, kind in enumerate(kinds[:2]):
        held = test.group.ctx.positions[1, inst]
        own = fills[fills["inst"] == inst]
        unit = kind.get("contract_value", 1.0) * kind.get("multiplier", 1.0)
        value = unit * own["qty"] * (1 / own["price"] if "inverse" in kind else own["price"])
        assert held["qty"] == pytest.approx((own["side"] * own["qty"]).sum())
        assert held["cash"] == pytest.approx(-(own["side"] * value).sum(), abs=1e-9)
        assert held["volume"] == pytest.approx(value.sum())
        assert held["fee"] == pytest.approx(own["fee"].sum(), abs=1e-9)
        assert held["funding"] == pytest.approx(sum(w[2] for w in paid if w[1] == inst), abs=1e-9)
        entry = held["avg_price"]
        at_entry = (
            held["qty"] * unit * ((1 / entry if "inverse" in kind else entry) if entry else 0)
        )
        worth = held["cash"] + at_entry
        assert held["realized"] == pytest.approx(-worth if "inverse" in kind else worth, abs=1e-9)
