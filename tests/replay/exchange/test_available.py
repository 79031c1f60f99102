"""What own takers used up is gone until the market states the level anew."""

from __future__ import annotations

from extrema_nb.books.l2 import ASK
from extrema_nb.testing import book
from replay.exchange.available import available, best_for, use_up
from replay.exchange.model import TAKEN, X_TAKEN
from tests.replay.exchange.test_matching import Market


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


def test_the_oldest_note_leaves_when_all_are_in_use():
    market = Market(consume=True)
    x = market.live._x
    for i in range(TAKEN + 3):
        use_up(x, 0, ASK, 2_000 + i, 1.0)
    assert x.clock[X_TAKEN] == TAKEN
    assert x.taken[0].tick == 2_003
    assert x.taken[TAKEN - 1].tick == 2_000 + TAKEN + 2
