"""Orders go from tape to tape with their queue places."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.replay.exchange.scripted import market_rows, scripts
from tests.replay.test_backtest import Cut, backtest, results
from tests.small_books import examples


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
