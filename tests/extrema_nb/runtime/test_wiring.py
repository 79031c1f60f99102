"""Who gets which rows."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from extrema_nb.channels import AccountBalAndPos, AccountOrders, AccountPositions, Trades
from extrema_nb.events import EventKind, StatusCode
from extrema_nb.runtime.plan import GroupSpec, Plan
from extrema_nb.runtime.tasks import AltTask, OrderExecution, WsTask, expand
from extrema_nb.runtime.wiring import REPORTS_KEY, Wiring, make_rings
from extrema_nb.testing import FakeClock, ListSink, bbo, instrument_table, row, rows, trade
from tests.extrema_nb.runtime.doubles import AcceptingRoute, EchoGroup

TRADES = WsTask(market="binance-usdm", channel=Trades(), chunk=2)


def wired(*tasks, groups=(), sinks=(), route=True):
    """Return a wiring with `groups` given as (group, binding)."""
    clock = FakeClock()
    plan = Plan(tasks=list(tasks), sinks=list(sinks), clock=clock)
    plan.route = AcceptingRoute(clock) if route else None
    plan.concretes = expand(tasks)
    plan.groups = [GroupSpec(binding, group=group) for group, binding in groups]
    failed: list[str] = []

    def fail(who, error):
        failed.append(f"{who}: {error}")

    rings = make_rings(plan.concretes, fail)
    made = Wiring(plan, rings, instrument_table(), [g for g, _ in groups], fail)
    made.failed = failed
    return made


def reports(client_order_id=1):
    return rows(
        row(EventKind.FILL, 5, client_order_id=client_order_id, side=1, qty=1.0, price=2.0),
        row(EventKind.ACC_ORDER, 5, client_order_id=client_order_id, status=6),
        row(EventKind.ACC_POS, 5, inst=0, qty=1.0),
        row(EventKind.ACC_BAL, 5, balance=1.0),
    )


def kinds(some):
    return some["kind"].tolist()


def test_a_group_reads_its_tasks_and_an_unbound_one_all():
    first, second = TRADES.task_keys()
    groups = [(EchoGroup(), frozenset([first])), (EchoGroup(), None)]
    made = wired(TRADES, groups=groups)
    made.publisher(first)(trade(1, 1, ts=5))
    made.publisher(second)(trade(2, 1, ts=6))
    assert [len(group.rows) for group, _ in groups] == [1, 2]
    assert made.market_rows() == 2


def test_reports_reach_every_group_once_and_the_rings_of_their_channels():
    tasks = [
        WsTask(market="binance-usdm", channel=channel)
        for channel in (AccountOrders(), AccountBalAndPos(), AccountPositions())
    ]
    group, sink = EchoGroup(), ListSink()
    made = wired(*tasks, groups=[(group, frozenset())], sinks=[sink])
    readers = [made.rings[task.task_keys()[0]].reader() for task in tasks]
    made.take_reports(reports())
    assert REPORTS_KEY not in made.rings
    assert len(group.rows) == len(sink.rows) == 4
    assert [kinds(reader.read()) for reader in readers] == [
        [EventKind.FILL, EventKind.ACC_ORDER],
        [EventKind.ACC_POS, EventKind.ACC_BAL],
        [EventKind.ACC_POS],
    ]
    assert made.tally.fills == 1


def test_an_undeclared_account_has_a_ring_of_its_own():
    made = wired(TRADES)
    reader = made.rings[REPORTS_KEY].reader()
    made.take_reports(reports())
    assert len(reader.read()) == 4
    assert REPORTS_KEY not in wired(TRADES, route=False).rings


def test_the_relay_has_its_own_orders_beside_those_of_a_group():
    group = EchoGroup()
    made = wired(TRADES, AltTask(OrderExecution()), groups=[(group, None)])
    assert (made.relay_owner, made.ids.owners) == (1, 2)
    made.take_reports(reports(client_order_id=2))  # the relay's first
    assert group.rows.view(np.int64).reshape(-1, 8)[:2, 3].tolist() == [-1, -1]


def test_the_kill_switch_reaches_every_group():
    groups = [(EchoGroup(), None), (EchoGroup(), frozenset())]
    made = wired(TRADES, groups=groups)
    made.kill()
    for group, _ in groups:
        assert group.rows["w0"].tolist() == [StatusCode.KILL]


def test_an_error_in_a_recorder_of_reports_is_handed_on_and_the_rest_goes_on():
    class Full(ListSink):
        def write(self, rows):
            raise OSError("disk full")

    group = EchoGroup()
    made = wired(TRADES, groups=[(group, None)], sinks=[Full()])
    made.take_reports(reports())
    made.take_reports(reports())
    made.publisher(TRADES.task_keys()[0])(trade(1, 1, ts=9))
    assert made.failed == ["recorder Full: disk full"] * 2  # once for reports, once for the ring
    assert len(group.rows) == 9


def test_a_route_that_lives_on_market_rows_reads_them_after_the_groups():
    seen: list[str] = []

    class Telling(EchoGroup):
        def step(self, rows):
            seen.append("group")
            return super().step(rows)

    clock = FakeClock()
    route = AcceptingRoute(clock)
    route.on_market = lambda rows: seen.append(f"market {len(rows)}")
    plan = Plan(tasks=[TRADES], clock=clock, route=route)
    plan.concretes = expand([TRADES])
    plan.groups = [GroupSpec(None, group=(group := Telling()))]
    rings = make_rings(plan.concretes, lambda *_: None)
    made = Wiring(plan, rings, instrument_table(), [group], lambda *_: None)
    made.publisher(TRADES.task_keys()[0])(trade(1, 1, ts=5))
    assert seen == ["group", "market 1"]


def test_profit_is_valued_at_the_newest_prices_of_the_rings():
    made = wired(TRADES)
    made.take_reports(reports())
    publish = made.publisher(TRADES.task_keys()[0])
    publish(rows(trade(10.0, 1, ts=6), bbo(11.0, 1, 13.0, 1, ts=7), trade(99.0, 1, ts=8, inst=1)))
    made.mark()
    assert made.tally.profit() == pytest.approx(12.0 - 2.0)


def test_announcements_reach_cursors_only():
    async def main():
        group = EchoGroup()
        made = wired(TRADES, groups=[(group, None)])
        key = TRADES.task_keys()[1]
        reader = made.rings[key].reader()
        made.announce(key)
        told = reader.read()
        assert told["w0"].tolist() == [StatusCode.STARTED]
        assert len(group.rows) == 0

    asyncio.run(main())
