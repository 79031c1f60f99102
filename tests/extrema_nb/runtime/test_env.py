"""Building environments: what is refused, what comes out."""

from __future__ import annotations

import pytest

from extrema_nb.channels import AccountOrders, Lob, Trades
from extrema_nb.errors import ConfigError
from extrema_nb.runtime.env import EnvBuilder
from extrema_nb.runtime.modules import AsyncModule
from extrema_nb.runtime.tasks import (
    MAX_TASK_ID,
    AltTask,
    InstIntent,
    OrderExecution,
    TimeScheduler,
    WsTask,
)
from extrema_nb.strategy.spec import Strategy
from extrema_nb.testing import instrument_table

NAME = "BTC_USDT_PERP"


class Quiet(AsyncModule):
    """Does nothing."""


class CountTrades(Strategy):
    """Does nothing with trades."""

    def on_trade(ctx, p, s, trade):  # noqa: N805
        pass


def ws(**given):
    return WsTask(**{"market": "binance-usdm", "channel": Trades(), "insts": [NAME], **given})


def build(*tasks, module=None):
    return EnvBuilder().with_tasks(tasks).with_strategy_module(module or Quiet()).build()


def test_there_is_one_ring_for_each_concrete_task():
    tasks = [ws(chunk=3, task_id=10), AltTask(TimeScheduler(5)), AltTask(OrderExecution(), 2)]
    env = build(*tasks)
    assert list(env.rings) == [key for task in tasks for key in task.task_keys()]
    assert len({id(ring) for ring in env.rings.values()}) == 6
    assert env.tasks == tuple(tasks)


def test_chunk_zero_makes_no_ring():
    assert build(ws(chunk=0)).rings == {}


@pytest.mark.parametrize(
    "tasks",
    [
        (ws(), ws(market="okx")),
        (ws(), ws(channel=Trades(aggregate=True))),
        (AltTask(TimeScheduler(1)), AltTask(TimeScheduler(2))),
    ],
)
def test_a_duplicate_id_of_one_kind_is_a_build_error(tasks):
    with pytest.raises(ConfigError, match="have the id 1"):
        build(*tasks)


def test_different_channels_may_share_an_id():
    assert len(build(ws(), ws(channel=Lob()), AltTask(InstIntent())).rings) == 3


def test_an_id_that_overflows_is_a_build_error():
    with pytest.raises(ConfigError, match="largest id"):
        EnvBuilder().with_task(ws(chunk=2, task_id=MAX_TASK_ID)).with_strategy_module(
            Quiet()
        ).build()


def test_a_binding_to_an_undeclared_task_is_a_build_error():
    other = ws(channel=Trades(aggregate=True)).task_keys()
    for module in (Quiet(), CountTrades()):
        builder = EnvBuilder().with_task(ws()).with_strategy_module_on(module, other)
        with pytest.raises(ConfigError, match="which no task declares"):
            builder.build()


def test_without_a_strategy_there_is_nothing_to_build():
    with pytest.raises(ConfigError, match="no strategy"):
        EnvBuilder().with_task(ws()).build()


def test_an_unknown_instrument_is_a_build_error_that_suggests():
    builder = EnvBuilder().with_table(instrument_table()).with_strategy_module(Quiet())
    with pytest.raises(ConfigError, match="BTC_USDT_PERP"):
        builder.with_task(ws(insts=["BTC_USDT_PREP"])).build()


def test_what_is_no_task_and_no_strategy_is_refused():
    with pytest.raises(ConfigError, match="is no task"):
        EnvBuilder().with_task(TimeScheduler(1))
    with pytest.raises(ConfigError, match="is no strategy"):
        EnvBuilder().with_strategy_module(object())
    with pytest.raises(ConfigError, match=r"expected an instance: Quiet\(\)"):
        EnvBuilder().with_strategy_module(Quiet)
    with pytest.raises(ConfigError, match=r"CountTrades\(\)"):
        EnvBuilder().with_strategy_module(CountTrades)


def test_an_account_stream_needs_an_order_route():
    with pytest.raises(ConfigError, match="with_route"):
        build(ws(channel=AccountOrders()))


def test_kernel_strategies_with_one_binding_share_a_group():
    task = ws(chunk=2)
    first, second = task.task_keys()
    env = (
        EnvBuilder()
        .with_task(task)
        .with_strategy_modules([CountTrades(), CountTrades()])
        .with_strategy_module_on(CountTrades(), [first, first])
        .with_strategy_modules_on([(CountTrades(), [second]), (CountTrades(), [first])])
        .build()
    )
    found = [(spec.binding, len(spec.strategies)) for spec in env.plan.groups]
    assert found == [(None, 2), (frozenset([first]), 2), (frozenset([second]), 1)]
