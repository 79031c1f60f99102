"""Books made of best prices, trades and candles: what fills, and what must not."""

from __future__ import annotations

import numpy as np
import pytest

import extrema_nb as xnb
from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import CANDLE, FILL, LOB_LEVEL, Action, EventKind, Flag
from extrema_nb.testing import MemorySource, bbo, book, rows, trade
from replay.backtest import Backtest, BacktestConfig
from replay.exchange.config import ExchangeConfig
from replay.inputs import BookFrom
from replay.scan import scan
from tests.naive.exchange import MARKET, Wanted
from tests.order_rows import ADD, mbo
from tests.replay.exchange.scripted import T0, Scripted, params, table
from tests.replay.test_backtest import Cut


def candle(low, high, close, ts):
    out = np.zeros(1, CANDLE)
    out["ts_event"], out["ts_recv"], out["kind"] = ts - 60_000_000, ts, EventKind.CANDLE
    out["flags"] = Flag.LAST | Flag.CLOSED
    out["open"], out["low"], out["high"], out["close"], out["volume"] = close, low, high, close, 5.0
    return out.view(xnb.EVENT)


def lob(source):
    (batch,) = source.batches()
    out = batch[batch["kind"] == EventKind.LOB].view(LOB_LEVEL)
    return [(int(r["side"]), round(float(r["price"]), 9), float(r["qty"])) for r in out], batch


def test_a_best_price_that_moves_takes_its_old_level_away_first():
    events = rows(bbo(99.0, 1.0, 101.0, 2.0, ts=T0), bbo(99.5, 3.0, 101.0, 1.0, ts=T0 + 1))
    levels, batch = lob(BookFrom(MemorySource(events, table()), "bbo"))
    assert levels == [
        (1, 99.0, 1.0),
        (-1, 101.0, 2.0),
        (1, 99.0, 0.0),
        (1, 99.5, 3.0),
        (-1, 101.0, 1.0),
    ]
    flags = batch["flags"][batch["kind"] == EventKind.LOB]
    assert (flags & Flag.SYNTHETIC != 0).all()
    assert ((flags & Flag.LAST) != 0).tolist() == [False, True, False, False, True]
    assert ((flags & Flag.SNAPSHOT) != 0).tolist() == [True, True, False, False, False]
    assert ((flags & Flag.START) != 0).tolist() == [True, False, False, False, False]


@pytest.mark.parametrize("kind", ["bbo", "trades", "candles"])
def test_a_made_book_is_whole(kind):
    events = {
        "bbo": rows(bbo(99.0, 1.0, 101.0, 2.0, ts=T0), bbo(99.5, 3.0, 101.0, 1.0, ts=T0 + 1)),
        "trades": rows(trade(99.0, 1.0, ts=T0), trade(99.5, 1.0, ts=T0 + 1)),
        "candles": rows(candle(99.0, 101.0, 100.0, T0), candle(99.0, 102.0, 101.0, T0 + 60)),
    }[kind]
    assert scan(BookFrom(MemorySource(events, table()), kind)).faults.words() == ""


def test_an_empty_side_has_no_level():
    events = rows(bbo(99.0, 1.0, 101.0, 2.0, ts=T0), bbo(np.nan, 0.0, 101.0, 2.0, ts=T0 + 1))
    levels, _ = lob(BookFrom(MemorySource(events, table()), "bbo"))
    assert levels[2:] == [(1, 99.0, 0.0), (-1, 101.0, 2.0)]


def fills(events, kind, *, queue="through", price=99.0, also_take=False):
    """Rest a bid, and take once if asked to, on the first timer tick; return what was filled."""
    script = [Wanted(at=0, action=Action.SUBMIT, tick=round(price * 10))]
    script += [Wanted(at=0, action=MARKET)] * also_take
    config = BacktestConfig(
        exchange=ExchangeConfig(queue=queue), timers=((1, 60.0),), mark_every_s=0.0
    )
    source = BookFrom(MemorySource(events, table()), kind)
    journal = Backtest(source, [Scripted(script=params(script))], config=config).run().journal
    found = journal[journal["kind"] == EventKind.FILL].view(FILL)
    return [(round(float(f["price"]), 9), int(f["ts_event"] - START)) for f in found]


