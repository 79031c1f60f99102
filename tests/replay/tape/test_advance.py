"""A book that is caught up with is the book that took every row in."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.books import l2
from extrema_nb.events import BBO, LOB_LEVEL, EventKind
from extrema_nb.instruments import InstrumentTable
from extrema_nb.jit import kernel
from extrema_nb.strategy.risk import RiskLimits
from extrema_nb.strategy.state import make_context
from extrema_nb.testing import bbo
from replay.tape.advance import LEVELS, QUOTES, catch_up
from replay.tape.build import TapeMaker
from replay.tape.order import exchange_order
from tests.replay.exchange.scripted import T0, market_rows, table
from tests.small_books import examples


@kernel
def take_in(books, row):
    l2.apply_level(books, int(row.inst), row)


def state(books, inst):
    """Return everything that a strategy can ask of a book."""
    levels = [
        (side, tick, l2.quantity(books, inst, side, tick))
        for side in (l2.BID, l2.ASK)
        for tick in range(996, 1005)
    ]
    meta = books.meta[inst]
    return (
        l2.best_bid(books, inst), l2.best_ask(books, inst), levels, int(meta[l2.M_LEVELS]),
        int(meta[l2.M_SEQ]), int(meta[l2.M_TS_RECV]),
        l2.next_below(books, inst, l2.BID, 1000), l2.next_above(books, inst, l2.ASK, 1000),
    )  # fmt: skip


@settings(max_examples=examples(40))
@given(market_rows(most=16), st.integers(1, 2), st.lists(st.integers(0, 12), max_size=6))
def test_looking_at_any_moments_shows_the_book_of_that_moment(events, count, steps):
    names = InstrumentTable(list(table())[:count])
    events = events[events["inst"] < count]
    quotes = bbo(99.0, 1.0, 101.0, 2.0, ts=T0)
    events = np.concatenate([events[:5], quotes, events[5:]])
    events["ts_recv"] = np.sort(events["ts_recv"])
    order = exchange_order(events, np.ones(len(events), np.bool_), count)
    data = TapeMaker(names.specs()).make(events, order, 0, len(events))
    tape, keep = data.fork(data.visits([]))
    memory, plain_memory = [], []
    ctx = make_context(names.specs(), memory, modules=1, limits=RiskLimits(), window=128)
    plain = l2.make_books(names.specs(), plain_memory, window=128)
    done = 0
    for upto in [*np.minimum(np.cumsum(steps), len(events)).tolist(), len(events)]:
        catch_up(tape, ctx, upto, LEVELS | QUOTES)
        for row in events[done:upto]:
            if row["kind"] == EventKind.LOB:
                take_in(plain, np.array([row]).view(LOB_LEVEL)[0])
        done = max(done, upto)
        for inst in range(count):
            assert state(ctx.books, inst) == state(plain, inst)
        assert np.isnan(ctx.bbos[0].bid_price) == (upto <= 5)
    assert ctx.bbos[0].ask_qty == quotes.view(BBO)["ask_qty"][0]
    del keep


@settings(max_examples=examples(40))
@given(market_rows(most=16), st.integers(1, 2), st.lists(st.integers(0, 12), max_size=6))
def test_without_levels_and_quotes_the_best_prices_are_the_same(events, count, steps):
    names = InstrumentTable(list(table())[:count])
    events = events[events["inst"] < count]
    order = exchange_order(events, np.ones(len(events), np.bool_), count)
    data = TapeMaker(names.specs()).make(events, order, 0, len(events))
    memory, shown = [], []
    for looks in (LEVELS | QUOTES, 0):
        tape, keep = data.fork(data.visits([]))
        ctx = make_context(names.specs(), memory, modules=1, limits=RiskLimits(), window=128)
        seen = []
        for upto in [*np.minimum(np.cumsum(steps), len(events)).tolist(), len(events)]:
            catch_up(tape, ctx, upto, looks)
            books = ctx.books
            seen.append([(l2.best_bid(books, i), l2.best_ask(books, i)) for i in range(count)])
        shown.append(seen)
        del keep
    assert shown[0] == shown[1]
