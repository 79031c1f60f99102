"""Environments at work, with rows made in this process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

import numpy as np
import pytest

from extrema_nb.channels import AccountOrders, Lob, Trades
from extrema_nb.errors import ConfigError, VenueDisconnected
from extrema_nb.events import (
    ACC_ORDER,
    BUY,
    INST_INTENT,
    INTENT,
    STATUS,
    TRADE,
    Action,
    EventKind,
    OrderStatus,
    StatusCode,
)
from extrema_nb.runtime.commands import AckStatus, InstIntents, OrderExecute
from extrema_nb.runtime.env import EnvBuilder
from extrema_nb.runtime.modules import AsyncModule
from extrema_nb.runtime.tasks import AltTask, InstIntent, OrderExecution, TimeScheduler, WsTask
from extrema_nb.testing import ListSink, instrument_table, trade
from tests.extrema_nb.runtime.doubles import AcceptingRoute, EchoGroup, ListJournal
from tests.patience import PATIENCE_S

NAME = "BTC_USDT_PERP"


def ws(**given):
    return WsTask(**{"market": "binance-usdm", "channel": Trades(), "insts": [NAME], **given})


class ScriptFeed:
    """Publishes rows once, then waits for the stop."""

    def __init__(self, publish, batches, error=None):
        self.publish, self.batches, self.error = publish, batches, error

    async def run(self, stop):
        for rows in self.batches:
            await asyncio.sleep(0)
            self.publish(rows)
        if self.error is not None:
            raise self.error
        await stop.wait()


def feeds(batches_of):
    """Return a maker of feeds; `batches_of` takes a task key."""

    def make(task, publish, url):
        del url
        return ScriptFeed(publish, batches_of(task.key))

    return make


def priced(key):
    """Return three trades whose price tells the task."""
    return [trade(100.0 * key.task_id + i, 1.0, ts=1_000 + i) for i in range(3)]


class Collector(AsyncModule):
    """Collects prices by task id, and stops the environment when it has enough."""

    def __init__(self, enough=10**9):
        self.prices: dict[int, list[float]] = {}
        self.events: list = []
        self.status: list[int] = []
        self.enough = enough
        self.stop = lambda: None

    async def on_trade(self, batch):
        self.prices.setdefault(batch.task_id, []).extend(batch.rows["price"].tolist())
        if sum(map(len, self.prices.values())) >= self.enough:
            self.stop()

    async def on_ws_event(self, event):
        self.events.append(event)

    async def on_status(self, batch):
        self.status += batch.rows["code"].tolist()


class Reports(AsyncModule):
    """Stops the environment after so many order reports."""

    def __init__(self, enough):
        self.left = enough
        self.stop = lambda: None

    async def on_acc_order(self, batch):
        self.left -= len(batch.rows)
        if self.left <= 0:
            self.stop()


def run(builder, *modules, seconds=10):
    async def main():
        env = builder.with_table(instrument_table()).build()
        for module in modules:
            module.stop = env.stop
        async with asyncio.timeout(seconds):
            await env.run(handle_signals=False)
        return env

    return asyncio.run(main())


def three(key):
    return [100.0 * key + i for i in range(3)]


def test_one_task_fans_out_to_several_modules():
    first, second = Collector(), Collector(3)
    builder = EnvBuilder().with_task(ws()).with_feeds(feeds(priced))
    run(builder.with_strategy_modules([first, second]), second)
    assert first.prices == second.prices == {1: three(1)}


def test_a_bound_module_hears_only_its_tasks_and_an_unbound_one_all():
    task = ws(chunk=3)
    keys = task.task_keys()
    bound, free = Collector(), Collector(9)
    builder = (
        EnvBuilder()
        .with_task(task)
        .with_feeds(feeds(priced))
        .with_strategy_module_on(bound, [keys[0], keys[2]])
        .with_strategy_module(free)
    )
    run(builder, free)
    assert bound.prices == {1: three(1), 3: three(3)}
    assert sorted(free.prices) == [1, 2, 3]


def test_bindings_to_one_id_of_two_kinds_are_separate():
    trades, books = ws(), ws(channel=Lob())
    both = Collector(6)
    only = Collector()
    builder = (
        EnvBuilder()
        .with_tasks([trades, books])
        .with_feeds(feeds(lambda key: priced(key) if key.kind == Trades() else []))
        .with_strategy_module_on(only, books.task_keys())
    )
    both.enough = 3
    run(builder.with_strategy_module(both), both)
    assert only.prices == {}
    assert [e.key.kind for e in only.events] == [Lob()]


def test_the_first_announcement_comes_and_comes_before_the_data():
    class Ordered(Collector):
        async def on_ws_event(self, event):
            assert not self.prices
            await super().on_ws_event(event)

    module = Ordered(3)
    task = ws()
    run(EnvBuilder().with_task(task).with_feeds(feeds(priced)).with_strategy_module(module), module)
    assert [(e.task_id, e.task) for e in module.events] == [(1, task)]


def test_modules_are_initialised_before_anything_runs_and_finalised_after():
    story: list[str] = []

    class Told(Collector):
        async def initialize(self):
            await asyncio.sleep(0.001)
            story.append("initialize")

        def command_init(self, registry):
            super().command_init(registry)
            story.append("commands")

        async def on_trade(self, batch):
            story.append("trade")
            await super().on_trade(batch)

        async def finalize(self):
            story.append("finalize")

    module = Told(3)
    run(EnvBuilder().with_task(ws()).with_feeds(feeds(priced)).with_strategy_module(module), module)
    assert story[:2] == ["initialize", "commands"]
    assert story[-1] == "finalize"
    assert story.count("finalize") == story.count("initialize") == 1


def test_what_is_in_the_rings_is_read_before_the_end():
    class Slow(Collector):
        async def on_trade(self, batch):
            await asyncio.sleep(0.001)
            await super().on_trade(batch)

    slow, quick = Slow(), Collector(3)
    builder = EnvBuilder().with_task(ws()).with_feeds(feeds(priced))
    run(builder.with_strategy_modules([slow, quick]), quick)
    assert slow.prices == {1: three(1)}


def test_an_error_in_a_module_is_logged_by_name_and_stops_everything(caplog):
    class Faulty(Collector):
        async def on_trade(self, batch):
            raise ZeroDivisionError(f"of the module, {batch.task_id}")

    sink = ListSink()
    builder = EnvBuilder().with_task(ws()).with_feeds(feeds(priced)).with_sink(sink)
    with pytest.raises(ZeroDivisionError), caplog.at_level(logging.ERROR):
        run(builder.with_strategy_module(Faulty()))
    assert "module Faulty failed" in caplog.text
    assert sink.closed


def test_an_error_in_initialize_is_raised():
    class Faulty(AsyncModule):
        async def initialize(self):
            raise ConfigError("no model folder")

    with pytest.raises(ConfigError, match="no model folder"):
        run(EnvBuilder().with_strategy_module(Faulty()))


def test_a_feed_that_fails_begins_a_new_cycle_that_is_announced():
    cycles = []

    def make(task, publish, url):
        cycles.append(url)
        error = VenueDisconnected("gone") if len(cycles) == 1 else None
        return ScriptFeed(publish, priced(task.key), error)

    module = Collector(6)
    run(EnvBuilder().with_task(ws()).with_feeds(make).with_strategy_module(module), module)
    assert len(cycles) == len(module.events) == 2
    assert module.prices == {1: three(1) * 2}


def test_a_slow_module_is_told_what_it_lost():
    many = np.concatenate([trade(1.0, 1.0, ts=i + 1) for i in range(10_000)])

    class Told(Collector):
        async def on_status(self, batch):
            lost = batch.rows[batch.rows["code"] == StatusCode.LAGGED]
            if len(lost):
                self.lost = int(lost["count"].sum())
                self.stop()

    module = Told()
    run(
        EnvBuilder()
        .with_task(ws())
        .with_feeds(feeds(lambda _: [many]))
        .with_strategy_module(module),
        module,
    )
    assert module.lost + len(module.prices.get(1, [])) >= 10_000
    assert module.lost >= 10_000 - 8_192


def test_a_timer_ticks_at_once():
    class Ticks(AsyncModule):
        async def on_schedule(self, batch):
            self.first = batch.rows[0].copy()
            self.stop()

    module = Ticks()
    run(
        EnvBuilder()
        .with_task(AltTask(TimeScheduler(3600), task_id=4))
        .with_strategy_module(module),
        module,
    )
    assert (module.first["timer"], module.first["tick"]) == (4, 0)
    assert module.first["period"] == 3_600_000_000


def test_kernel_groups_see_rows_of_all_tasks_and_their_orders_reach_the_route():
    group, journal, sink = EchoGroup(), ListJournal(), ListSink()
    module = Collector(6)

    async def main():
        builder = EnvBuilder().with_tasks([ws(chunk=2)]).with_feeds(feeds(priced))
        route = AcceptingRoute(builder._plan.clock)
        env = (
            builder.with_table(instrument_table())
            .with_strategy_module(module)
            .with_group(group)
            .with_route(route)
            .with_journal(lambda *_: journal)
            .with_sink(sink)
            .build()
        )
        module.stop = env.stop
        async with asyncio.timeout(PATIENCE_S):
            await env.run(handle_signals=False)
        return env, route

    env, route = asyncio.run(main())
    assert group.warm
    assert (group.rows["kind"] == EventKind.TRADE).sum() == 6
    assert np.all(np.diff(group.rows["ts_recv"]) >= 0)
    assert env.killed
    assert env.left_open == 0
    tally = env.wiring.tally.summary()
    assert (tally["orders"], tally["open_orders"]) == (6, 0)
    told = group.rows[group.rows["kind"] == EventKind.ACC_ORDER].view(ACC_ORDER)
    ends = told["status"] >= OrderStatus.FILLED
    assert sorted(told["client_order_id"][ends].tolist()) == [1, 2, 3, 4, 5, 6]
    kills = group.rows[group.rows["kind"] == EventKind.STATUS].view(STATUS)
    assert kills["code"].tolist() == [StatusCode.KILL]
    assert np.array_equal(journal.input, group.rows)
    assert journal.closed == route.closed == 1
    assert sink.closed
    assert (sink.rows["kind"] == EventKind.ACC_ORDER).sum() == len(told)


def test_orders_that_are_not_confirmed_are_told():
    group = EchoGroup()
    module = Collector(3)

    async def main():
        builder = EnvBuilder().with_task(ws()).with_feeds(feeds(priced))
        route = AcceptingRoute(builder._plan.clock)
        route.answers_cancel = False
        env = (
            builder.with_table(instrument_table())
            .with_strategy_module(module)
            .with_group(group)
            .with_route(route, kill_timeout_s=0.05)
            .build()
        )

        class Late(Collector):
            async def on_acc_order(self, batch):
                self.seen = getattr(self, "seen", 0) + len(batch.rows)
                if self.seen == 3:
                    env.stop()

        env.plan.modules.append((Late(), None))
        async with asyncio.timeout(PATIENCE_S):
            await env.run(handle_signals=False)
        return env

    assert asyncio.run(main()).left_open == 3


def test_two_groups_keep_their_order_ids_apart():
    task = ws(chunk=2)
    first, second = task.task_keys()
    groups = [EchoGroup(), EchoGroup()]
    module = Reports(6)

    async def main():
        builder = EnvBuilder().with_task(task).with_feeds(feeds(priced))
        route = AcceptingRoute(builder._plan.clock)
        env = (
            builder.with_table(instrument_table())
            .with_strategy_module(module)
            .with_group(groups[0], [first])
            .with_group(groups[1], [second])
            .with_route(route)
            .build()
        )
        module.stop = env.stop
        async with asyncio.timeout(PATIENCE_S):
            await env.run(handle_signals=False)
        return route

    route = asyncio.run(main())
    assert sorted(route.sent["client_order_id"].tolist()) == [1, 2, 3, 4, 5, 6]
    for group in groups:
        told = group.rows[group.rows["kind"] == EventKind.ACC_ORDER].view(ACC_ORDER)
        mine = told["client_order_id"][told["client_order_id"] > 0]
        assert set(mine.tolist()) == {1, 2, 3}
        assert (group.rows["kind"] == EventKind.TRADE).sum() == 3


def test_an_error_of_a_kernel_stops_everything_and_orders_are_cancelled():
    class Broken(EchoGroup):
        def step(self, rows):
            if len(self.rows) > 3:
                raise FloatingPointError("kernel")
            return super().step(rows)

    async def main():
        builder = EnvBuilder().with_task(ws()).with_feeds(feeds(priced))
        route = AcceptingRoute(builder._plan.clock)
        env = builder.with_table(instrument_table()).with_group(Broken()).with_route(route).build()
        with pytest.raises(FloatingPointError):
            await asyncio.wait_for(env.run(handle_signals=False), PATIENCE_S)
        return route

    route = asyncio.run(main())
    assert route.open == []
    assert route.closed == 1


def test_orders_of_modules_go_through_the_relay_to_the_route_and_come_back():
    class Sender(AsyncModule):
        async def on_alt_event(self, event):
            if not isinstance(event.task.kind, OrderExecution):
                return
            order = np.zeros(2, INTENT)
            order["action"], order["side"], order["qty"] = Action.SUBMIT, BUY, 1.0
            handle = self.commands.find_alt_handle(OrderExecution(), 1)
            await handle.send_command(OrderExecute(order), AckStatus.ALT_TASK, 5)

    class Observer(AsyncModule):
        seen = None

        async def on_order_execution(self, batch):
            self.seen = batch.rows.copy()

        async def on_acc_order(self, batch):
            self.reports = [*getattr(self, "reports", []), *batch.rows["client_order_id"]]
            if len(self.reports) == 2:
                self.stop()

    observer = Observer()

    async def main():
        builder = EnvBuilder().with_tasks(
            [AltTask(OrderExecution()), ws(channel=AccountOrders(), insts=[])]
        )
        route = AcceptingRoute(builder._plan.clock)
        env = (
            builder.with_table(instrument_table())
            .with_strategy_modules([Sender(), observer])
            .with_route(route)
            .build()
        )
        observer.stop = env.stop
        async with asyncio.timeout(PATIENCE_S):
            await env.run(handle_signals=False)
        return route

    route = asyncio.run(main())
    assert observer.seen["client_order_id"].tolist() == [1, 2]
    assert observer.seen["kind"].tolist() == [EventKind.INTENT] * 2
    assert route.sent["client_order_id"].tolist() == [1, 2]
    assert route.open == []


def test_targets_of_modules_reach_kernels_and_modules():
    group = EchoGroup()

    class Allocator(AsyncModule):
        async def on_alt_event(self, event):
            rows = np.zeros(1, INST_INTENT)
            rows["weight"] = 0.5
            handle = self.commands.find_alt_handle(InstIntent(), event.task_id)
            await handle.send_command(InstIntents(rows), AckStatus.ALT_TASK, 5)

        async def on_inst_intent(self, batch):
            self.weight = float(batch.rows["weight"][0])
            self.stop()

    module = Allocator()
    builder = EnvBuilder().with_task(AltTask(InstIntent())).with_strategy_module(module)
    run(builder.with_group(group), module)
    assert module.weight == 0.5
    assert group.rows["kind"].tolist() == [EventKind.INST_INTENT]


def test_targets_of_a_kernel_group_reach_modules_and_other_groups_but_not_itself():
    sender, receiver = EchoGroup(), EchoGroup()
    sender.target_rows = trade(1.0, 1.0, ts=5)
    sender.target_rows["kind"] = EventKind.INST_INTENT
    task = ws()

    class Listener(AsyncModule):
        async def on_inst_intent(self, batch):
            self.count = getattr(self, "count", 0) + len(batch.rows)
            if self.count >= 3:
                self.stop()

    module = Listener()
    targets = AltTask(InstIntent())
    builder = (
        EnvBuilder()
        .with_tasks([task, targets])
        .with_feeds(feeds(priced))
        .with_group(sender)
        .with_group(receiver, targets.task_keys())
        .with_strategy_module(module)
    )
    run(builder, module)
    assert EventKind.INST_INTENT not in sender.rows["kind"]
    assert (receiver.rows["kind"] == EventKind.INST_INTENT).sum() >= 3


def test_a_signal_stops_it_cleanly():
    sink = ListSink()
    env = (
        EnvBuilder()
        .with_table(instrument_table())
        .with_task(ws())
        .with_feeds(feeds(priced))
        .with_sink(sink)
        .with_strategy_module(Killer())
        .build()
    )
    env.execute()
    assert sink.closed
    assert sink.rows.view(TRADE)["price"].tolist() == three(1)


class Killer(Collector):
    """Sends this process a signal once it has three trades."""

    async def on_trade(self, batch):
        await super().on_trade(batch)
        if len(self.prices[1]) == 3:
            os.kill(os.getpid(), signal.SIGTERM)


def test_nothing_outlives_the_environment():
    async def main():
        env = (
            EnvBuilder()
            .with_table(instrument_table())
            .with_tasks([ws(chunk=3), AltTask(TimeScheduler(0.01)), AltTask(OrderExecution())])
            .with_feeds(feeds(priced))
            .with_strategy_modules([Collector(), Collector()])
            .build()
        )
        asyncio.get_running_loop().call_later(0.05, env.stop)
        await asyncio.wait_for(env.run(handle_signals=False), PATIENCE_S)
        return [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]

    assert asyncio.run(main()) == []


def test_it_runs_once():
    async def main():
        env = EnvBuilder().with_strategy_module(Collector()).build()
        env.stop()
        await env.run(handle_signals=False)
        with pytest.raises(RuntimeError, match="once"):
            await env.run(handle_signals=False)

    asyncio.run(main())
