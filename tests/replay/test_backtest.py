"""The backtest: two clocks against the naive twin, conservation, and nothing that batches change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import (
    FILL,
    LOB_LEVEL,
    EventKind,
    OrderEvent,
    OrderStatus,
    empty_events,
)
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.backtest import Backtest, BacktestConfig, scan
from replay.exchange.model import ExchangeConfig
from tests.naive import exchange as twin
from tests.replay.exchange.scripted import (
    T0,
    Scripted,
    market_rows,
    naive,
    params,
    scripts,
    table,
    told,
)
from tests.small_books import examples

PERIOD = 1_000  # µs
MODELS = ["risk_averse", "power", "power2", "power3", "log", "log2"]


def backtest(
    events, script, *, queue="risk_averse", n=2.0, entry=0, response=0, source=None, **assumptions
):
    config = BacktestConfig(
        exchange=ExchangeConfig(
            queue=queue,
            queue_n=n,
            entry_latency_us=entry,
            response_latency_us=response,
            **assumptions,
        ),
        timers=((1, PERIOD / 1e6),),
        mark_every_s=0.002,
    )
    source = source or MemorySource(events, table())
    return Backtest(source, [Scripted(script=params(script))], config=config)


@settings(max_examples=examples(150))
@given(
    market_rows(),
    scripts(),
    st.sampled_from(MODELS),
    st.sampled_from([2.0, 3.0, 1.5]),
    st.sampled_from([0, 0, 700, 3_000]),
    st.sampled_from([0, 0, 500, 4_000]),
)
def test_a_run_is_that_of_the_naive_twin(events, script, queue, n, entry, response):
    test = backtest(events, script, queue=queue, n=n, entry=entry, response=response)
    found = told(test.run().journal)
    expected = twin.run(
        naive(queue, n), events, script, period=PERIOD, entry=entry, response=response
    )
    assert found == expected
    assert test.group.counters()["odd_reports"] == 0
    assert test.group.state(0).wrong == 0


@settings(max_examples=examples(100))
@given(
    market_rows(),
    scripts(),
    st.sampled_from(MODELS),
    st.sampled_from([0, 0, 700, 3_000]),
    st.sampled_from([0, 0, 500, 4_000]),
)
def test_a_run_with_partial_fills_is_that_of_the_naive_twin(events, script, queue, entry, response):
    test = backtest(events, script, queue=queue, entry=entry, response=response, partial=True)
    found = told(test.run().journal)
    expected = twin.run(
        naive(queue, partial=True), events, script, period=PERIOD, entry=entry, response=response
    )
    assert found == expected
    assert test.group.counters()["odd_reports"] == 0
    assert test.group.state(0).wrong == 0


class Cut(MemorySource):
    """A source that yields batches of the sizes it was told, over and over."""

    def __init__(self, events, sizes):
        super().__init__(events, table())
        self.sizes = sizes
        self.reads = 0

    def batches(self, batch_rows=65_536):  # the sizes are the point
        self.reads += 1
        start, turn = 0, 0
        while start < len(self._events):
            size = self.sizes[turn % len(self.sizes)]
            yield self._events[start : start + size].copy()
            start, turn = start + size, turn + 1


def results(run):
    return (
        run.journal.tobytes(), run.marks.tobytes(), run.logs, run.counters, run.clock_shift_us,
        run.data.digest,
    )  # fmt: skip


@settings(max_examples=examples(40))
@given(market_rows(most=60), scripts(), st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_a_run_does_not_depend_on_how_the_source_cuts_its_rows(events, script, sizes):
    whole = backtest(events, script, queue="power", entry=700, response=400).run()
    source = Cut(events, sizes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("replay.scan.KEEP_ROWS", 0)
        cut = backtest(events, script, queue="power", entry=700, response=400, source=source).run()
    assert source.reads == 2
    assert cut.data.kept is None
    assert results(cut) == results(whole)


@settings(max_examples=examples(15))
@given(market_rows(most=60), scripts())
def test_two_runs_are_equal_byte_for_byte(events, script):
    test = backtest(events, script, entry=300, response=300)
    first = test.run()
    assert results(test.run()) == results(first)
    assert results(backtest(events, script, entry=300, response=300).run()) == results(first)


@settings(max_examples=examples(40))
@given(market_rows(), scripts(), st.integers(1, 4_000), st.integers(1, 4_000))
def test_positions_cash_and_fees_are_the_sums_of_the_fills(events, script, entry, response):
    test = backtest(events, script, entry=entry, response=response)
    run = test.run()
    fills = run.journal[run.journal["kind"] == EventKind.FILL].view(FILL)
    state = test.group.state(0)
    assert run.counters["fills"] == len(fills)
    for inst in range(2):
        mine = fills[fills["inst"] == inst]
        signed = mine["side"] * mine["qty"]
        held = test.group.ctx.positions[0, inst]
        assert held.qty == pytest.approx(signed.sum(), abs=1e-9)
        assert held.cash == pytest.approx(-(signed * mine["price"]).sum())
        assert held.fee == pytest.approx(mine["fee"].sum())
        assert held.volume == pytest.approx((mine["qty"] * mine["price"]).sum())
        assert held.trades == len(mine)
        assert state.held[inst] == pytest.approx(held.qty, abs=1e-9)
        # realised profit, and what is open at its entry price, are what cash says
        assert held.cash + held.qty * held.avg_price == pytest.approx(held.realized, abs=1e-6)
        marks = run.marks[run.marks["inst"] == inst]
        seen = [mine[mine["ts_recv"] <= mark["ts"]] for mark in marks]
        assert marks["position"] == pytest.approx(
            [(part["side"] * part["qty"]).sum() for part in seen], abs=1e-9
        )
        worth = np.where(marks["position"] == 0, 0, marks["position"] * marks["mid"])
        np.testing.assert_allclose(marks["equity"], marks["balance"] + worth - marks["fee"])


@settings(max_examples=examples(60))
@given(market_rows(), scripts(), st.integers(0, 4_000), st.integers(0, 4_000))
def test_no_fill_comes_before_its_order_arrives_nor_after_it_ends(events, script, entry, response):
    journal = told(backtest(events, script, entry=entry, response=response).run().journal)
    asked = {id_: ts for what, ts, action, id_ in [j for j in journal if j[0] == "ask"]
             if action == 1 and what}  # fmt: skip
    filled, ended = [], {}
    for words in journal:
        if words[0] == "ask":
            continue
        id_, sent, received = words[1], words[-2], words[-1]
        assert received >= sent + response
        assert sent >= asked[id_] + entry
        if words[0] == "fill":
            assert id_ not in ended
            filled.append(id_)
        elif words[3] >= OrderStatus.FILLED and words[2] != OrderEvent.CANCEL_REJECTED:
            assert ended.setdefault(id_, words[2]) == words[2]
    assert len(filled) == len(set(filled))  # no partial fills
    stamps = [words[-1] if words[0] != "ask" else words[1] for words in journal]
    assert stamps == sorted(stamps)
    sends = [words[-2] for words in journal if words[0] != "ask"]
    assert sends == sorted(sends)


def test_a_clock_that_is_ahead_is_corrected_and_said():
    events = rows(
        book([(99.9, 1.0)], [(100.1, 1.0)], T0, ts_event=T0 + 1_270_000, snapshot=True),
        book([(99.9, 2.0)], [], T0 + 50_000, ts_event=T0 + 1_300_000),
    )
    run = backtest(events, []).run()
    assert run.clock_shift_us == 1_270_000
    assert run.data.min_latency == -1_270_000
    config = BacktestConfig(base_latency_us=500, timers=((1, 0.001),))
    shifted = Backtest(MemorySource(events, table()), [Scripted(script=params([]))], config=config)
    assert shifted.run().clock_shift_us == 1_270_500


@settings(max_examples=examples(15))
@given(market_rows(late=0), scripts(), st.integers(1, 2_000_000))
def test_a_clock_correction_gives_the_run_of_rows_that_were_right(events, script, ahead):
    wrong = events.copy()
    wrong["ts_recv"] -= ahead
    right = backtest(events, script, entry=100).run()
    mended = backtest(wrong, script, entry=100).run()
    assert mended.clock_shift_us == ahead
    assert mended.journal.tobytes() == right.journal.tobytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("replay.scan.KEEP_ROWS", 0)
        source = Cut(wrong, [3])
        assert results(backtest(wrong, script, entry=100, source=source).run()) == results(mended)


def test_rows_of_an_unsorted_or_empty_source_are_refused():
    source = Cut(empty_events(0), [1])
    with pytest.raises(DataError, match="no rows in the source; check the time window"):
        scan(source)
    source._events = rows(trade(1.0, 1.0, ts=5), trade(1.0, 1.0, ts=9))[::-1]
    with pytest.raises(DataError, match="row 1 is 4 µs earlier than the row before"):
        scan(source)


def test_progress_is_told_and_ends_at_the_number_of_rows(monkeypatch):
    monkeypatch.setattr("replay.scan.KEEP_ROWS", 0)
    monkeypatch.setattr("replay.prepared.TAPE_ROWS", 10)
    events = rows(*(trade(100.0, 1.0, ts=T0 + i) for i in range(35)))
    seen = []
    source = MemorySource(events, table())
    strategy = Scripted(script=params([]))
    run = Backtest(source, [strategy], progress=lambda done, n: seen.append((done, n))).run()
    assert len(seen) > 3
    assert seen == sorted(seen)
    assert seen[-1] == (35, 35)
    assert run.counters["rows"] == 35


def test_a_timer_ticks_at_whole_periods_within_the_data():
    events = rows(trade(100.0, 1.0, ts=T0 + 1), trade(100.0, 1.0, ts=T0 + 3_000))
    script = [twin.Wanted(at=i, action=1, tick=900, qty=1.0) for i in range(9)]
    journal = told(backtest(events, script).run().journal)
    assert [j[1] - T0 for j in journal if j[0] == "ask"] == [1_000, 2_000, 3_000]


def test_a_timer_without_a_period_is_refused():
    with pytest.raises(ConfigError, match=r"a period of 0.0 s, expected at least 1e-6"):
        BacktestConfig(timers=((1, 0.0),))


@pytest.mark.parametrize("name", ["base_latency_us", "model_latency_us"])
def test_rows_and_answers_do_not_come_before_what_they_tell(name):
    with pytest.raises(ConfigError, match=f"{name} is -1, expected µs from 0 on"):
        BacktestConfig(**{name: -1})


def test_no_marks_are_kept_when_none_are_wanted():
    events = rows(trade(100.0, 1.0, ts=T0), trade(100.0, 1.0, ts=T0 + 10_000_000))
    config = BacktestConfig(mark_every_s=0.0)
    run = Backtest(
        MemorySource(events, table()), [Scripted(script=params([]))], config=config
    ).run()
    assert len(run.marks) == 0


def test_a_price_that_is_no_number_is_refused_with_its_row():
    events = empty_events(3)
    levels = events.view(LOB_LEVEL)
    levels["kind"], levels["side"], levels["qty"] = EventKind.LOB, 1, 1.0
    levels["price"] = [100.0, np.nan, 101.0]
    levels["ts_recv"] = [5, 6, 7]
    with pytest.raises(DataError, match="LOB row at ts_recv 6 has price nan"):
        scan(MemorySource(events))


@pytest.mark.parametrize("seconds", [-1.0, np.nan, np.inf])
def test_marks_that_never_come_are_refused(seconds):
    with pytest.raises(ConfigError, match="expected seconds, 0 for none"):
        BacktestConfig(mark_every_s=seconds)
