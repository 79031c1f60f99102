"""What a run is at a moment: all arrays of a lockstep, and what was drained from them.

Taken between two events, when the loop has come back. Code, assumptions and rows are not in it:
whoever puts a state into another lockstep must have made that of the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from extrema_nb.events import EVENT
from extrema_nb.strategy.group import Feature, LogLine
from replay.checkpoint.arrays import (
    arrays_of,
    forget_nothing,
    nested_in,
    put_arrays,
    put_bytes,
    sizes_of,
)
from replay.exchange.latency import Latency
from replay.exchange.model import MARK
from replay.lockstep import Entered, Lockstep, Variant

__all__ = ["FEATURE", "State", "put_state", "take_state"]

ADDRESSES = {"shared": {"contexts", "exchanges", "cells"}}
"""Arrays that hold addresses: another process has others, and makes them itself."""

FEATURE = np.dtype([("module", "<i8"), ("model", "<i8"), ("ts", "<i8"), ("count", "<i8")])
"""A feature row that waits for its model; its values follow those of the row before."""

CONSTANT: dict[str, Callable[[int], Any]] = {"latency": Latency}
"""Records within records that no run changes; they are made of the assumptions anew."""


class State(NamedTuple):
    """A lockstep at a moment."""

    arrays: dict[str, npt.NDArray[Any]]
    words: dict[str, Any]  # for JSON: lengths of arrays, log lines


class Arrays(Protocol):
    """Where arrays come from: `replay.checkpoint.file.Stored`."""

    def array(self, name: str, like: np.dtype[Any]) -> npt.NDArray[Any]:
        """Return an array of a dtype, or raise DataError."""
        ...


class _Part(NamedTuple):
    name: str
    owner: Any
    memory: list[npt.NDArray[Any]]


def _variant_parts(name: str, variant: Variant) -> list[_Part]:
    group = variant.group
    return [
        _Part(f"{name}.exchange", variant.x, variant.memory),
        _Part(f"{name}.context", group.ctx, group.memory),
    ]


def _parts(steps: Lockstep) -> Iterator[_Part]:
    """Yield every record that a lockstep's arrays hang on."""
    yield _Part("shared", steps.shared, steps.memory)
    for k, variant in enumerate(steps.variants):
        yield from _variant_parts(str(k), variant)
    first = steps.variants[0].group
    yield _Part("books", first.ctx.books, first.memory)


def _check(steps: Lockstep) -> None:
    """Raise AssertionError if something is in memory that would be forgotten."""
    parts = list(_parts(steps))
    owners = [part.owner for part in parts]
    for part in parts:
        for name in nested_in(part.owner, part.memory):
            if name not in CONSTANT:
                raise AssertionError(f"checkpoints do not know the record {part.name}.{name}")
            owners.append(CONSTANT[name](int(part.owner.hub[name])))
    first = steps.variants[0]
    forget_nothing(owners, [*steps.memory, *first.memory, *first.group.memory])


def _cells(variant: Variant) -> dict[str, npt.NDArray[Any]]:
    group = variant.group
    return {
        f"{kind}.{module}": array
        for kind, arrays in (("params", group.params), ("states", group.states))
        for module, array in enumerate(arrays)
    }


def _own_of_tape(entered: Entered) -> dict[str, npt.NDArray[Any]]:
    """Return what of a tape belongs to one run: where it has come to."""
    mine = {array.ctypes.data for array in entered.keep}
    return {
        name: array for name, array in arrays_of(entered.tape).items() if array.ctypes.data in mine
    }


def take_state(steps: Lockstep, entered: Entered) -> State:
    """Return what a lockstep is now, in the middle of a tape."""
    for variant in steps.variants:
        variant.collect()
    _check(steps)
    arrays: dict[str, npt.NDArray[Any]] = {}
    words: dict[str, Any] = {"sizes": {}, "logs": []}
    for part in _parts(steps):
        words["sizes"][part.name] = sizes_of(part.owner, part.memory)
        for name, array in arrays_of(part.owner).items():
            if name not in ADDRESSES.get(part.name, ()):
                arrays[f"{part.name}.{name}"] = array
    for name, array in _own_of_tape(entered).items():
        arrays[f"tape.{name}"] = array
    for k, variant in enumerate(steps.variants):
        for name, array in _cells(variant).items():
            arrays[f"{k}.{name}"] = array
        heads = [(f.module, f.model, f.ts, len(f.values)) for f in variant.waiting]
        arrays[f"{k}.waiting"] = np.array(heads, FEATURE)
        values = [f.values for f in variant.waiting]
        arrays[f"{k}.values"] = np.concatenate([np.zeros(0, np.float32), *values])
        arrays[f"{k}.journal"] = variant.journal()
        arrays[f"{k}.marks"] = variant.marks()
        words["logs"].append([list(line) for line in variant.logs])
    return State(arrays, words)


def put_state(steps: Lockstep, entered: Entered, words: dict[str, Any], stored: Arrays) -> None:
    """Make a fresh lockstep what another was; both run over the same rows.

    Parameters
    ----------
    entered : the tape that the other was in
    words, stored : what `take_state` gave, as a file has it
    """
    for part in _parts(steps):
        own = arrays_of(part.owner)
        names = [name for name in own if name not in ADDRESSES.get(part.name, ())]
        saved = {name: stored.array(f"{part.name}.{name}", own[name].dtype) for name in names}
        put_arrays(part.owner, saved, words["sizes"][part.name], part.memory)
    for name, array in _own_of_tape(entered).items():
        put_bytes(array, stored.array(f"tape.{name}", array.dtype))
    for k, variant in enumerate(steps.variants):
        for name, array in _cells(variant).items():
            put_bytes(array, stored.array(f"{k}.{name}", array.dtype))
        variant.told = [stored.array(f"{k}.journal", EVENT)]
        variant.marked = [stored.array(f"{k}.marks", MARK)]
        variant.logs = [LogLine(*line) for line in words["logs"][k]]
        variant.waiting = _waiting(stored, k)


def _waiting(stored: Arrays, k: int) -> list[Feature]:
    heads = stored.array(f"{k}.waiting", FEATURE)
    values = stored.array(f"{k}.values", np.dtype(np.float32))
    out, start = [], 0
    for module, model, ts, count in heads.tolist():
        out.append(Feature(module, model, ts, values[start : start + count]))
        start += count
    return out
