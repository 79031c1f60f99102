"""What own takers used up is gone until the market states the level anew."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.books.l2 import ASK
from extrema_nb.testing import MemorySource, book
from replay.exchange.available import available, best_for, has_room, use_up
from replay.exchange.model import X_TAKEN
from tests.naive import exchange as twin
from tests.naive.consume import NaiveConsume
from tests.naive.exchange import MARKET, Spec
from tests.replay.exchange.scripted import market_rows, scripts, table, told
from tests.replay.exchange.test_matching import Market
from tests.replay.test_backtest import PERIOD, Cut, backtest
from tests.small_books import examples


def test_the_best_level_that_has_something_left_is_behind_one_that_was_used_up():
    market = Market(consume=True)
    x = market.live._x
    assert best_for(x, 0, ASK) == 1001
    use_up(x, 0, ASK, 1001, 1.5)
    assert available(x, 0, ASK, 1001) == 0.5
    assert best_for(x, 0, ASK) == 1001
    use_up(x, 0, ASK, 1001, 0.5)
    assert available(x, 0, ASK, 1001) == 0.0
    assert best_for(x, 0, ASK) == 1002
    market.rows(book([], [(100.1, 2.0)]))
    assert best_for(x, 0, ASK) == 1001


def test_nothing_is_noted_unless_it_is_asked_for():
    market = Market()
    x = market.live._x
    use_up(x, 0, ASK, 1001, 1.5)
    assert available(x, 0, ASK, 1001) == 2.0
    assert x.clock[X_TAKEN] == 0


def test_a_level_has_one_note_however_often_it_is_taken_from():
    market = Market(consume=True)
    x = market.live._x
    for _ in range(5):
        use_up(x, 0, ASK, 1001, 0.25)
    assert x.clock[X_TAKEN] == 1
    assert available(x, 0, ASK, 1001) == 0.75


def test_room_for_notes_is_only_asked_for_where_there_are_any():
    plain, market = Market(), Market(consume=True)
    assert has_room(plain.live._x, 1 << 40)
    x = market.live._x
    assert has_room(x, int(x.hub["taken_cap"]) - 1)
    assert not has_room(x, int(x.hub["taken_cap"]))


def test_every_level_that_was_used_up_is_remembered_however_many_there_are():
    """A sweep through levels that the market never states again, with less room than they need."""
    levels = 300
    market = Market(partial=True, consume=True)
    before = market.live._x.hub["taken_cap"] = 2_000
    market.rows(book([], [((1001 + i) / 10, 1.0) for i in range(levels)]))
    assert len([x for x in market.ask(1, MARKET, qty=levels - 1.0) if len(x) == 3]) == levels - 1
    assert market.live._x.clock[X_TAKEN] == levels - 1
    assert market.live._x.hub["taken_cap"] > before
    assert market.ask(2, MARKET, qty=2.0)[0] == (2, (1000 + levels) / 10, 1.0)


@settings(max_examples=examples(150))
@given(
    market_rows(), scripts(), st.sampled_from(["risk_averse", "power", "log"]), st.booleans(),
    st.sampled_from(["cancel_newest", "cancel_oldest", "cancel_both"]),
    st.sampled_from([0, 0, 700]), st.sampled_from([0, 500]),
    st.none() | st.lists(st.integers(1, 12), min_size=1, max_size=3),
)  # fmt: skip
def test_a_run_that_uses_volume_up_is_that_of_the_naive_twin(
    events, script, queue, partial, rule, entry, response, sizes
):
    source = Cut(events, sizes) if sizes else MemorySource(events, table())
    test = backtest(
        events, script, queue=queue, entry=entry, response=response, source=source,
        partial=partial, consume=True, self_trade=rule,
    )  # fmt: skip
    specs = [Spec("0.1", 0.25, -0.001, 0.002) for _ in range(2)]
    naive = NaiveConsume(specs, queue, 2.0, partial, rule=rule)
    with pytest.MonkeyPatch.context() as patch:
        if sizes:
            patch.setattr("replay.scan.KEEP_ROWS", 0)
        found = told(test.run().journal)
    assert found == twin.run(naive, events, script, period=PERIOD, entry=entry, response=response)
    assert test.group.counters()["odd_reports"] == 0
    assert test.group.state(0).wrong == 0
