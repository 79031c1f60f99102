"""Configuration of a live session: what the TOML file of ``extrema-nb live`` may say.

``docs/live.md`` explains each key, ``docs/live.toml`` is an example.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from extrema_nb.channels import Channel, Endpoints, parse_channel
from extrema_nb.errors import ConfigError
from extrema_nb.runtime.tasks import (
    AltTask,
    ModelPreds,
    Onnx,
    Task,
    TimeScheduler,
    WsTask,
    Zmq,
)
from extrema_nb.strategy.risk import RiskLimits
from extrema_nb.strategy.spec import Strategy
from extrema_nb.venues import MarketVenue

__all__ = [
    "LiveConfig",
    "ModelConfig",
    "SessionConfig",
    "StrategyConfig",
    "TimerConfig",
    "VenueConfig",
    "load_strategies",
    "tasks_of",
]


class VenueConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[venue]``."""

    id: str = "binance-usdm"
    rest: str = ""  # the venue's own address where empty; a local venue says it at its start
    ws: str = ""

    def endpoints(self, venue: MarketVenue) -> Endpoints:
        """Return where the venue is to be found."""
        if bool(self.rest) != bool(self.ws):
            raise ConfigError("[venue] has one of rest and ws; give both or neither")
        return Endpoints(rest=self.rest, ws=self.ws) if self.rest else venue.endpoints


class StrategyConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[[strategy]]``."""

    path: str  # "strategies.grid_maker:GridMaker"
    params: dict[str, Any] = {}
    insts: list[str] | None = None  # normalized names; all instruments where absent
    name: str | None = None


class TimerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[[timer]]``."""

    seconds: float
    id: int = 1


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[[model]]``: one of `onnx` and `zmq`."""

    onnx: str = ""  # path of an .onnx file or of a JSON file that describes one
    zmq: int = 0  # port of a model server on this machine
    id: int = 1

    def runner(self) -> Onnx | Zmq:
        """Return which model is meant."""
        if bool(self.onnx) == bool(self.zmq):
            raise ConfigError(f"[[model]] {self.id}: give either onnx or zmq")
        return Onnx(self.onnx) if self.onnx else Zmq(self.zmq)


class SessionConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[session]``."""

    journal: str = ""  # folder of the session journal; none where empty
    record: str = ""  # folder of a Parquet recording of the same rows; none where empty
    seed: int = 0
    kill_timeout_s: float = 10.0  # for cancelling everything at the end, s

    def __post_init__(self) -> None:
        if not self.kill_timeout_s > 0:
            raise ConfigError(
                f"session.kill_timeout_s is {self.kill_timeout_s}, expected a positive number"
            )


class LiveConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file."""

    instruments: list[str]
    channels: list[str] = msgspec.field(default_factory=lambda: ["trade", "bbo", "book"])
    strategy: list[StrategyConfig]
    venue: VenueConfig = VenueConfig()
    risk: RiskLimits = RiskLimits()
    timer: list[TimerConfig] = []
    model: list[ModelConfig] = []
    paper: dict[str, Any] = {}  # what the simulated exchange of --paper assumes; it reads them
    session: SessionConfig = SessionConfig()


def tasks_of(config: LiveConfig) -> list[Task]:
    """Return the tasks of a session; raise ConfigError for what makes none."""
    if not config.instruments:
        raise ConfigError("instruments is empty; name at least one, such as BTC_USDT_PERP")
    channels: tuple[Channel, ...] = tuple(parse_channel(word) for word in config.channels)
    tasks: list[Task] = [
        WsTask(market=config.venue.id, channel=channels, insts=tuple(config.instruments)),
    ]
    tasks += [AltTask(TimeScheduler(one.seconds), task_id=one.id) for one in config.timer]
    tasks += [AltTask(ModelPreds(one.runner()), task_id=one.id) for one in config.model]
    return tasks


def load_strategies(config: LiveConfig, load: Callable[[str], Any]) -> list[Strategy]:
    """Return the strategies of a session, in order; `load` takes an import path."""
    if not config.strategy:
        raise ConfigError("no [[strategy]]; give at least one with its path")
    out: list[Strategy] = []
    for one in config.strategy:
        found = load(one.path)
        if not (isinstance(found, type) and issubclass(found, Strategy)):
            raise ConfigError(f"{one.path} is no Strategy; name a class derived from it")
        out.append(found(insts=one.insts, name=one.name, **one.params))
    return out
