"""Commands: how modules steer tasks, and how they learn that a task obeyed.

Rules
-----
1. Each concrete task has one bounded queue; a full one makes senders wait (back-pressure).
2. With `expect` a sender waits for the acknowledgement, at most `timeout_s`; without it the call
   returns as soon as the queue has the command.
3. Every command is answered once, also by a task that does not know it (`AckStatus.UNKNOWN`).
4. An acknowledgement is about this process: `WS_CONNECT` says that the connection stands,
   `WS_MESSAGE` that the text was written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from enum import Enum
from typing import Any

import msgspec
import numpy.typing as npt

from extrema_nb.errors import CommandError, ConfigError
from extrema_nb.runtime.tasks import (
    AltKind,
    Task,
    TaskKey,
    WsKind,
    variant,
)

__all__ = [
    "ACK_TIMEOUT_S",
    "QUEUE_SIZE",
    "AckStatus",
    "Command",
    "CommandHandle",
    "CommandQueue",
    "CommandRegistry",
    "FeatInput",
    "InstIntents",
    "OrderExecute",
    "Pending",
    "WsConnect",
    "WsMessage",
    "WsShutdown",
]

QUEUE_SIZE = 2_048  # commands that wait for one task
ACK_TIMEOUT_S = 30.0  # s; a TLS connection with retries fits in


class AckStatus(Enum):
    """What an acknowledgement says."""

    WS_CONNECT = "connected"
    WS_MESSAGE = "text written"
    WS_SHUTDOWN = "connection closed"
    ALT_TASK = "taken by a task that is no connection"
    UNKNOWN = "the task does not know this command"


class WsConnect(msgspec.Struct, frozen=True):
    """Open the connection of a stream task that a module took over."""

    url: str = ""  # empty: the task's own
    headers: tuple[tuple[str, str], ...] = ()


class WsMessage(msgspec.Struct, frozen=True):
    """Write a text frame; the text may hold a login and is never logged."""

    text: str

    def __repr__(self) -> str:
        return f"WsMessage({len(self.text)} characters)"


class WsShutdown(msgspec.Struct, frozen=True):
    """Write a last text, unless empty, and close; the task waits for the next WsConnect."""

    text: str = ""

    def __repr__(self) -> str:
        return f"WsShutdown({len(self.text)} characters)"


class OrderExecute(msgspec.Struct, frozen=True):
    """Orders for an OrderExecution task: (n,) INTENT rows; ids are given by the relay."""

    intents: Any


class InstIntents(msgspec.Struct, frozen=True):
    """Targets for an InstIntent task: (n,) INST_INTENT rows."""

    rows: Any


class FeatInput(msgspec.Struct, frozen=True):
    """Features for a ModelPreds task, `values` (n,) float32, made at `timestamp` µs."""

    timestamp: int
    values: npt.NDArray[Any]


Command = WsConnect | WsMessage | WsShutdown | OrderExecute | InstIntents | FeatInput


class Pending:
    """A command in a queue and the answer that its sender may wait for."""

    def __init__(self, command: Command, answer: asyncio.Future[AckStatus] | None) -> None:
        self.command = command
        self._answer = answer

    def ack(self, status: AckStatus) -> None:
        """Answer; a second answer and one that nobody waits for are ignored."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)

    def drop(self, reason: str) -> None:
        """Tell the sender that there will be no answer."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(CommandError(reason))


class CommandQueue:
    """Bounded queue of one task; closing it answers everything that still waits."""

    def __init__(self, name: str, size: int = QUEUE_SIZE) -> None:
        self.name = name
        self.closed = False
        self._queue: asyncio.Queue[Pending] = asyncio.Queue(size)
        self._closing = asyncio.Event()

    async def put(self, pending: Pending) -> None:
        """Queue a command; waits while the queue is full, raises CommandError once it is closed."""
        if not self.closed and not self._queue.full():
            self._queue.put_nowait(pending)  # no switch of tasks where none is needed
            return
        put = asyncio.ensure_future(self._queue.put(pending))
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait({put, closing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            put.cancel()
            closing.cancel()
        if self.closed:
            self._drain()
            raise CommandError(f"the command queue of {self.name} is closed")

    async def get(self) -> Pending:
        """Return the next command."""
        return await self._queue.get()

    def close(self) -> None:
        """Refuse commands from now on. May be called twice."""
        self.closed = True
        self._closing.set()
        self._drain()

    def _drain(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait().drop(f"{self.name} stopped before it answered")


class CommandHandle:
    """The sender's end of a task's command queue."""

    def __init__(self, key: TaskKey, task: Task, queue: CommandQueue) -> None:
        self.key = key
        self.task = task
        self._queue = queue

    async def send_command(
        self,
        command: Command,
        expect: AckStatus | None = None,
        timeout_s: float = ACK_TIMEOUT_S,
    ) -> None:
        """Send a command and, with `expect`, wait for that acknowledgement.

        Raises
        ------
        CommandError
            the queue is closed, the answer is another, or none came in `timeout_s`
        """
        if self._queue.closed:
            raise CommandError(f"the command queue of {self.key} is closed")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[AckStatus] | None = None
        if expect is not None:
            answer = loop.create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await self._queue.put(Pending(command, answer))
                if answer is None:
                    return
                status = await answer
        except TimeoutError as error:
            raise CommandError(
                f"{self.key} did not answer {type(command).__name__} in {timeout_s:g} s"
            ) from error
        if status is not expect:
            raise CommandError(
                f"{self.key} answered {type(command).__name__} with {status.name}, "
                f"expected {expect.name if expect else 'nothing'}"
            )


class CommandRegistry:
    """Handles of all concrete tasks, by their full key."""

    def __init__(self, handles: Iterable[CommandHandle] = ()) -> None:
        self._handles: dict[tuple[str, int], CommandHandle] = {}
        for handle in handles:
            self.add(handle)

    def add(self, handle: CommandHandle) -> None:
        """Take a handle; a second one for the same kind and id is a ConfigError."""
        name = (variant(handle.key.kind), handle.key.task_id)
        if name in self._handles:
            raise ConfigError(f"two command handles for {handle.key}; ids are unique per kind")
        self._handles[name] = handle

    def find_alt_handle(self, kind: AltKind, task_id: int = 1) -> CommandHandle | None:
        """Return the handle of an AltTask; None unless kind, parameters and id are all known."""
        return self._find(kind, task_id)

    def find_ws_handle(self, channel: WsKind, task_id: int = 1) -> CommandHandle | None:
        """Return the handle of a WsTask; None unless channel, parameters and id are all known."""
        return self._find(channel, task_id)

    def __len__(self) -> int:
        return len(self._handles)

    def _find(self, kind: AltKind | WsKind, task_id: int) -> CommandHandle | None:
        handle = self._handles.get((variant(kind), task_id))
        return handle if handle is not None and handle.key.kind == kind else None
