"""The exchange beside live rows: equal to the naive twin, in any pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.errors import DataError
from extrema_nb.events import (
    FILL,
    INTENT,
    Action,
    EventKind,
    OrderEvent,
    OrderType,
    TimeInForce,
    empty_events,
)
from extrema_nb.testing import book, trade
from replay.exchange.config import ExchangeConfig
from replay.exchange.live import LiveExchange
from tests.naive.exchange import MARKET, NaiveExchange, Order, Wanted
from tests.replay.exchange.scripted import T0, market_rows, naive, scripts, table, told
from tests.small_books import examples


def intent(id_, want: Wanted, ts: int):
    out = np.zeros(1, INTENT)
    row = out[0]
    row["ts_event"] = row["ts_recv"] = ts
    row["kind"], row["inst"], row["side"] = EventKind.INTENT, want.inst, want.side
    row["client_order_id"], row["price"], row["qty"] = id_, want.tick / 10, want.qty
    row["action"] = Action.SUBMIT if want.action == MARKET else want.action
    row["tif"] = want.tif
    if want.action == MARKET:
        row["order_type"], row["tif"] = OrderType.MARKET, TimeInForce.IOC
    return out


def ask(twin: NaiveExchange, id_, want: Wanted):
    if want.action == Action.CANCEL:
        twin.cancel(id_)
    elif want.action == Action.AMEND:
        twin.amend(id_, want.tick, want.qty)
    else:
        order = Order(id_, want.inst, want.side, want.tick, want.qty, want.tif)
        twin.submit(order, market=want.action == MARKET)


@settings(max_examples=examples(60))
@given(
    market_rows(late=0), scripts(ticks=30), st.sampled_from([0, 800]), st.sampled_from([0, 1_500]),
    st.integers(1, 7),
)  # fmt: skip
def test_reports_are_those_of_the_naive_twin_in_any_pieces(  # noqa: C901
    events, script, entry, response, cut
):
    """Requests come between rows, at the receipt time of the row before them."""
    config = ExchangeConfig(queue="power", entry_latency_us=entry, response_latency_us=response)
    live = LiveExchange(table(), config)
    twin = naive("power")
    script = [s for s in script if s.action != Action.CANCEL_ALL]
    found, expected = [], []
    waiting = []  # (arrival, id, what) on their way to the twin
    receipt = 0
    next_id = 1
    insts = {}

    def tell(now):
        nonlocal receipt
        for message in twin.out:
            receipt = max(now + response, receipt)
            expected.append((*message, now, receipt))
        twin.out.clear()

    def serve(until):
        while waiting and waiting[0][0] < until:
            arrival, id_, what = waiting.pop(0)
            ask(twin, id_, what)
            tell(arrival)

    start = 0
    for place in range(0, len(events), cut):
        piece = events[place : place + cut]
        found += told(live.step(piece.copy()))
        for row in piece:
            now = int(row["ts_recv"])
            serve(now)
            price, qty = np.frombuffer(row.tobytes()[24:40], "<f8").tolist()
            inst, side = int(row["inst"]), int(row["side"])
            if row["kind"] == EventKind.LOB:
                twin.on_level(inst, int(row["flags"]), side, price, qty)
            elif side:
                twin.on_trade(inst, side, price, qty)
            tell(now)
        for want in script[start : start + 2]:
            id_ = want.ref
            if want.action in (Action.SUBMIT, MARKET):
                id_, next_id = next_id, next_id + 1
                insts[id_] = want.inst
            want.inst = insts.get(id_, want.inst)  # a request names its order's instrument
            found += told(live.submit(intent(id_, want, now), now))
            waiting.append((now + entry, id_, want))
            serve(now + 1)
        start += 2
    found += told(live.advance(now + 10**7))
    serve(now + 10**7)
    assert found == expected


@pytest.fixture
def exchange():
    live = LiveExchange(table())
    live.step(book([(99.9, 2.0)], [(100.1, 2.0)], T0, snapshot=True))
    return live


def test_an_order_rests_is_seen_and_fills(exchange):
    (report,) = told(
        exchange.submit(intent(1, Wanted(0, Action.SUBMIT, tick=999, qty=1.0), T0), T0)
    )
    assert report[2] == OrderEvent.ACCEPTED
    (order,) = exchange.open_orders(0)
    assert (order["client_order_id"], order["front"]) == (1, 2.0)
    assert len(exchange.open_orders(1)) == 0
    reports = exchange.step(trade(99.9, 3.0, -1, T0 + 10))
    assert reports["kind"].tolist() == [EventKind.FILL, EventKind.ACC_ORDER]
    assert reports.view(FILL)["fee"][0] == pytest.approx(-0.001 * 99.9)
    assert len(exchange.open_orders(0)) == 0


def test_all_orders_of_an_instrument_can_be_cancelled(exchange):
    for id_ in (1, 2):
        exchange.submit(intent(id_, Wanted(0, Action.SUBMIT, tick=990, qty=1.0), T0), T0)
    exchange.submit(intent(3, Wanted(0, Action.SUBMIT, tick=990, inst=1), T0), T0)
    reports = exchange.submit(intent(-1, Wanted(0, Action.CANCEL_ALL), T0 + 5), T0 + 5)
    assert [(r[1], r[2]) for r in told(reports)] == [
        (1, OrderEvent.CANCELED), (2, OrderEvent.CANCELED),
    ]  # fmt: skip
    assert len(exchange.open_orders(1)) == 1


def test_an_instrument_that_is_not_in_the_table_is_refused(exchange):
    with pytest.raises(DataError, match="an intent is about instrument 7, expected 0 to 1"):
        exchange.submit(intent(1, Wanted(0, Action.SUBMIT, inst=7, tick=990), T0), T0)


def test_no_rows_give_no_reports(exchange):
    assert len(exchange.step(empty_events(0))) == 0
    exchange.warm_up()


@pytest.mark.slow
def test_a_book_of_any_size_is_kept():
    live = LiveExchange(table(), window=64)
    levels = [(1.0 + i * 0.7, 1.0) for i in range(6_000)]
    live.step(book(levels, [], T0, snapshot=True))
    (fill, _) = live.submit(intent(1, Wanted(0, MARKET, side=-1, qty=1.0), T0 + 1), T0 + 1)
    assert np.array([fill]).view(FILL)["price"][0] == pytest.approx(round(levels[-1][0], 1))


@pytest.mark.slow
def test_very_many_requests_find_room():
    config = ExchangeConfig(entry_latency_us=1_000, response_latency_us=1_000)
    live = LiveExchange(table(), config)
    many = np.concatenate(
        [intent(i, Wanted(0, Action.CANCEL, ref=i), T0) for i in range(1, 20_001)]
    )
    assert len(live.submit(many, T0)) == 0
    reports = live.advance(T0 + 2_000)
    assert len(reports) == 20_000
    assert (np.diff(reports["ts_recv"]) >= 0).all()
