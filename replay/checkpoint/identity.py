"""What must be the same for a run to go on: rows, instruments, strategies, assumptions, version."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

import extrema_nb
from extrema_nb.contracts import ModelRunner
from extrema_nb.errors import ConfigError
from extrema_nb.events import SCHEMA_VERSION
from extrema_nb.instruments import InstrumentTable
from extrema_nb.strategy.group import KernelGroup
from replay.checkpoint.file import signature
from replay.exchange.latency import latency_identity
from replay.scan import DataScan

__all__ = ["check_identity", "identity_of"]

_REMEDY = {
    "version": "use the version that wrote it, or run from the start",
    "rows": "give the source that it was made of, with the same instruments, times and kinds",
    "instruments": "give the source that it was made of",
    "strategies": "give the same strategies and parameters, or run from the start",
    "kernel": "the code of a strategy or of the library has changed: run from the start",
    "engine": "the code of the simulated exchange has changed: run from the start",
    "risk": "give the same risk limits, or run from the start",
    "config": "give the same assumptions, or run from the start",
    "models": "give the same models, or run from the start",
}


def identity_of(
    group: KernelGroup, config: msgspec.Struct, data: DataScan, shift: int,
    table: InstrumentTable, models: Mapping[int, ModelRunner], engine: str,
) -> dict[str, Any]:  # fmt: skip
    """Return a run's identity for JSON; two runs with the same one are the same run.

    `engine` is the digest of what runs them, the simulated exchange with it.
    """
    told = group.describe()
    latency = config.exchange.latency  # type: ignore[attr-defined]  # a BacktestConfig
    return {
        "version": {"extrema-nb": extrema_nb.__version__, "rows": SCHEMA_VERSION},
        "rows": {
            "count": data.rows, "digest": data.digest, "first_ts": data.first_ts,
            "last_ts": data.last_ts, "clock_shift_us": shift,
        },
        "instruments": {row.name: msgspec.to_builtins(row) for row in table},
        "strategies": [
            {
                "path": strategy["path"], "insts": strategy["insts"],
                "params": strategy["params"], "state": signature(state.dtype),
            }
            for strategy, state in zip(told["strategies"], group.states, strict=True)
        ],
        "risk": told["risk"],
        "config": {
            **msgspec.to_builtins(config),
            "latency_table": None if latency is None else latency_identity(latency),
        },
        "models": {str(number): type(runner).__qualname__ for number, runner in models.items()},
        "kernel": told["digest"],
        "engine": engine,
    }  # fmt: skip


def check_identity(found: Mapping[str, Any], own: Mapping[str, Any], where: str) -> None:
    """Raise ConfigError if a checkpoint is of another run than this one, naming what differs.

    Parameters
    ----------
    found : identity in the checkpoint
    own : of the run that is to go on
    where : the checkpoint's file
    """
    own = json.loads(json.dumps(own))  # as a file gives it: tuples are lists, keys are text
    for part, remedy in _REMEDY.items():
        differences = list(_differences(part, found.get(part), own.get(part)))
        if differences:
            name, there, here = differences[0]
            more = f" (and {len(differences) - 1} more)" if len(differences) > 1 else ""
            raise ConfigError(
                f"{where} is of another run: {name} is {_short(there)} there, {_short(here)} "
                f"here{more}; {remedy}"
            )


def _differences(name: str, there: Any, here: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield (name, there, here) of every leaf that differs; NaN is equal to itself."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in dict.fromkeys([*there, *here]):
            yield from _differences(f"{name}.{key}", there.get(key), here.get(key))
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for at, pair in enumerate(zip(there, here, strict=True)):
            yield from _differences(f"{name}.{at}", *pair)
    elif json.dumps(there) != json.dumps(here):
        yield name, there, here


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 160 else text[:160] + "…"
