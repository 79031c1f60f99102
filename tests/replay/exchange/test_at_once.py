"""What is handled where it is made ends as what goes through the queues."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.strategy.state import ROW_LIMIT
from extrema_nb.testing import MemorySource
from replay.backtest import Backtest, BacktestConfig
from replay.exchange.config import ExchangeConfig
from replay.exchange.latency_config import LatencyConfig
from tests.replay.exchange.scripted import Quiet, Scripted, market_rows, params, scripts, table
from tests.small_books import examples


@settings(max_examples=examples(60))
@given(
    market_rows(), scripts(), st.sampled_from([0, 0, 700]), st.sampled_from([0, 0, 500]),
    st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip
def test_short_ways_end_where_the_long_ones_do(
    events, script, entry, response, partial, consume, cramped
):
    """A strategy that hears no reports takes them in late; without latency requests do not wait."""
    exchange = ExchangeConfig(
        queue="power", partial=partial, consume=consume, entry_latency_us=entry,
        response_latency_us=response,
    )  # fmt: skip
    modelled = ExchangeConfig(
        queue="power", partial=partial, consume=consume,
        latency=LatencyConfig("constant", entry_us=entry, response_us=response),
    )  # fmt: skip
    found = []
    with pytest.MonkeyPatch.context() as patch:
        if cramped:
            patch.setattr("replay.lockstep.JOURNAL_ROWS", ROW_LIMIT + 12)
        for kind, assumed in ((Scripted, exchange), (Quiet, exchange), (Quiet, modelled)):
            config = BacktestConfig(exchange=assumed, timers=((1, 0.001),), mark_every_s=0.002)
            source = MemorySource(events, table())
            result = Backtest(source, [kind(script=params(script))], config=config).run()
            found.append((result.journal.tobytes(), result.marks.tobytes(), result.counters))
    assert found[0] == found[1] == found[2]
