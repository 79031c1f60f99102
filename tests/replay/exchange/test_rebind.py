"""Orders go from tape to tape with their queue places."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.testing import book, rows, trade
from tests.naive.exchange import MARKET, Wanted
from tests.replay.exchange.scripted import T0, market_rows, scripts, told
from tests.replay.test_backtest import Cut, backtest, results
from tests.small_books import examples


def test_what_the_market_refreshed_on_one_tape_is_there_on_the_next():
    events = rows(
        book([(99.9, 2.0)], [(100.1, 2.0), (100.2, 5.0)], T0, snapshot=True),
        book([], [(100.1, 2.0)], T0 + 5_000),
        trade(100.0, 0.25, ts=T0 + 9_000),
        trade(100.0, 0.25, ts=T0 + 19_000),
    )
    script = [Wanted(2, MARKET, qty=2.0), Wanted(12, MARKET, qty=1.0)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("replay.scan.KEEP_ROWS", 0)
        test = backtest(events, script, source=Cut(events, [1]), partial=True, consume=True)
        fills = [words[3:5] for words in told(test.run().journal) if words[0] == "fill"]
    assert fills == [(100.1, 2.0), (100.1, 1.0)]


@settings(max_examples=examples(40))
@given(
    market_rows(most=40), scripts(), st.lists(st.integers(1, 12), min_size=1, max_size=3),
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_a_run_over_many_tapes_is_that_over_one(events, script, sizes, partial, consume):
    assumptions = {"queue": "power", "entry": 300, "partial": partial, "consume": consume}
    whole = backtest(events, script, **assumptions).run()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("replay.scan.KEEP_ROWS", 0)
        cut = backtest(events, script, source=Cut(events, sizes), **assumptions).run()
    assert results(cut) == results(whole)
