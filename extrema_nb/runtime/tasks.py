"""Task descriptions: what produces rows, how many of it, and under which ids.

Rules
-----
1. A description with ``chunk=n`` makes n concrete tasks with ids base, base + 1, …; 0 makes none.
2. A `TaskKey` is the kind with its parameters and the id; market, chunk and base are not part of it.
3. Ids are unique per kind, whatever the parameters and the market: an envelope carries only the id.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from extrema_nb.channels import (
    AccountBalAndPos,
    AccountOrders,
    AccountPositions,
    Candles,
    Channel,
    Funding,
    Liquidations,
    Lob,
    OpenInterest,
    Trades,
)
from extrema_nb.errors import ConfigError
from extrema_nb.events import EventKind

__all__ = [
    "MAX_TASK_ID",
    "AltKind",
    "AltTask",
    "Concrete",
    "InstIntent",
    "ModelPreds",
    "Onnx",
    "OrderExecution",
    "Task",
    "TaskKey",
    "TimeScheduler",
    "WsKind",
    "WsTask",
    "Zmq",
    "about_account",
    "expand",
    "kinds_of",
    "ring_capacity",
    "variant",
]

MAX_TASK_ID = 2**63 - 1  # ids travel in a signed 8-byte word of the rows


class Onnx(msgspec.Struct, frozen=True):
    """An ONNX model: a path that ends in ``.onnx``, or a JSON file that describes one."""

    path: str


class Zmq(msgspec.Struct, frozen=True):
    """A model server that answers on ``tcp://127.0.0.1:<port>``."""

    port: int

    def __post_init__(self) -> None:
        if not 0 < self.port < 65_536:
            raise ConfigError(f"Zmq(port={self.port}): expected a port from 1 to 65535")


class TimeScheduler(msgspec.Struct, frozen=True):
    """A tick each `seconds`."""

    seconds: float

    def __post_init__(self) -> None:
        if not 0 < self.seconds < 1e9:
            raise ConfigError(
                f"TimeScheduler(seconds={self.seconds}): the period must be a positive number"
            )


class OrderExecution(msgspec.Struct, frozen=True):
    """A relay of order intents: commands in, INTENT rows out, on to the order route."""


class InstIntent(msgspec.Struct, frozen=True):
    """A relay of targets: commands in, INST_INTENT rows out."""


class ModelPreds(msgspec.Struct, frozen=True):
    """A model: features in, PRED rows out. The model id of the rows is the task id."""

    runner: Onnx | Zmq


AltKind = TimeScheduler | OrderExecution | InstIntent | ModelPreds
WsKind = Channel | tuple[Channel, ...]


class TaskKey(NamedTuple):
    """Identity of one concrete task."""

    kind: AltKind | WsKind
    task_id: int

    def __str__(self) -> str:
        return f"{variant(self.kind)}[{self.task_id}]"


class Concrete(NamedTuple):
    """One concrete task: the description it comes from and its place in the chunk."""

    key: TaskKey
    task: Task
    place: int


class AltTask(msgspec.Struct, frozen=True):
    """A task that is no connection to a venue."""

    kind: AltKind
    chunk: int = 1
    task_id: int = 1

    def task_keys(self) -> list[TaskKey]:
        """Return the keys of all concrete tasks."""
        return _keys(self.kind, self.chunk, self.task_id)


class WsTask(msgspec.Struct, frozen=True, kw_only=True):
    """A stream of a venue: one channel, or several on one connection, of some instruments.

    With ``chunk=n`` the instruments are dealt out over n connections. `filter_channels` silences
    the warning about frames that do not decode. `manual` leaves connecting and subscribing to a
    module (commands WsConnect, WsMessage, WsShutdown).
    """

    market: str
    channel: Channel | tuple[Channel, ...]
    insts: tuple[str, ...] = ()
    chunk: int = 1
    task_id: int = 1
    filter_channels: bool = False
    manual: bool = False

    def __post_init__(self) -> None:
        force = msgspec.structs.force_setattr
        insts: Iterable[str] = self.insts
        if isinstance(insts, str):
            raise ConfigError(f"insts={insts!r}: expected a list of names, such as [{insts!r}]")
        force(self, "insts", tuple(insts))
        if isinstance(self.channel, list):
            force(self, "channel", tuple(self.channel))
        if self.channel == ():
            raise ConfigError(f"WsTask for {self.market}: no channel; give one, such as Trades()")

    def task_keys(self) -> list[TaskKey]:
        """Return the keys of all concrete tasks."""
        return _keys(self.channel, self.chunk, self.task_id)

    def channels(self) -> tuple[Channel, ...]:
        """Return the channels, also when there is only one."""
        return self.channel if isinstance(self.channel, tuple) else (self.channel,)

    def insts_of(self, place: int) -> tuple[str, ...]:
        """Return the instruments of the concrete task at `place` in the chunk."""
        return self.insts[place :: self.chunk]