MINUTE = 60_000_000
START = -(-T0 // MINUTE) * MINUTE


def test_a_trade_at_the_price_fills_nobody_and_one_through_it_does():
    events = rows(
        trade(100.0, 1.0, 1, START - 5), trade(99.0, 9.0, -1, START + 10),
        trade(98.9, 1.0, -1, START + 20),
    )  # fmt: skip
    assert fills(events, "trades") == [(99.0, 20)]


def test_a_taker_on_trades_alone_pays_a_tick():
    events = rows(trade(100.0, 1.0, 1, START - 5), trade(100.0, 1.0, 1, START + 5))
    assert fills(events, "trades", price=50.0, also_take=True) == [(100.1, 0)]


def test_a_candle_fills_only_what_came_before_it_and_what_it_went_through():
    """The first candle's low is below the bid, but the bid was not there yet."""
    events = rows(
        candle(90.0, 110.0, 100.0, START - 5),
        candle(99.0, 103.0, 101.0, START + MINUTE),
        candle(98.5, 103.0, 101.0, START + 2 * MINUTE),
    )
    assert fills(events, "candles") == [(99.0, 2 * MINUTE)]
    assert fills(events, "candles", price=50.0, also_take=True) == [(100.1, 0)]


def test_a_close_below_the_bid_fills_it():
    events = rows(candle(99.0, 101.0, 100.0, START - 5), candle(97.0, 100.0, 98.0, START + MINUTE))
    assert fills(events, "candles") == [(99.0, MINUTE)]


def test_cutting_the_source_changes_nothing():
    events = rows(*(bbo(99.0 + i % 3, 1.0, 103.0 - i % 2, 2.0, ts=T0 + i) for i in range(20)))
    whole = np.concatenate(list(BookFrom(MemorySource(events, table()), "bbo").batches()))
    cut = np.concatenate(list(BookFrom(MemorySource(events, table()), "bbo").batches(3)))
    assert cut.tobytes() == whole.tobytes()


def test_what_no_book_can_be_made_of_is_refused():
    with pytest.raises(ConfigError, match=r"can not be made from 'candle'.*did you mean 'candles'"):
        BookFrom(MemorySource(rows(trade(1.0, 1.0)), table()), "candle")


def test_a_book_is_not_made_beside_one_that_the_data_has():
    events = rows(
        book([(99.0, 1.0)], [(101.0, 1.0)], T0, snapshot=True), trade(100.0, 1.0, ts=T0 + 1),
        trade(100.0, 1.0, ts=T0 + 2, inst=1),
    )  # fmt: skip
    with pytest.raises(DataError, match=r"A: the data has a book .* leave it out"):
        list(BookFrom(MemorySource(events, table()), "trades").batches())
    rest = rows(*(events[k : k + 1] for k in (0, 1, 3)))
    assert len(lob(BookFrom(MemorySource(rest, table()), "trades"))[0]) == 4


@pytest.mark.parametrize("kind", ["bbo", "candles", "orders"])
def test_data_without_what_the_book_is_to_be_made_of_is_refused(kind):
    events = rows(trade(99.0, 1.0, ts=T0), trade(99.5, 1.0, ts=T0 + 1))
    with pytest.raises(DataError, match=f"from {kind} .*none of these; it has TRADE: make"):
        scan(BookFrom(MemorySource(events, table()), kind))
    whole = rows(book([(99.0, 1.0)], [(101.0, 1.0)], ts=T0, snapshot=True))
    with pytest.raises(DataError, match=r"it has LOB: .*or leave --book-from out"):
        scan(BookFrom(MemorySource(whole, table()), kind))


def test_a_book_of_orders_is_not_made_beside_a_real_one_in_whatever_batches():
    events = rows(
        mbo(1, ADD, side=1, price=99.0, qty=1.0), book([(99.0, 1.0)], [(101.0, 1.0)], ts=T0 + 9)
    )
    for batch_rows in (1, 100):
        source = BookFrom(Cut(events, [batch_rows]), "orders")
        with pytest.raises(DataError, match=r"A: the data has a book \(LOB rows\)"):
            list(source.batches())
