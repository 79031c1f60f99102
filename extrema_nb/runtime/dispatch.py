"""The loop of one async module: rows of its rings to its handlers, one at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from extrema_nb.events import STATUS, EventArray, EventKind, StatusCode
from extrema_nb.runtime.modules import (
    HANDLERS,
    AsyncModule,
    Batch,
    TaskEvent,
    handled_kinds,
    runs_of,
)
from extrema_nb.runtime.multiplex import Multiplexer
from extrema_nb.runtime.plan import Binding, Plan
from extrema_nb.runtime.rings import Ring
from extrema_nb.runtime.tasks import Task, TaskKey, WsTask, kinds_of

__all__ = ["ModuleLoop"]


class ModuleLoop:
    """Reads the rings that a module is bound to and that carry something it handles."""

    def __init__(
        self, module: AsyncModule, binding: Binding, rings: Mapping[TaskKey, Ring], plan: Plan
    ) -> None:
        self.module = module
        self._tasks: dict[TaskKey, Task] = {c.key: c.task for c in plan.concretes}
        self._wanted = handled_kinds(module)
        own = type(module)
        self._hears_start = {
            True: own.on_ws_event is not AsyncModule.on_ws_event,
            False: own.on_alt_event is not AsyncModule.on_alt_event,
        }  # by: is it a stream
        self._keep = np.zeros(128, bool)
        self._keep[[*self._wanted, EventKind.STATUS]] = True
        heard = [
            (key, ring)
            for key, ring in rings.items()
            if (binding is None or key in binding) and self._needs(key)
        ]
        self._rings = Multiplexer(heard, plan.clock, f"module {module.name}")

    @property
    def lost(self) -> int:
        """Rows that the module lost because it was too slow."""
        return self._rings.lost

    async def run(self) -> None:
        """Handle rows until all rings have ended."""
        while (turn := await self._rings.next()) is not None:
            key, rows = turn
            for kind, run in runs_of(rows[self._keep[rows["kind"]]]):
                if kind == EventKind.STATUS:
                    await self._take_status(key, run)
                else:
                    await self._call(key, kind, run)

    def close(self) -> None:
        """Leave the rings. May be called twice."""
        self._rings.close()

    def _needs(self, key: TaskKey) -> bool:
        stream = isinstance(self._tasks.get(key), WsTask)
        return bool(self._wanted & kinds_of(key.kind)) or self._hears_start[stream]

    async def _call(self, key: TaskKey, kind: EventKind, rows: EventArray) -> None:
        await getattr(self.module, HANDLERS[kind])(Batch(key.task_id, key, rows))

    async def _take_status(self, key: TaskKey, rows: EventArray) -> None:
        """Take STATUS rows; those that announce a cycle become events of their task."""
        started = rows.view(STATUS)["code"] == StatusCode.STARTED
        for i, begins in enumerate(started.tolist()):
            if begins:
                await self._begin(key)
            elif EventKind.STATUS in self._wanted:
                await self._call(key, EventKind.STATUS, rows[i : i + 1])

    async def _begin(self, key: TaskKey) -> None:
        task = self._tasks[key]
        event = TaskEvent(key.task_id, key, task)
        if isinstance(task, WsTask):
            await self.module.on_ws_event(event)
        else:
            await self.module.on_alt_event(event)