Task = WsTask | AltTask


def _keys(kind: AltKind | WsKind, chunk: int, base: int) -> list[TaskKey]:
    if chunk < 0 or base < 0:
        raise ConfigError(
            f"{variant(kind)}: chunk={chunk}, task_id={base}; expected numbers from 0 up"
        )
    if chunk and base + chunk - 1 > MAX_TASK_ID:
        raise ConfigError(
            f"{variant(kind)}: task_id {base} with chunk {chunk} passes the largest id "
            f"{MAX_TASK_ID}; lower one of them"
        )
    return [TaskKey(kind, base + i) for i in range(chunk)]


def variant(kind: AltKind | WsKind) -> str:
    """Return the name of a kind without its parameters; ids are unique within it."""
    if isinstance(kind, tuple):
        return "+".join(sorted({type(channel).__name__ for channel in kind}))
    return type(kind).__name__


def expand(tasks: Iterable[Task]) -> list[Concrete]:
    """Return all concrete tasks in order of declaration; raise ConfigError for a duplicate id."""
    seen: dict[tuple[str, int], TaskKey] = {}
    out: list[Concrete] = []
    for task in tasks:
        for place, key in enumerate(task.task_keys()):
            same = (variant(key.kind), key.task_id)
            if same in seen:
                raise ConfigError(
                    f"two {same[0]} tasks have the id {same[1]}: {seen[same].kind} and {key.kind}; "
                    "ids are unique per kind, whatever the market and the parameters: "
                    "give one of them another task_id"
                )
            seen[same] = key
            out.append(Concrete(key, task, place))
    return out


# Rows that a ring holds. A row here is a level there, so the book channels hold eight rows for each
# message that the Rust system allows.
_CAPACITY: dict[type, int] = {
    OrderExecution: 8_192,
    InstIntent: 2_048,
    ModelPreds: 8_192,
    TimeScheduler: 1_024,
    Trades: 8_192,
    Lob: 131_072,
    Candles: 2_048,
    Funding: 8_192,
    OpenInterest: 2_048,
    Liquidations: 2_048,
    AccountOrders: 8_192,
    AccountBalAndPos: 8_192,
    AccountPositions: 8_192,
}

_ACCOUNT = (AccountOrders, AccountBalAndPos, AccountPositions)

_KINDS: dict[type, tuple[EventKind, ...]] = {
    OrderExecution: (EventKind.INTENT,),
    InstIntent: (EventKind.INST_INTENT,),
    ModelPreds: (EventKind.PRED,),
    TimeScheduler: (EventKind.SCHEDULE,),
    Trades: (EventKind.TRADE,),
    Lob: (EventKind.LOB, EventKind.BBO, EventKind.MBO),
    Candles: (EventKind.CANDLE,),
    Funding: (EventKind.FUNDING,),
    OpenInterest: (EventKind.FUNDING,),
    Liquidations: (EventKind.LIQUIDATION,),
    AccountOrders: (EventKind.ACC_ORDER, EventKind.FILL),
    AccountBalAndPos: (EventKind.ACC_BAL, EventKind.ACC_POS),
    AccountPositions: (EventKind.ACC_POS,),
}


def _types(kind: AltKind | WsKind) -> list[type]:
    return [type(one) for one in (kind if isinstance(kind, tuple) else (kind,))]


def about_account(kind: AltKind | WsKind) -> bool:
    """Return whether a task is about our account: its rows come from the order route."""
    found = [one in _ACCOUNT for one in _types(kind)]
    if any(found) and not all(found):
        raise ConfigError(
            f"{variant(kind)} mixes channels of the market and of our account; make two tasks"
        )
    return all(found)


def ring_capacity(kind: AltKind | WsKind) -> int:
    """Return how many rows the ring of a task holds by default."""
    return max(_CAPACITY[one] for one in _types(kind))


def kinds_of(kind: AltKind | WsKind) -> frozenset[EventKind]:
    """Return the kinds of rows that a task publishes; STATUS rows may come from every task."""
    return frozenset({EventKind.STATUS}.union(*(_KINDS[one] for one in _types(kind))))
