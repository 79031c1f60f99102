"""Checks of a plan."""

from __future__ import annotations

import pytest

from extrema_nb.channels import AccountOrders, AccountPositions, Trades
from extrema_nb.errors import ConfigError
from extrema_nb.runtime.modules import AsyncModule
from extrema_nb.runtime.plan import Plan, check_bindings
from extrema_nb.runtime.tasks import AltTask, TaskKey, TimeScheduler, WsTask
from extrema_nb.testing import FakeClock, instrument_table
from tests.extrema_nb.runtime.doubles import AcceptingRoute


def plan(*tasks, **given):
    made = Plan(tasks=list(tasks), **given)
    made.modules.append((AsyncModule(), None))
    return made


def test_checking_expands_the_tasks():
    made = plan(WsTask(market="binance-usdm", channel=Trades(), chunk=2))
    made.check()
    assert [c.key.task_id for c in made.concretes] == [1, 2]


def test_an_unknown_key_is_told_with_what_there_is():
    known = [TaskKey(TimeScheduler(1), 1)]
    check_bindings(known, [None, frozenset(known)])
    with pytest.raises(ConfigError, match=r"TimeScheduler\[2\].*declared: TimeScheduler\[1\]"):
        check_bindings(known, [frozenset([TaskKey(TimeScheduler(1), 2)])])
    with pytest.raises(ConfigError, match="declared: none"):
        check_bindings([], [frozenset(known)])


def test_account_streams_go_with_a_route_and_not_with_market_channels():
    orders = WsTask(market="binance-usdm", channel=[AccountOrders(), AccountPositions()])
    plan(orders, route=AcceptingRoute(FakeClock())).check()
    with pytest.raises(ConfigError, match="with_route"):
        plan(orders).check()
    with pytest.raises(ConfigError, match="mixes"):
        plan(WsTask(market="binance-usdm", channel=[AccountOrders(), Trades()])).check()


def test_instruments_are_checked_once_the_table_is_known():
    task = WsTask(market="binance-usdm", channel=Trades(), insts=["NOPE"])
    plan(task, AltTask(TimeScheduler(1))).check()
    with pytest.raises(ConfigError, match="unknown instrument 'NOPE'"):
        plan(task, table=instrument_table()).check()
