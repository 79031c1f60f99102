"""The paper route, on an exchange whose latency the test decides."""

from __future__ import annotations

import asyncio

import numpy as np

from extrema_nb.events import (
    ACC_ORDER,
    INTENT,
    Action,
    EventKind,
    OrderStatus,
    empty_events,
)
from extrema_nb.runtime.paper import PaperRoute
from extrema_nb.testing import FakeClock, ListSink, row, trade
from tests.patience import PATIENCE_S


class LateExchange:
    """Answers each request after `latency` µs, and sees every market row."""

    def __init__(self, latency):
        self.latency = latency
        self.seen = empty_events(0)
        self.due: list[tuple[int, int, int]] = []

    wakes_at = None

    @property
    def pending(self):
        return bool(self.due)

    def counters(self):
        return {"seen": len(self.seen)}

    def step(self, rows):
        self.seen = np.concatenate([self.seen, rows])
        return self.advance(int(rows["ts_recv"][-1]))

    def submit(self, intents, now_us):
        for intent in intents:
            status = OrderStatus.LIVE if intent["action"] == Action.SUBMIT else OrderStatus.CANCELED
            self.due.append((now_us + self.latency, int(intent["client_order_id"]), status))
        return self.advance(now_us)

    def advance(self, now_us):
        ready = [one for one in self.due if one[0] <= now_us]
        self.due = [one for one in self.due if one[0] > now_us]
        rows = empty_events(len(ready))
        out = rows.view(ACC_ORDER)
        for i, (ts, order, status) in enumerate(ready):
            out["kind"][i], out["ts_recv"][i] = EventKind.ACC_ORDER, ts
            out["client_order_id"][i], out["status"][i] = order, status
        return rows


def orders(*ids):
    out = np.zeros(len(ids), INTENT)
    out["client_order_id"], out["action"] = ids, Action.SUBMIT
    return out


def statuses(sink):
    return sink.rows.view(ACC_ORDER)["status"].tolist()


def test_without_latency_answers_come_at_once():
    async def main():
        sink = ListSink()
        route = PaperRoute(LateExchange(0), FakeClock())
        await route.start(sink.write)
        await route.send(orders(1, 2))
        assert statuses(sink) == [OrderStatus.LIVE] * 2
        assert set(route.open) == {1, 2}
        await route.cancel_everything()
        assert statuses(sink)[2:] == [OrderStatus.CANCELED] * 2
        assert not route.open
        await route.close()
        await route.close()

    asyncio.run(main())


def test_a_modelled_latency_passes_in_a_silent_market():
    async def main():
        clock, sink = FakeClock(), ListSink()
        route = PaperRoute(LateExchange(1_000), clock)
        await route.start(sink.write)
        await route.send(orders(1))
        assert statuses(sink) == []
        clock.advance(1_000)
        async with asyncio.timeout(PATIENCE_S):
            while not len(sink.rows):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert statuses(sink) == [OrderStatus.LIVE]
        await route.close()

    asyncio.run(main())


def test_a_cancel_behind_an_unanswered_order_is_answered_in_a_silent_market():
    async def main():
        clock, sink = FakeClock(), ListSink()
        route = PaperRoute(LateExchange(1_000), clock)
        await route.start(sink.write)
        await route.send(orders(1))
        clock.advance(600)
        await route.cancel_everything()
        for due in (400, 600):  # first the order's own answer, then the cancel's
            clock.advance(due)
            seen = len(sink.rows)
            async with asyncio.timeout(PATIENCE_S):
                while len(sink.rows) == seen:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
        assert statuses(sink) == [OrderStatus.LIVE, OrderStatus.CANCELED]
        assert not route.open
        await route.close()

    asyncio.run(main())


def test_market_rows_bring_answers_that_are_due():
    async def main():
        clock, sink = FakeClock(), ListSink()
        exchange = LateExchange(50)
        route = PaperRoute(exchange, clock)
        await route.start(sink.write)
        await route.send(orders(1))
        route.on_market(trade(1.0, 1.0, ts=clock.now() + 50))
        assert statuses(sink) == [OrderStatus.LIVE]
        await route.close()

    asyncio.run(main())


def test_the_exchange_sees_market_rows_alone_and_time_that_never_goes_back():
    exchange = LateExchange(0)
    route = PaperRoute(exchange, FakeClock())
    route.on_market(trade(1.0, 1.0, ts=100))
    late = trade(2.0, 1.0, ts=90)
    route.on_market(late)
    route.on_market(row(EventKind.ACC_ORDER, 110, client_order_id=1, status=2))
    assert exchange.seen["ts_recv"].tolist() == [100, 100]
    assert late["ts_recv"][0] == 90


class Payer(LateExchange):
    """Pays by itself once, at a time."""

    def __init__(self, at):
        super().__init__(0)
        self.wakes_at = at

    def advance(self, now_us):
        if self.wakes_at is None or now_us < self.wakes_at:
            return empty_events(0)
        self.wakes_at = None
        return row(EventKind.ACC_BAL, now_us, change=-1.0)


def test_what_the_exchange_does_by_itself_happens_in_a_silent_market():
    async def main():
        clock, sink = FakeClock(), ListSink()
        exchange = Payer(None)
        route = PaperRoute(exchange, clock)
        await route.start(sink.write)
        exchange.wakes_at = clock.now() + 20_000
        route.on_market(trade(1.0, 1.0, ts=clock.now()))
        assert len(sink.rows) == 0
        clock.advance(20_000)
        async with asyncio.timeout(PATIENCE_S):
            while not len(sink.rows):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert sink.rows["kind"].tolist() == [EventKind.ACC_BAL]
        assert route.stats == {"seen": 1}
        exchange.wakes_at = clock.now() + 10**12  # still waits when the session ends
        route.on_market(trade(1.0, 1.0, ts=clock.now()))
        await route.close()

    asyncio.run(main())


def test_a_report_that_a_market_row_caused_comes_in_a_silent_market():
    async def main():
        clock, sink = FakeClock(), ListSink()
        exchange = LateExchange(1_000)
        route = PaperRoute(exchange, clock)
        await route.start(sink.write)
        exchange.due.append((clock.now() + 1_000, 5, OrderStatus.FILLED))  # as a fill of this row
        route.on_market(trade(1.0, 1.0, ts=clock.now()))
        clock.advance(1_000)
        async with asyncio.timeout(PATIENCE_S):
            while not len(sink.rows):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert statuses(sink) == [OrderStatus.FILLED]
        await route.close()

    asyncio.run(main())
