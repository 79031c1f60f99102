"""Who gets which rows: rings, kernel groups, order route, reports.

Rules
-----
1. One ring per concrete task. Kernel groups, then a route that lives on market rows (the simulated
   exchange), then sinks read it directly; modules by cursors.
2. Reports of the route enter every kernel group, each seeing its own order ids, then the rings of
   account tasks; without such tasks, a ring of their own that unbound modules hear.
3. Targets of a kernel group go to the other groups and to modules; inside the group they have
   already been.
4. An error in a reader never reaches the writer; it is handed to `fail`, which ends the
   environment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.channels import AccountBalAndPos, AccountOrders
from extrema_nb.contracts import Publish
from extrema_nb.events import EventArray, EventKind, StatusCode, status_row
from extrema_nb.instruments import InstrumentTable
from extrema_nb.runtime.ids import IdSpace
from extrema_nb.runtime.outbox import Outbox
from extrema_nb.runtime.plan import Plan
from extrema_nb.runtime.predictors import Predictor
from extrema_nb.runtime.rings import OnError, Ring
from extrema_nb.runtime.stepper import Group, Stepper
from extrema_nb.runtime.tally import Tally
from extrema_nb.runtime.tasks import (
    AltTask,
    Concrete,
    InstIntent,
    OrderExecution,
    TaskKey,
    WsTask,
    about_account,
    kinds_of,
    ring_capacity,
)

__all__ = ["REPORTS_KEY", "Wiring", "make_rings"]

REPORTS_KEY = TaskKey((AccountOrders(), AccountBalAndPos()), 0)  # ring of an undeclared account


def make_rings(concretes: Sequence[Concrete], on_error: OnError) -> dict[TaskKey, Ring]:
    """Return one ring for each concrete task."""
    return {c.key: Ring(ring_capacity(c.key.kind), str(c.key), on_error) for c in concretes}


class Wiring:
    """The connections of one environment while it runs."""

    def __init__(
        self,
        plan: Plan,
        rings: dict[TaskKey, Ring],
        table: InstrumentTable,
        groups: Sequence[Group],
        fail: OnError,
    ) -> None:
        self.rings = rings
        self.tally = Tally(table)
        self.predictors: dict[TaskKey, Predictor] = {}
        self.reports = 0  # rows from the route
        self.on_report: Callable[[], None] = lambda: None
        self._fail = fail
        self._clock = plan.clock
        self._sinks = list(plan.sinks)  # takers of the reports; rows of tasks reach them by rings
        self._account = {
            c.key: kinds_of(c.key.kind) for c in plan.concretes if about_account(c.key.kind)
        }
        if plan.route is not None and not self._account:
            rings[REPORTS_KEY] = Ring(ring_capacity(REPORTS_KEY.kind), "reports", fail)
            self._account[REPORTS_KEY] = kinds_of(REPORTS_KEY.kind)
        self.outbox = Outbox(plan.route, plan.clock, self.take_reports)
        relays = any(
            isinstance(c.task, AltTask) and isinstance(c.task.kind, OrderExecution)
            for c in plan.concretes
        )
        self.relay_owner = len(groups)
        self.ids = IdSpace(len(groups) + relays)
        self._target_rings = [k for k in rings if isinstance(k.kind, InstIntent)]
        self.bindings = [spec.binding for spec in plan.groups]
        self.steppers = [self._stepper(k, group, plan, table) for k, group in enumerate(groups)]
        self._connect(plan)

    def publisher(self, key: TaskKey) -> Publish:
        """Return where the worker of a task puts its rows."""
        return self.rings[key].publish

    def announce(self, key: TaskKey) -> None:
        """Tell the modules that a task begins a cycle."""
        now = self._clock.now()
        self.rings[key].announce(status_row(StatusCode.STARTED, now, task=key.task_id))

    def take_reports(self, rows: EventArray) -> None:
        """Take rows of the route: to the kernel groups, then to everybody else."""
        if not len(rows):
            return
        self.reports += len(rows)
        for owner in range(len(self.steppers)):
            self.offer(owner, self.ids.inbound(owner, rows))
        self.tally.take_reports(rows)
        for sink in tuple(self._sinks):
            try:
                sink.write(rows)
            except Exception as error:  # noqa: BLE001  # handed on, see rule 4
                self._sinks.remove(sink)
                self._fail(f"recorder {type(sink).__name__}", error)
        kinds = rows["kind"]
        for key, wanted in self._account.items():
            self.rings[key].publish(rows[np.isin(kinds, list(wanted))])
        self.on_report()

    def offer(self, owner: int, rows: EventArray) -> None:
        """Step one group; its errors end the environment, not the caller."""
        try:
            self.steppers[owner].take(rows)
        except Exception as error:  # noqa: BLE001  # handed on, see rule 4
            self._fail(f"kernel group {owner}", error)

    def send(self, owner: int, intents: npt.NDArray[Any]) -> None:
        """Take (n,) INTENT rows of one owner on their way out."""
        wire = self.ids.outbound(owner, intents)
        self.tally.take_intents(wire)  # before `put`, which may answer at once
        self.outbox.put(wire)

    def kill(self) -> None:
        """Throw the kill switch: no kernel and no module may send another order."""
        row = status_row(StatusCode.KILL, self._clock.now())
        for owner in range(len(self.steppers)):
            self.offer(owner, row)
        self.outbox.refuse()

    def market_rows(self) -> int:
        """Return how many rows all tasks have published."""
        return sum(ring.head for ring in self.rings.values())

    def mark(self) -> None:
        """Let the tally take the newest prices from the rings; for reports, not per row."""
        for key, ring in self.rings.items():
            if kinds_of(key.kind) & {EventKind.TRADE, EventKind.BBO}:
                self.tally.take_market(_newest_prices(ring.latest(2_048)))

    def _stepper(self, owner: int, group: Group, plan: Plan, table: InstrumentTable) -> Stepper:
        journal = None
        if plan.open_journal is not None:
            journal = plan.open_journal(owner, group.describe(), table)
        return Stepper(
            group,
            plan.clock,
            on_intents=partial(self.send, owner),
            on_targets=partial(self._take_targets, owner),
            on_features=self._take_features,
            journal=journal,
        )

    def _connect(self, plan: Plan) -> None:
        streams = {c.key: c.task for c in plan.concretes}
        on_market: Publish | None = getattr(plan.route, "on_market", None)
        for key, ring in self.rings.items():
            if key in self._account:
                continue  # reports go by `take_reports`
            for owner, binding in enumerate(self.bindings):
                if binding is None or key in binding:
                    ring.direct(self.steppers[owner].take, f"kernel group {owner}")
            if on_market is not None and isinstance(streams.get(key), WsTask):
                ring.direct(on_market, "simulated exchange")
            for sink in plan.sinks:
                ring.direct(sink.write, f"recorder {type(sink).__name__}")

    def _take_features(self, features: Any) -> None:
        for predictor in self.predictors.values():
            predictor.submit(features)

    def _take_targets(self, sender: int, rows: EventArray) -> None:
        for key in self._target_rings:
            for owner, binding in enumerate(self.bindings):
                if owner != sender and (binding is None or key in binding):
                    self.offer(owner, rows)
            self.rings[key].announce(rows)


def _newest_prices(rows: EventArray) -> EventArray:
    """Return the last TRADE and the last BBO row of each instrument."""
    found: dict[tuple[int, int], int] = {}
    kinds, insts = rows["kind"], rows["inst"]
    for i in np.flatnonzero((kinds == EventKind.TRADE) | (kinds == EventKind.BBO)).tolist():
        found[int(insts[i]), int(kinds[i])] = i
    return rows[sorted(found.values())]
