"""The environment at work: initialise, wire, run, drain, stop.

Rules
-----
1. Order of the start: instruments, kernel groups compiled, modules initialised, command queues and
   registry, readers, order route, workers. Readers stand before workers, so the first announcement
   of a task is never lost.
2. Every task has an owner that waits for it; none outlives `run`.
3. Whatever fails outside of what `supervise` retries stops everything cleanly and is raised by
   `run` at the end: nothing dies in silence.
4. Order of the stop: kill switch and cancel all (while reports still arrive), streams and models,
   rings, modules (they read what is left), route, journals and sinks.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any

from extrema_nb.errors import ExtremaError, VenueError
from extrema_nb.instruments import InstrumentTable
from extrema_nb.runtime.commands import CommandHandle, CommandQueue, CommandRegistry
from extrema_nb.runtime.dispatch import ModuleLoop
from extrema_nb.runtime.groups import build_groups
from extrema_nb.runtime.plan import Plan
from extrema_nb.runtime.rings import Ring
from extrema_nb.runtime.supervise import supervise
from extrema_nb.runtime.tasks import Task, TaskKey, WsTask
from extrema_nb.runtime.venue_feeds import VenueFeeds, load_table
from extrema_nb.runtime.wiring import Wiring, make_rings
from extrema_nb.runtime.workers import Workers

__all__ = ["Environment"]

_TOP = "environment"

_log = logging.getLogger(__name__)


class Environment:
    """Made by `EnvBuilder.build`; runs once.

    Attributes
    ----------
    rings : one for each concrete task
    wiring : kernel groups, route and counters; None before the start
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rings: dict[TaskKey, Ring] = make_rings(plan.concretes, self.fail)
        self.wiring: Wiring | None = None
        self.killed = False
        self.running = asyncio.Event()  # everything is started, or the start failed
        self.began = False  # the start succeeded
        self.left_open = 0  # orders that were not confirmed as cancelled at the end
        self._stop = asyncio.Event()
        self._failure: Exception | None = None
        self._queues = {c.key: CommandQueue(str(c.key)) for c in plan.concretes}
        self._loops: list[ModuleLoop] = []
        self._module_tasks: list[asyncio.Task[None]] = []
        self._worker_tasks: list[asyncio.Task[None]] = []
        self._sender_tasks: list[asyncio.Task[None]] = []
        self._reported = asyncio.Event()
        self._started = False
        self._main: asyncio.Task[Any] | None = None
        self._route_open = False

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The declared tasks, in order."""
        return tuple(self.plan.tasks)

    def execute(self) -> None:
        """Run until SIGINT or SIGTERM; a second SIGINT does not wait for anything."""
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self.run())

    def stop(self) -> None:
        """Ask for a clean stop; `run` returns when it is done."""
        self._stop.set()

    def fail(self, who: str, error: Exception) -> None:
        """Stop because of `error`, which `run` raises at the end."""
        while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]  # a group of one says nothing that its member does not
        if not isinstance(error, ExtremaError):
            _log.error("%s failed, stopping: %s", who, error, exc_info=error)
        elif who != _TOP:  # what ends the top itself is told by whoever called `run`
            _log.error("%s failed, stopping: %s", who, error)
        if self._failure is None:
            self._failure = error
        self._stop.set()

    async def run(self, *, handle_signals: bool = True) -> None:
        """Run until `stop`, a signal or a failure; raise what failed."""
        if self._started:
            raise RuntimeError("an environment runs once; build another")
        self._started = True
        self._main = asyncio.current_task()
        with _signals(self._on_signal) if handle_signals else contextlib.nullcontext():
            try:
                await self._start()
                self.began = True
                self.running.set()
                await self._stop.wait()
            except Exception as error:  # noqa: BLE001  # the top loop: stop, then raise it below
                self.fail(_TOP, error)
            finally:
                await self._wind_down()
        if self._failure is not None:
            raise self._failure

    async def _start(self) -> None:
        plan = self.plan
        table = plan.table if plan.table is not None else await load_table(plan)
        self.wiring = wiring = Wiring(plan, self.rings, table, build_groups(plan, table), self.fail)
        wiring.on_report = self._reported.set
        async with asyncio.TaskGroup() as initialising:
            for module, _ in plan.modules:
                initialising.create_task(module.initialize())
        registry = CommandRegistry(
            CommandHandle(c.key, c.task, self._queues[c.key]) for c in plan.concretes
        )
        for module, binding in plan.modules:
            module.command_init(registry)
            self._loops.append(ModuleLoop(module, binding, wiring.rings, plan))
        for loop in self._loops:
            self._hire(self._module_tasks, f"module {loop.module.name}", loop.run())
        self._hire(self._sender_tasks, "orders", wiring.outbox.run())
        if plan.route is not None:
            await plan.route.start(wiring.take_reports)
            self._route_open = True
        self._start_workers(wiring, table)

    def _start_workers(self, wiring: Wiring, table: InstrumentTable) -> None:
        plan = self.plan
        make_feed = plan.make_feed or VenueFeeds(table, plan.clock, plan.endpoints)
        workers = Workers(plan, wiring, make_feed, self._stop)
        # models first: they are ready before the first row can make a feature
        for concrete in sorted(plan.concretes, key=lambda c: isinstance(c.task, WsTask)):
            key = concrete.key
            body = workers.body(concrete, self._queues[key])
            work = supervise(str(key), body, self._stop, announce=partial(wiring.announce, key))
            self._hire(self._worker_tasks, f"task {key}", work)

    def _hire(
        self, crew: list[asyncio.Task[None]], name: str, work: Coroutine[Any, Any, None]
    ) -> None:
        crew.append(asyncio.create_task(self._guard(name, work), name=name))

    async def _guard(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001  # handed to the one place that stops and raises
            self.fail(name, error)

    async def _wind_down(self) -> None:
        self._stop.set()
        self.running.set()
        plan, wiring = self.plan, self.wiring
        try:
            if self._route_open and wiring is not None and plan.kill_on_stop:
                await self._kill(wiring)
            await self._let_go(self._worker_tasks)
            for queue in self._queues.values():
                queue.close()
            for ring in self.rings.values():
                ring.close()
            await self._let_go(self._module_tasks)
            for loop in self._loops:
                loop.close()
                await self._guard(f"module {loop.module.name}", loop.module.finalize())
        finally:
            await self._close()

    async def _kill(self, wiring: Wiring) -> None:
        """No more orders, cancel all, wait for the confirmations."""
        route = self.plan.route
        if route is None:
            return
        self.killed = True
        wiring.kill()
        try:
            async with asyncio.timeout(self.plan.kill_timeout_s):
                await route.cancel_everything()
                while wiring.tally.open:
                    self._reported.clear()
                    await self._reported.wait()
        except (TimeoutError, VenueError, OSError) as error:
            _log.error("cancel all: %s", str(error) or "no confirmation in time")
        finally:
            self.left_open = len(wiring.tally.open)
        if self.left_open:
            _log.error(
                "%d orders are not confirmed as cancelled; look at the venue", self.left_open
            )

    async def _let_go(self, crew: list[asyncio.Task[None]]) -> None:
        """Give tasks their time to end, then cancel what is left."""
        waiting = [task for task in crew if not task.done()]
        if not waiting:
            return
        _, late = await asyncio.wait(waiting, timeout=self.plan.drain_timeout_s)
        for task in late:
            _log.warning("%s did not end in time, cancelled", task.get_name())
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=self.plan.drain_timeout_s)

    async def _close(self) -> None:
        crew = self._worker_tasks + self._module_tasks + self._sender_tasks
        for task in crew:
            task.cancel()
        await asyncio.gather(*crew, return_exceptions=True)
        closing: list[Callable[[], None]] = [sink.close for sink in self.plan.sinks]
        if self.plan.route is not None:
            await self._guard("order route", self.plan.route.close())
        if self.wiring is not None:
            closing += [s.journal.close for s in self.wiring.steppers if s.journal is not None]
        for close in closing:
            await self._guard("closing", asyncio.to_thread(close))

    def _on_signal(self) -> None:
        if self._stop.is_set():
            _log.warning("second signal: stopping at once")
            if self._main is not None:
                self._main.cancel()  # `_close` still runs: connections and files are let go
            return
        _log.info("signal: stopping")
        self._stop.set()


@contextlib.contextmanager
def _signals(handler: Callable[[], None]) -> Iterator[None]:
    """Call `handler` on SIGINT and SIGTERM, where this thread may say so."""
    loop = asyncio.get_running_loop()
    taken: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread():
        taken = ()
    for number in taken:
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
