"""A sweep's variants equal runs of their own, whatever the strategies, threads and cuts."""

# ruff: noqa: N805  # handlers have no self

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import extrema_nb as xnb
from extrema_nb.errors import ConfigError
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.backtest import Backtest, BacktestConfig
from replay.exchange.config import ExchangeConfig
from replay.sweep import Sweep, grid, parse_values
from tests.replay.exchange.scripted import T0, market_rows, table
from tests.small_books import examples

CONFIG = BacktestConfig(
    exchange=ExchangeConfig(queue="power"), timers=((1, 0.001),), mark_every_s=0.002
)


class Quoter(xnb.Strategy):
    """Keep an order a side, `away` ticks from the touch."""

    class Params:
        away: xnb.i8 = 1
        qty: xnb.f8 = 0.5

    def on_schedule(ctx, p, s, tick):
        book = ctx.book(0)
        ctx.cancel_all(0)
        if book.is_valid:
            ctx.buy(0, book.bid_price - p.away * 0.1, p.qty)
            ctx.sell(0, book.ask_price + p.away * 0.1, p.qty)

    def on_trade(ctx, p, s, trade):
        if trade.qty > 2.0:
            ctx.market(trade.inst, 1, p.qty)


class Listener(Quoter):
    """The same, and it looks at the book when it is filled: a few times, as a fill may bring one."""

    class State:
        fills: xnb.i8 = 0

    def on_fill(ctx, p, s, fill):
        s.fills += 1
        if s.fills < 6 and ctx.book(0).is_valid:
            ctx.sell(0, ctx.book(0).ask_price, 0.25)


SETS = grid({"away": [0, 1, 2], "qty": [0.25, 1.0], "exchange.entry_latency_us": [0, 700]})


def own(values):
    return {k: v for k, v in values.items() if not k.startswith("exchange.")}


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Quoter, Listener])
@pytest.mark.parametrize("threads", [1, 2])
@settings(max_examples=examples(12), deadline=None)
@given(events=market_rows(most=40), keep=st.booleans())
def test_every_variant_is_a_run_of_its_own_byte_for_byte(kind, threads, events, keep):
    with pytest.MonkeyPatch.context() as patch:
        if not keep:
            patch.setattr("replay.scan.KEEP_ROWS", 0)
            patch.setattr("replay.prepared.TAPE_ROWS", 16)
        sweep = Sweep(
            MemorySource(events, table()), lambda values: [kind(**values)], SETS, config=CONFIG,
            threads=threads, keep_journals=True,
        )  # fmt: skip
        outcomes = list(sweep.run())
    assert [outcome.params for outcome in outcomes] == SETS
    for outcome in outcomes[:: 1 if kind is Quoter else 3]:
        exchange = ExchangeConfig(
            queue="power", entry_latency_us=outcome.params["exchange.entry_latency_us"]
        )
        config = BacktestConfig(exchange=exchange, timers=CONFIG.timers, mark_every_s=0.002)
        test = Backtest(MemorySource(events, table()), [kind(**own(outcome.params))], config=config)
        run = test.run()
        assert outcome.journal.tobytes() == run.journal.tobytes()
        assert outcome.marks.tobytes() == run.marks.tobytes()
        assert outcome.fills == run.counters["fills"]


class Thick(Quoter):
    """The same, and it looks at a quantity and a BBO row, to no effect."""

    class State:
        seen: xnb.f8 = 0.0

    def on_schedule(ctx, p, s, tick):
        book = ctx.book(0)
        ctx.cancel_all(0)
        if book.is_valid:
            s.seen = book.bid_qty + ctx.bbo(0).bid_qty
            ctx.buy(0, book.bid_price - p.away * 0.1, p.qty)
            ctx.sell(0, book.ask_price + p.away * 0.1, p.qty)


@settings(max_examples=examples(12), deadline=None)
@given(events=market_rows(most=40))
def test_what_is_not_looked_at_changes_nothing(events):
    found = []
    for kind in (Quoter, Thick):
        test = Backtest(MemorySource(events, table()), [kind(away=1, qty=1.0)], config=CONFIG)
        assert test.group.deep == test.group.quotes == (kind is Thick)
        run = test.run()
        found.append((run.journal.tobytes(), run.marks.tobytes(), run.counters))
    assert found[0] == found[1]


