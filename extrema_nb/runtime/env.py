"""The builder of environments: tasks, strategies and what they need, checked before anything runs.

::

    env = (
        EnvBuilder()
        .with_task(WsTask(market="binance-usdm", channel=Trades(), insts=["BTC_USDT_PERP"]))
        .with_task(AltTask(TimeScheduler(seconds=5)))
        .with_strategy_module(ObiMaker(qty=0.02))
        .build()
    )
    env.execute()
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from extrema_nb.channels import Endpoints
from extrema_nb.clock import Clock
from extrema_nb.contracts import OrderRoute, Sink
from extrema_nb.errors import ConfigError
from extrema_nb.instruments import InstrumentTable
from extrema_nb.runtime.environment import Environment
from extrema_nb.runtime.modules import AsyncModule
from extrema_nb.runtime.plan import Binding, GroupSpec, OpenJournal, Plan
from extrema_nb.runtime.predictors import MakePredictor
from extrema_nb.runtime.stepper import Group
from extrema_nb.runtime.streams import MakeFeed
from extrema_nb.runtime.tasks import AltTask, Task, TaskKey, WsTask
from extrema_nb.strategy.spec import Strategy

__all__ = ["EnvBuilder"]


class EnvBuilder:
    """Collects the parts of an environment; each method returns the builder."""

    def __init__(self) -> None:
        self._plan = Plan()

    def with_task(self, task: Task) -> Self:
        """Add a task description."""
        if not isinstance(task, (WsTask, AltTask)):
            raise ConfigError(f"{task!r} is no task; expected WsTask(...) or AltTask(...)")
        self._plan.tasks.append(task)
        return self

    def with_tasks(self, tasks: Iterable[Task]) -> Self:
        """Add several task descriptions."""
        for task in tasks:
            self.with_task(task)
        return self

    def with_strategy_module(self, module: Strategy | AsyncModule) -> Self:
        """Add a strategy or an async module that hears every task."""
        return self._add(module, None)

    def with_strategy_module_on(
        self, module: Strategy | AsyncModule, task_keys: Iterable[TaskKey]
    ) -> Self:
        """Add one that hears only the tasks of `task_keys`; a key named twice counts once."""
        return self._add(module, frozenset(task_keys))

    def with_strategy_modules(self, modules: Iterable[Strategy | AsyncModule]) -> Self:
        """Add several that hear every task."""
        for module in modules:
            self._add(module, None)
        return self

    def with_strategy_modules_on(
        self, modules: Iterable[tuple[Strategy | AsyncModule, Iterable[TaskKey]]]
    ) -> Self:
        """Add several, each with its own keys."""
        for module, task_keys in modules:
            self._add(module, frozenset(task_keys))
        return self

    def with_group(self, group: Group, task_keys: Iterable[TaskKey] | None = None) -> Self:
        """Add a kernel group that was built elsewhere, compiled or not."""
        binding = None if task_keys is None else frozenset(task_keys)
        self._plan.groups.append(GroupSpec(binding, group=group))
        return self

    def with_route(
        self, route: OrderRoute, *, kill_on_stop: bool = True, kill_timeout_s: float = 5.0
    ) -> Self:
        """Send orders by `route`; `kill_on_stop` cancels all open orders of the session at the end.

        Parameters
        ----------
        route : a venue, or the simulated exchange
        kill_on_stop : kill switch and cancel all before the environment stops
        kill_timeout_s : how long to wait for the venue's confirmations, s
        """
        self._plan.route = route
        self._plan.kill_on_stop = kill_on_stop
        self._plan.kill_timeout_s = kill_timeout_s
        return self

    def with_table(self, table: InstrumentTable) -> Self:
        """Use these instruments instead of asking the venues at the start."""
        self._plan.table = table
        return self

    def with_endpoints(self, market: str, endpoints: Endpoints) -> Self:
        """Find `market` at these addresses instead of the venue's own."""
        self._plan.endpoints[market] = endpoints
        return self

    def with_risk(self, risk: Any) -> Self:
        """Apply these risk limits to the kernel strategies."""
        self._plan.risk = risk
        return self

    def with_seed(self, seed: int) -> Self:
        """Seed the random numbers of the kernel strategies."""
        self._plan.seed = seed
        return self

    def with_clock(self, clock: Clock) -> Self:
        """Use another clock than the system's."""
        self._plan.clock = clock
        return self

    def with_sink(self, sink: Sink) -> Self:
        """Give every row of every task to `sink`, which never loses one (a recorder)."""
        self._plan.sinks.append(sink)
        return self

    def with_journal(self, open_journal: OpenJournal) -> Self:
        """Keep a session journal of each kernel group."""
        self._plan.open_journal = open_journal
        return self

    def with_feeds(self, make_feed: MakeFeed) -> Self:
        """Take the rows of stream tasks from feeds that `make_feed` makes."""
        self._plan.make_feed = make_feed
        return self

    def with_predictors(self, make_predictor: MakePredictor) -> Self:
        """Take predictions from workers that `make_predictor` makes."""
        self._plan.make_predictor = make_predictor
        return self

    def build(self) -> Environment:
        """Return the environment.

        Raises
        ------
        ConfigError
            duplicate id, unknown binding, id overflow, unknown instrument, no strategy
        """
        self._plan.check()
        return Environment(self._plan)

    def _add(self, module: Strategy | AsyncModule, binding: Binding) -> Self:
        if isinstance(module, AsyncModule):
            self._plan.modules.append((module, binding))
            return self
        if isinstance(module, type):
            raise ConfigError(
                f"{module.__name__} is a class, expected an instance: {module.__name__}()"
            )
        if not isinstance(module, Strategy):
            raise ConfigError(
                f"{type(module).__name__} is no strategy; derive it from Strategy (compiled) or "
                "AsyncModule (plain Python)"
            )
        for spec in self._plan.groups:
            if spec.group is None and spec.binding == binding:
                spec.strategies.append(module)
                return self
        self._plan.groups.append(GroupSpec(binding, [module]))
        return self
