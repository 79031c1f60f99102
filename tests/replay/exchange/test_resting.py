"""Own orders in the book: found by id, queue places that may wait to be known."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from replay.exchange.config import ExchangeConfig
from replay.exchange.model import make_live_exchange
from replay.exchange.resting import find, price_of, tick_of
from tests.naive.l2 import to_tick
from tests.replay.exchange.scripted import market_rows, scripts, table
from tests.replay.test_backtest import MODELS, backtest, results
from tests.small_books import examples


def exchange():
    memory = []
    x = make_live_exchange(
        table().specs(), memory, ExchangeConfig(), max_orders=16, row_limit=8, window=128
    )
    return x, memory


@given(st.integers(-3_000, 3_000).map(lambda n: n / 60))
def test_prices_become_ticks_half_away_from_zero_as_in_books(price):
    x, keep = exchange()
    assert tick_of(x, 0, price) == to_tick(price, "0.1")
    assert price_of(x, 0, 1_234) == 123.4
    del keep


@given(st.sets(st.integers(1, 60), max_size=16), st.integers(0, 61))
def test_an_order_is_found_by_its_id(ids, wanted):
    x, keep = exchange()
    for place, number in enumerate(sorted(ids)):
        x.resting[0, place].client_order_id = number
    x.n_orders[0] = len(ids)
    assert find(x, 0, wanted) == (sorted(ids).index(wanted) if wanted in ids else -1)
    del keep


@settings(max_examples=examples(40))
@given(market_rows(most=30), scripts(), st.sampled_from(MODELS))
def test_queue_places_do_not_depend_on_when_they_are_looked_at(events, script, queue):
    """Tapes of a row each settle every order at each row; one tape only where a trade asks."""
    from tests.replay.test_backtest import Cut

    whole = backtest(events, script, queue=queue).run()
    import pytest

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("replay.scan.KEEP_ROWS", 0)
        cut = backtest(events, script, queue=queue, source=Cut(events, [1])).run()
    assert results(cut) == results(whole)
