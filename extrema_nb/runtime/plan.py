"""What an environment is made of, after the builder checked it and before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from extrema_nb.channels import Endpoints
from extrema_nb.clock import Clock, SystemClock
from extrema_nb.contracts import OrderRoute, Sink
from extrema_nb.errors import ConfigError
from extrema_nb.instruments import InstrumentTable
from extrema_nb.runtime.modules import AsyncModule
from extrema_nb.runtime.predictors import MakePredictor, load_predictor
from extrema_nb.runtime.stepper import Group, Journal
from extrema_nb.runtime.streams import MakeFeed
from extrema_nb.runtime.tasks import (
    Concrete,
    Task,
    TaskKey,
    WsTask,
    about_account,
    expand,
)

__all__ = ["Binding", "GroupSpec", "OpenJournal", "Plan", "check_bindings"]

Binding = frozenset[TaskKey] | None
"""Keys of the tasks that a module hears; None is all of them."""

OpenJournal = Callable[[int, dict[str, Any], InstrumentTable], Journal]
"""Makes the journal of a kernel group: (index, `Group.describe`, instruments)."""


@dataclass
class GroupSpec:
    """Kernel strategies with one binding, or a group that was built elsewhere."""

    binding: Binding
    strategies: list[Any] = field(default_factory=list)
    group: Group | None = None


@dataclass
class Plan:
    """Everything that `Environment` needs; filled by `EnvBuilder`."""

    tasks: list[Task] = field(default_factory=list)
    modules: list[tuple[AsyncModule, Binding]] = field(default_factory=list)
    groups: list[GroupSpec] = field(default_factory=list)
    sinks: list[Sink] = field(default_factory=list)
    endpoints: dict[str, Endpoints] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)
    table: InstrumentTable | None = None
    route: OrderRoute | None = None
    open_journal: OpenJournal | None = None
    make_feed: MakeFeed | None = None
    make_predictor: MakePredictor = load_predictor
    risk: Any = None
    seed: int = 0
    kill_on_stop: bool = True
    kill_timeout_s: float = 5.0
    drain_timeout_s: float = 5.0
    concretes: list[Concrete] = field(default_factory=list)

    def check(self) -> None:
        """Expand the tasks and raise ConfigError for what could never run."""
        self.concretes = expand(self.tasks)
        if not self.modules and not self.groups:
            raise ConfigError(
                "the environment has no strategy; add one with with_strategy_module(...)"
            )
        bindings = [b for _, b in self.modules] + [g.binding for g in self.groups]
        check_bindings([c.key for c in self.concretes], bindings)
        for concrete in self.concretes:
            if self.route is None and about_account(concrete.key.kind):
                raise ConfigError(
                    f"{concrete.key} is about our account, whose rows come from an order route; "
                    "add one with with_route(...)"
                )
        if self.table is not None:
            for concrete in self.concretes:
                if isinstance(concrete.task, WsTask):
                    for name in concrete.task.insts:
                        self.table.by_name(name, concrete.task.market)


def check_bindings(known: Sequence[TaskKey], bindings: Sequence[Binding]) -> None:
    """Raise ConfigError for a binding that names a task which nobody declares."""
    for binding in bindings:
        for key in binding or ():
            if key not in known:
                declared = ", ".join(str(k) for k in known) or "none"
                raise ConfigError(
                    f"a strategy is bound to {key} ({key.kind}), which no task declares; "
                    f"declared: {declared}. Parameters are part of a key: use task.task_keys()"
                )
