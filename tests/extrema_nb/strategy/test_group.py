"""A group: who gets which rows, what comes out, and that batches change nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb import jit
from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import EVENT, EventKind, as_events, empty_events
from extrema_nb.instruments import InstrumentTable
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.testing import book, candle, instrument_table, row, rows, trade
from tests.extrema_nb.strategy import puppet as do
from tests.extrema_nb.strategy.puppet import Puppet, Stage
from tests.generators import event_arrays
from tests.replay.exchange.scripted import T0, Scripted, market_rows, params, scripts, table
from tests.small_books import examples


def test_a_strategy_gets_the_instruments_that_it_names():
    stage = Stage(Puppet(me=0, insts=["ETH_USDT_PERP"]), Puppet(me=1))
    stage.feed(trade(1.0, 1.0, inst=0), trade(1.0, 1.0, inst=1), candle(1, 1, 1, 1, 1, inst=0))
    assert [stage.state(i).trades for i in range(2)] == [1, 2]
    assert [stage.state(i).candles for i in range(2)] == [0, 1]
    stage.feed(row(EventKind.SCHEDULE, 1, timer=1, tick=0, inst=-1))
    assert [stage.state(i).ticks for i in range(2)] == [1, 1]  # rows without an instrument


def test_subscriptions_limit_kinds_and_instruments_but_never_an_orders_own_reports():
    stage = Stage(
        Puppet(me=0),
        Puppet(me=1),
        subscriptions=[[(EventKind.TRADE, 1), (EventKind.PRED, -1)], None],
    )
    stage.feed(trade(1.0, 1.0, inst=0), trade(1.0, 1.0, inst=1), book([(1.0, 1.0)], [], inst=1))
    assert [stage.state(i).trades for i in range(2)] == [1, 2]
    assert [stage.state(i).books for i in range(2)] == [0, 1]
    stage.do(do.MARKET, me=0, qty=1.0)
    stage.fill(1, 1.0, 100.0)
    assert [stage.state(i).fills for i in range(2)] == [1, 0]


def test_on_lob_is_called_once_a_message_when_the_book_is_whole():
    stage = Stage()
    stage.feed(
        book([(1.0, 1.0), (0.9, 1.0)], [(1.1, 1.0)]), book([], [], 1), book([(1.0, 2.0)], [], 2)
    )
    assert stage.state().books == 3


def test_crossed_books_are_counted():
    stage = Stage().quote(100.0, 100.2)
    stage.feed(book([(100.3, 1.0)], [], 1))
    assert stage.group.counters()["crossed"] == 1


@pytest.mark.parametrize(
    ("strategies", "instruments", "message"),
    [
        ([], instrument_table(), "0 strategies, expected 1 to 62"),
        ([Puppet()] * 63, instrument_table(), "63 strategies, expected 1 to 62"),
        ([Puppet()], InstrumentTable(), "the instrument table is empty"),
        ([Puppet(insts=["BTC_USDT"])], instrument_table(), "unknown instrument 'BTC_USDT'.*mean"),
    ],
)
def test_a_group_that_cannot_be_is_refused(strategies, instruments, message):
    with pytest.raises(ConfigError, match=message):
        KernelGroup(strategies, instruments)


def test_rows_of_another_layout_are_refused():
    group = KernelGroup([Puppet()], instrument_table())
    with pytest.raises(DataError, match=r"expected extrema_nb.EVENT"):
        group.step(np.zeros(3))


def test_no_rows_are_no_outputs():
    out = KernelGroup([Puppet()], instrument_table()).step(empty_events(0))
    assert (len(out.intents), out.features, len(out.targets), out.logs) == (0, [], 0, [])


def test_what_describes_a_group_builds_it_again():
    group = KernelGroup([Puppet(me=3, name="a")], instrument_table(), seed=9)
    told = json.loads(json.dumps(group.describe()))
    assert told["strategies"] == [
        {
            "path": "tests.extrema_nb.strategy.puppet:Puppet", "name": "a", "insts": None,
            "params": {"me": 3, "echo": 0.0},
        }
    ]  # fmt: skip
    assert told["seed"] == 9
    assert told["digest"] == group.digest() == KernelGroup([Puppet()], instrument_table()).digest()


def test_a_reset_group_begins_anew():
    stage = Stage()
    assert stage.do(do.LIMIT, price=1.0, qty=1.0) == 1
    stage.group.reset()
    assert stage.do(do.LIMIT, price=1.0, qty=1.0) == 1
    assert stage.state().args[0] == do.LIMIT


@pytest.mark.compiled
def test_live_and_recorded_rows_run_the_same_machine_code():
    """Read-only, strided and typed arrays must not each be compiled anew."""
    group = KernelGroup([Puppet()], instrument_table())
    some = rows(*(trade(1.0, 1.0, ts=i) for i in range(6)))
    fixed = some.copy()
    fixed.flags.writeable = False
    for part in (some, fixed, some[::2], some.view(np.recarray), as_events(some)):
        group.step(part)
    assert group.state(0).trades == 27
    assert jit.signatures(group.run_kernel) == 1


@settings(max_examples=examples(60))
@given(event_arrays(max_size=60), st.lists(st.integers(0, 60), max_size=6), st.integers(0, 3))
def test_any_rows_in_any_pieces_give_the_same(events, cuts, seed):
    """Rows of every kind with absent words, extreme ids and codes, as they may come from a wire."""

    def run(pieces):
        group = KernelGroup([Puppet(me=0), Puppet(me=1, echo=0.5)], instrument_table(), seed=seed)
        outs = [group.step(piece.copy()) for piece in pieces]
        return (
            np.concatenate([o.intents for o in outs]).tobytes(),
            np.concatenate([o.targets for o in outs]).tobytes(),
            [group.state(i).tobytes() for i in range(2)],
            group.counters(),
        )

    events = events[np.isin(events["kind"], [k for k in EventKind if k != EventKind.PRED])]
    assert run(np.split(events, sorted(cuts))) == run([events])


@settings(max_examples=examples(30))
@given(market_rows(late=0), scripts(), st.lists(st.integers(1, 60), max_size=5))
def test_orders_of_a_group_do_not_depend_on_its_batches(events, script, cuts):
    ticks = rows(
        *(row(EventKind.SCHEDULE, T0 + i * 1_000, timer=1, tick=i, inst=-1) for i in range(40))
    )
    events = rows(events, ticks, sort=True)

    def run(pieces):
        group = KernelGroup([Scripted(script=params(script))], table())
        return np.concatenate([group.step(piece.copy()).intents for piece in pieces]).tobytes()

    whole = run([events])
    assert run(np.split(events, sorted(cuts))) == whole
    assert run(np.split(events, len(events))) == whole
    assert events.dtype == EVENT