def test_sets_that_make_other_strategies_are_refused():
    sweep = Sweep(
        MemorySource(market(), table()),
        lambda values: [Quoter() if values["away"] else Thick()],
        [{"away": 1}, {"away": 0}],
        config=CONFIG,
        threads=1,
    )
    with pytest.raises(ConfigError, match="makes Thick, another Quoter; all must make the same"):
        list(sweep.run())


def test_strategies_of_other_instruments_share_books():
    """Each set hears the trades of its own instruments only."""

    def some(values):
        return [Quoter(insts=[values["name"]])]

    sets = [{"name": name} for name in ("A", "B", "A")]
    sweep = Sweep(
        MemorySource(market(), table()), some, sets, config=CONFIG, threads=1, keep_journals=True
    )
    outcomes = list(sweep.run())
    for outcome, values in zip(outcomes, sets, strict=True):
        run = Backtest(MemorySource(market(), table()), some(values), config=CONFIG).run()
        assert outcome.journal.tobytes() == run.journal.tobytes()
    assert outcomes[0].journal.tobytes() != outcomes[1].journal.tobytes()


def market():
    """Return a book and a trade so large that `Quoter` follows it."""
    return rows(
        book([(99.9, 2.0)], [(100.1, 2.0)], T0, snapshot=True), trade(99.0, 3.0, -1, T0 + 5_000)
    )


def test_a_part_of_the_sets_can_be_run_for_going_on_later(monkeypatch):
    """Uncompiled, too: the sets are few and the rows are."""
    monkeypatch.setattr("replay.sweep.PASS_VARIANTS", 2)
    monkeypatch.setattr("replay.sweep.STEP_VARIANTS", 2)
    events = market()
    seen = []
    sweep = Sweep(
        MemorySource(events, table()), lambda values: [Quoter(**values)], SETS, config=CONFIG,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    some = list(sweep.run([3, 7, 8]))
    assert [outcome.number for outcome in some] == [3, 7, 8]
    assert seen[-1] == (3 * len(events), 3 * len(events))
    every = list(sweep.run())
    assert [every[k].marks.tobytes() for k in (3, 7, 8)] == [o.marks.tobytes() for o in some]


def test_grids_count_their_last_parameter_quickest():
    assert grid({"a": [1, 2], "b": [3.0, 4.0]}) == [
        {"a": 1, "b": 3.0}, {"a": 1, "b": 4.0}, {"a": 2, "b": 3.0}, {"a": 2, "b": 4.0},
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="parameter 'b' has no values"):
        grid({"a": [1], "b": []})


@pytest.mark.parametrize(
    ("text", "values"),
    [("1,2.5", [1.0, 2.5]), ("1:2:0.5", [1.0, 1.5, 2.0]), ("0.1:0.3:0.1", [0.1, 0.2, 0.3])],
)
def test_values_are_a_list_or_a_range_with_its_end(text, values):
    assert parse_values(text) == values


@pytest.mark.parametrize(
    "text", ["", "a", "1:2", "2:1:1", "1:2:0", "1:2:-1", "1,nan", "inf", "nan:1:1", "1:2:nan"]
)
def test_values_that_are_none_are_refused(text):
    with pytest.raises(ConfigError, match="expected numbers such as"):
        parse_values(text)


@pytest.mark.parametrize("text", ["0:1e12:1", "0:inf:1", "0:1:1e-300", "-1e300:1e300:1e-9"])
def test_a_range_beyond_every_limit_is_refused_before_it_is_made(text):
    with pytest.raises(ConfigError, match=r"expected at most 1,000,000; take a larger step"):
        parse_values(text)


def test_wrong_parameters_are_told_before_any_work():
    source = MemorySource(trade_rows(), table())
    with pytest.raises(ConfigError, match="at least one parameter set"):
        Sweep(source, lambda values: [Quoter(**values)], [])
    with pytest.raises(ConfigError, match=r"unknown assumption exchange.quue; there are: exchange"):
        Sweep(source, lambda values: [Quoter(**values)], [{"exchange.quue": 1}])
    with pytest.raises(ConfigError, match="away"):
        Sweep(source, lambda values: [Quoter(**values)], [{"awai": 1}])


def trade_rows():
    from extrema_nb.testing import trade

    return trade(100.0, 1.0)
