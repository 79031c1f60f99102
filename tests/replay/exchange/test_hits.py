"""The market concerns own orders where a naive reading of all rows says so."""

from __future__ import annotations

from extrema_nb.testing import MemorySource, book, rows, trade
from replay.backtest import Backtest, BacktestConfig
from tests.naive.exchange import Wanted
from tests.replay.exchange.scripted import T0, Scripted, params, table, told


def run(*parts, script):
    config = BacktestConfig(timers=((1, 0.001),), mark_every_s=0.0)
    source = MemorySource(rows(*parts), table())
    return told(Backtest(source, [Scripted(script=params(script))], config=config).run().journal)


QUOTES = (
    book([(99.9, 2.0)], [(100.1, 2.0)], T0, snapshot=True),
    book([(99.9, 2.0)], [(100.1, 2.0)], T0, inst=1, snapshot=True),
)


def test_rows_between_two_strikes_change_nothing_and_queue_places_count_them():
    """Half of the queue leaves unseen; the trade then reaches the order."""
    script = [Wanted(at=1, action=1, tick=999, qty=1.0)]
    market = [*QUOTES, book([(99.9, 0.5)], [], T0 + 2_000)]
    journal = run(*market, trade(99.9, 0.5, -1, T0 + 3_000), script=script)
    assert [j[0] for j in journal] == ["ask", "order"]
    journal = run(*market, trade(99.9, 0.75, -1, T0 + 3_000), script=script)
    assert [j[0] for j in journal] == ["ask", "order", "fill", "order"]


def test_orders_of_several_instruments_are_struck_in_order_of_time():
    script = [
        Wanted(at=1, action=1, inst=1, tick=999, qty=1.0),
        Wanted(at=1, action=1, inst=0, tick=999, qty=1.0),
    ]
    journal = run(
        *QUOTES,
        trade(99.0, 1.0, -1, T0 + 2_000, inst=0),
        trade(99.0, 1.0, -1, T0 + 3_000, inst=1),
        script=script,
    )
    assert [(j[1], j[-2] - T0) for j in journal if j[0] == "fill"] == [(2, 2_000), (1, 3_000)]
