"""The queue of single orders: price-time priority, against a twin that keeps everybody in one list."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError
from extrema_nb.events import MBO, EventKind, Flag, OrderEvent
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.exchange.config import ExchangeConfig
from replay.exchange.live import LiveExchange
from replay.inputs import BookFrom
from replay.sweep import Sweep
from tests.naive import exchange as twin
from tests.naive.exchange import MARKET, Spec, Wanted
from tests.naive.fifo import NaiveFifo
from tests.order_rows import ADD, DELETE, EXECUTE, MODIFY, T0, mbo, order_streams
from tests.replay.exchange.scripted import Scripted, params, scripts, table, told
from tests.replay.test_backtest import PERIOD, Cut, backtest, results
from tests.small_books import examples

LATE = 3_000  # µs, the greatest feed latency


def with_book(events, sizes=None):
    source = Cut(events, sizes) if sizes else MemorySource(events, table())
    return BookFrom(source, "orders")


def fifo(events, script, *, sizes=None, **assumptions):
    return backtest(events, script, queue="fifo", source=with_book(events, sizes), **assumptions)


def naive(*, partial=False, consume=False):
    specs = [Spec("0.1", 0.25, -0.001, 0.002) for _ in range(2)]
    return NaiveFifo(specs, partial=partial, consume=consume)


def monotone(events):
    """Return a stream of orders as one venue sends it: in the order of its own clock."""
    events = events.copy()
    for inst in np.unique(events["inst"]):
        mine = events["inst"] == inst
        events["ts_event"][mine] = np.maximum.accumulate(events["ts_event"][mine])
    return events


streams = order_streams(late=LATE, insts=2).map(monotone)
latencies = st.sampled_from([0, 0, 700, 3_000])


@settings(max_examples=examples(150))
@given(streams, scripts(), latencies, latencies, st.booleans())
def test_a_run_is_that_of_the_naive_twin(events, script, entry, response, partial):
    test = fifo(events, script, entry=entry, response=response, partial=partial)
    expected = twin.run(
        naive(partial=partial), np.concatenate(list(with_book(events).batches())), script,
        period=PERIOD, entry=entry, response=response,
    )  # fmt: skip
    assert told(test.run().journal) == expected
    assert test.group.state(0).wrong == 0


@settings(max_examples=examples(60))
@given(streams, scripts(), latencies)
def test_own_orders_share_as_in_the_twin(events, script, entry):
    """Of makers alone: takers of the twin use nothing up."""
    script = [w for w in script if w.action != MARKET and w.tif == 1]
    test = fifo(events, script, entry=entry, consume=True)
    expected = twin.run(
        naive(consume=True), np.concatenate(list(with_book(events).batches())), script,
        period=PERIOD, entry=entry,
    )  # fmt: skip
    assert told(test.run().journal) == expected


@settings(max_examples=examples(40))
@given(
    streams, scripts(), st.lists(st.integers(1, 12), min_size=1, max_size=3), latencies,
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_batches_and_tapes_change_nothing(events, script, sizes, entry, partial, consume):
    assumptions = {"entry": entry, "partial": partial, "consume": consume}
    whole = fifo(events, script, **assumptions).run()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("replay.scan.KEEP_ROWS", 0)
        cut = fifo(events, script, sizes=sizes, **assumptions).run()
    assert results(cut) == results(whole)


@settings(max_examples=examples(20), deadline=None)
@given(streams, scripts(), st.floats(0.0, 1.0), st.sampled_from([0, 5, 16]))
def test_a_run_that_is_saved_and_gone_on_with_is_the_whole_run(
    tmp_path_factory, events, script, place, cut
):
    """Tapes are made anew from the first row on, so the queues are, too."""
    path = tmp_path_factory.mktemp("fifo") / "run.save"
    sizes = [cut] if cut else None
    with pytest.MonkeyPatch.context() as patch:
        if cut:
            patch.setattr("replay.scan.KEEP_ROWS", 0)
        whole = fifo(events, script, sizes=sizes, entry=700).run()
        first, last = int(events["ts_recv"][0]), int(events["ts_recv"][-1])
        at = first + int(place * (last - first))
        fifo(events, script, sizes=sizes, entry=700).run_until(at, path)
        resumed = fifo(events, script, sizes=sizes, entry=700).run(resume=path)
    assert results(resumed) == results(whole)
    assert resumed.counters == whole.counters


@settings(max_examples=examples(20))
@given(streams, scripts(), st.booleans())
def test_a_sweep_is_its_single_runs(events, script, partial):
    alone = [fifo(events, script, entry=entry, partial=partial).run() for entry in (0, 700)]
    other = backtest(events, script, queue="power", source=with_book(events), partial=partial).run()
    sets = [
        {"exchange.entry_latency_us": 0}, {"exchange.entry_latency_us": 700},
        {"exchange.queue": "power"},
    ]  # fmt: skip
    sweep = Sweep(
        with_book(events), lambda _: [Scripted(script=params(script))], sets,
        config=fifo(events, script, partial=partial).config, keep_journals=True,
    )  # fmt: skip
    for outcome, run in zip(sweep.run(), [*alone, other], strict=True):
        assert outcome.journal.tobytes() == run.journal.tobytes()


def gained(events):
    """Return (place, row, when its order last came to the end of its queue) of each execution.

    Written from the rule alone: an add, another price and a larger quantity lose the place.
    """
    since: dict[int, int] = {}
    last: dict[int, tuple[float, float]] = {}
    out = []
    for row in events.view(MBO):
        order_id, action = int(row["order_id"]), int(row["action"])
        price, qty = last.get(order_id, (np.nan, 0.0))
        if action in {ADD, MODIFY}:
            if action == ADD or row["price"] != price or row["qty"] > qty:
                since[order_id] = int(row["ts_event"])
            last[order_id] = (float(row["price"]), float(row["qty"]))
        elif action == EXECUTE:
            last[order_id] = (price, qty - float(row["qty"]))
            out.append((row, since[order_id]))
    return out


@settings(max_examples=examples(100))
@given(order_streams(strange=False, least=20), st.integers(0, 20), st.sampled_from([1, -1]))
def test_price_time_priority(events, at, side):
    """An own order is filled by the first execution behind it or at a worse price, and not before."""
    price = (1000 - side) / 10
    script = [Wanted(at=at, action=1, side=side, tick=1000 - side, qty=1.0, tif=1)]
    journal = told(fifo(events, script).run().journal)
    arrived = [x[-2] for x in journal if x[0] == "order" and x[2] == OrderEvent.ACCEPTED]
    filled = [x[-2] for x in journal if x[0] == "fill"]
    crossed = [  # an order of the other side that came to our price
        int(row["ts_event"]) for row in events.view(MBO)
        if row["side"] == -side and row["action"] in {ADD, MODIFY}
        and (row["price"] - price) * side <= 0
    ]  # fmt: skip
    behind = [
        int(row["ts_event"]) for row, since in gained(events)
        if arrived and row["side"] == side and row["ts_event"] > arrived[0]
        and ((row["price"] - price) * side < 0 or (row["price"] == price and since > arrived[0]))
    ]  # fmt: skip
    event(f"arrived {len(arrived)}, filled {len(filled)}, behind {len(behind) > 0}")
    first = min([*behind, *(t for t in crossed if arrived and t > arrived[0])], default=None)
    assert filled == ([] if first is None else [first])


def filled(events, script, **assumptions):
    """Return (order, time after T0, quantity) of each fill."""
    journal = told(fifo(events, script, **assumptions).run().journal)
    return [(line[1], line[-2] - T0, line[4]) for line in journal if line[0] == "fill"]


BASE = rows(
    mbo(ADD, 1, 100.0, 1.0, 1, T0), mbo(ADD, 2, 100.1, 1.0, -1, T0), mbo(ADD, 3, 100.0, 2.0, 1, T0 + 1)
)  # fmt: skip
BID = [Wanted(at=1, action=1, tick=1000, qty=1.0)]  # behind 1 and 3
LATER = mbo(ADD, 4, 100.0, 5.0, 1, T0 + 2_000)  # behind ours


@pytest.mark.parametrize(
    ("changes", "fills"),
    [
        # the two ahead are executed: nothing for us
        ([mbo(EXECUTE, 1, 100.0, 1.0, 1, T0 + 3_000), mbo(EXECUTE, 3, 100.0, 2.0, 1, T0 + 4_000)], []),
        # one behind us is: we would have been first, though the others still stand there
        ([mbo(EXECUTE, 4, 100.0, 0.25, 1, T0 + 3_000)], [(1, 3_000, 1.0)]),
        # whoever cancels ahead of us fills nobody
        ([mbo(DELETE, 1, ts=T0 + 3_000), mbo(DELETE, 3, ts=T0 + 3_001)], []),
        # less keeps the place ahead of us
        (
            [mbo(MODIFY, 3, 100.0, 1.0, 1, T0 + 3_000), mbo(EXECUTE, 3, 100.0, 1.0, 1, T0 + 4_000)],
            [],
        ),
        # more goes behind us
        (
            [mbo(MODIFY, 3, 100.0, 3.0, 1, T0 + 3_000), mbo(EXECUTE, 3, 100.0, 1.0, 1, T0 + 4_000)],
            [(1, 4_000, 1.0)],
        ),
        # away and back again, too
        (
            [
                mbo(MODIFY, 3, 99.9, 2.0, 1, T0 + 3_000), mbo(MODIFY, 3, 100.0, 2.0, 1, T0 + 3_500),
                mbo(EXECUTE, 3, 100.0, 1.0, 1, T0 + 4_000),
            ],
            [(1, 4_000, 1.0)],
        ),
        # a worse price was executed: ours came first
        (
            [mbo(ADD, 5, 99.8, 1.0, 1, T0 + 3_000), mbo(EXECUTE, 5, 99.8, 0.25, 1, T0 + 4_000)],
            [(1, 4_000, 1.0)],
        ),
        # a better price, or the other side, was
        (
            [
                mbo(EXECUTE, 2, 100.1, 0.25, -1, T0 + 3_000), mbo(DELETE, 2, ts=T0 + 3_001),
                mbo(ADD, 6, 100.2, 1.0, -1, T0 + 3_001), mbo(ADD, 5, 100.1, 1.0, 1, T0 + 3_002),
                mbo(EXECUTE, 5, 100.1, 1.0, 1, T0 + 4_000),
            ],
            [],
        ),
        # an order that is older than the data stood ahead of us, at a worse price behind
        ([mbo(EXECUTE, 77, 100.0, 1.0, 1, T0 + 3_000)], []),
        ([mbo(EXECUTE, 77, 99.9, 1.0, 1, T0 + 3_000)], [(1, 3_000, 1.0)]),
        # an ask comes down to us
        ([mbo(ADD, 5, 100.0, 0.25, -1, T0 + 3_000)], [(1, 3_000, 1.0)]),
        ([mbo(MODIFY, 2, 100.0, 1.0, -1, T0 + 3_000)], [(1, 3_000, 1.0)]),
        # a trade alone says nothing: executions do
        ([trade(100.0, 50.0, -1, T0 + 3_000), trade(99.0, 50.0, -1, T0 + 3_000)], []),
        # an execution of nothing
        ([mbo(EXECUTE, 4, 100.0, 0.0, 1, T0 + 3_000)], []),
    ],
)  # fmt: skip
def test_who_is_filled_by_what(changes, fills):
    events = rows(BASE, LATER, *changes, trade(100.0, 0.0, 0, T0 + 9_000))
    assert filled(events, BID) == fills


def test_an_order_that_arrives_in_the_moment_of_an_add_stands_behind_it():
    """The add is of the microsecond in which ours arrives: rows of that moment come first."""
    events = rows(
        BASE, mbo(ADD, 4, 100.0, 1.0, 1, T0 + 1_000), mbo(ADD, 5, 100.0, 1.0, 1, T0 + 1_001),
        mbo(EXECUTE, 4, 100.0, 1.0, 1, T0 + 3_000), mbo(EXECUTE, 5, 100.0, 1.0, 1, T0 + 4_000),
    )  # fmt: skip
    assert filled(events, BID) == [(1, 4_000, 1.0)]
    assert filled(events, BID, entry=1) == []


def test_amending_keeps_or_loses_our_place():
    tail = mbo(EXECUTE, 4, 100.0, 1.0, 1, T0 + 4_000)
    less = Wanted(at=3, action=3, tick=1000, qty=0.5, ref=1)
    more = Wanted(at=3, action=3, tick=1000, qty=2.0, ref=1)
    assert filled(rows(BASE, LATER, tail), [*BID, less]) == [(1, 4_000, 0.5)]
    assert filled(rows(BASE, LATER, tail), [*BID, more]) == []


def test_partial_fills_are_no_more_than_was_executed():
    events = rows(
        BASE, LATER, mbo(EXECUTE, 4, 100.0, 0.25, 1, T0 + 3_000),
        mbo(EXECUTE, 4, 100.0, 0.1, 1, T0 + 4_000), mbo(EXECUTE, 4, 100.0, 2.0, 1, T0 + 5_000),
    )  # fmt: skip
    assert filled(events, BID, partial=True) == [(1, 3_000, 0.25), (1, 5_000, 0.75)]


def test_own_orders_share_in_the_order_in_which_they_came():
    two = [*BID, Wanted(at=1, action=1, tick=1000, qty=1.0)]
    events = rows(
        BASE, LATER, mbo(EXECUTE, 4, 100.0, 1.5, 1, T0 + 3_000),
        mbo(EXECUTE, 4, 100.0, 0.25, 1, T0 + 4_000),
    )  # fmt: skip
    assert filled(events, two) == [(1, 3_000, 1.0), (2, 3_000, 1.0)]
    assert filled(events, two, consume=True) == [(1, 3_000, 1.0), (2, 3_000, 0.5), (2, 4_000, 0.25)]


def test_own_orders_expire_where_the_market_is_void():
    both = [*BID, Wanted(at=1, action=1, side=-1, tick=1010, qty=1.0)]
    flags = int(Flag.START | Flag.SNAPSHOT | Flag.LAST)

    def expired(side):
        events = rows(
            BASE, mbo(0, side=side, ts=T0 + 3_000, flags=flags), trade(1.0, 0.0, 0, T0 + 9_000)
        )
        journal = told(fifo(events, both).run().journal)
        return [x[1] for x in journal if x[0] == "order" and x[2] == OrderEvent.EXPIRED]

    assert (expired(0), expired(1), expired(-1)) == ([1, 2], [1], [2])


def test_data_without_single_orders_or_without_a_book_is_refused():
    with pytest.raises(ConfigError, match=r"needs single orders.*has none"):
        backtest(rows(trade(100.0, 1.0, ts=T0)), [], queue="fifo").run()
    with pytest.raises(ConfigError, match="no book; make one of them with --book-from orders"):
        backtest(BASE, [], queue="fifo").run()
    with pytest.raises(ConfigError, match=r"fifo needs single orders.*no live feed has them"):
        LiveExchange(table(), ExchangeConfig(queue="fifo"))
    with pytest.raises(ConfigError, match="needs single orders"):
        list(Sweep(
            MemorySource(rows(trade(100.0, 1.0, ts=T0)), table()),
            lambda _: [Scripted(script=params([]))], [{"exchange.queue": "fifo"}],
        ).run())  # fmt: skip


def test_data_that_tells_no_executions_is_warned_of(caplog):
    fifo(BASE, []).run()
    assert "no execution of a single order" in caplog.text
    caplog.clear()
    told_of = rows(BASE, mbo(EXECUTE, 1, 100.0, 1.0, 1, T0 + 5))
    fifo(told_of, []).run()
    assert "single order" not in caplog.text
    fifo(rows(told_of, book([(9.0, 1.0)], [], T0 + 6, inst=1)), []).run()
    assert "1 instruments have a book and no single orders" in caplog.text


def test_odd_rows_are_counted_in_the_result(caplog):
    events = rows(BASE, mbo(EXECUTE, 77, 99.0, 1.0, 1, T0 + 5), mbo(DELETE, 78, ts=T0 + 6))
    counters = fifo(events, []).run().counters
    assert (counters["unknown_orders"], counters["unknown_deletes"]) == (1, 1)
    assert counters["orders_added_twice"] == 0
    assert "2 rows" not in caplog.text
    assert "1 rows are about orders that the data never added" in caplog.text


@settings(max_examples=examples(20))
@given(streams, scripts())
def test_other_queue_models_take_no_notice_of_single_orders(events, script):
    made = np.concatenate(list(with_book(rows(BASE[:1], events)).batches()))
    made = rows(made, trade(1.0, 0.0, 0, int(made["ts_recv"][-1]) + 1))
    bare = made[made["kind"] != EventKind.MBO]
    with_them = backtest(made, script, queue="power").run()
    without = backtest(bare, script, queue="power").run()
    assert with_them.journal.tobytes() == without.journal.tobytes()
